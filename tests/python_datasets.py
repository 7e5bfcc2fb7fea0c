"""Datasets of telos against the programs whose formats it reads and writes.

    python tests/python_datasets.py TELOS SCRATCH
"""

import json
import pathlib
import shutil
import subprocess
import sys

import av
import gymnasium
import h5py
import minari
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

TELOS, SCRATCH = sys.argv[1], pathlib.Path(sys.argv[2])
GENERATOR = np.random.default_rng(3)
# Steps of the episodes that Python writes, and whether their last step ends the task.
EPISODES = [(7, True), (12, False), (1, True), (30, False)]
OBS, ACT = 3, 2


def telos(*arguments, code=0):
    """Runs telos and returns what it said; a wrong exit code is a failure."""
    result = subprocess.run([TELOS, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == code, (arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout + result.stderr


def episodes(path):
    """The episodes of a dataset of telos, read with nothing but numpy."""
    manifest = json.loads((path / "manifest.json").read_text())
    types = {"f32": "<f4", "u8": "u1", "u64": "<u8"}
    columns = {
        column["name"]: np.fromfile(path / f"{column['name']}.{column['type']}", types[column["type"]]).reshape(
            column["rows"], column["width"]
        )
        for column in manifest["columns"]
    }
    found, start = [], 0
    for number, steps in enumerate(columns["episode_steps"][:, 0].astype(int)):
        rows = slice(start, start + steps)
        found.append(
            {
                "obs": columns["obs"][start + number : start + number + steps + 1],
                "actions": columns["actions"][rows],
                "rewards": columns["rewards"][rows, 0],
                "success": columns["success"][rows, 0].astype(bool) if "success" in columns else None,
                "factors": columns["factors"][rows] if "factors" in columns else None,
                "terminated": bool(columns["episode_terminated"][number, 0]),
                "pictures": columns["pictures"][rows] if "pictures" in columns else None,
            }
        )
        start += steps
    assert start == manifest["steps"] and len(found) == manifest["episodes"]
    return manifest, found


def made():
    """Episodes as Python has them."""
    numbers = lambda *shape: GENERATOR.uniform(-1, 1, shape).astype(np.float32)
    return [
        {
            "obs": numbers(steps + 1, OBS),
            "actions": numbers(steps, ACT),
            "rewards": numbers(steps),
            "terminated": ended,
        }
        for steps, ended in EPISODES
    ]


def same(found, expected, keys=("obs", "actions", "rewards", "terminated")):
    assert len(found) == len(expected), (len(found), len(expected))
    for left, right in zip(found, expected):
        for key in keys:
            np.testing.assert_array_equal(left[key], right[key], err_msg=key)


def check_minari(path, expected):
    """Minari reads a dataset of telos."""
    out = SCRATCH / f"{path.name}-minari"
    telos("dataset", "convert", path, "--to", "minari", "--id", "telos/test-v0", "--out", out)
    dataset = minari.MinariDataset(out / "data")
    assert dataset.spec.dataset_id == "telos/test-v0"
    assert dataset.total_steps == sum(len(e["rewards"]) for e in expected)
    found = [
        {
            "obs": e.observations,
            "actions": e.actions,
            "rewards": e.rewards,
            "terminated": bool(e.terminations[-1]),
            "success": e.infos["success"][1:] if e.infos else None,
        }
        for e in dataset.iterate_episodes()
    ]
    same(found, expected, ("obs", "actions", "rewards", "terminated", "success"))
    for e in dataset.iterate_episodes():
        assert e.terminations.dtype == bool and e.terminations[-1] != e.truncations[-1]
        assert not e.terminations[:-1].any() and not e.truncations[:-1].any()
        assert dataset.action_space.contains(e.actions[0])
    # And back again.
    env = json.loads((path / "manifest.json").read_text())["info"]["env"]
    telos("dataset", "convert", out, "--env", env, "--out", SCRATCH / f"{path.name}-again")
    same(episodes(SCRATCH / f"{path.name}-again")[1], expected, ("obs", "actions", "rewards", "terminated", "success"))


CAMERA = "observation.images.camera"


def check_lerobot(path, manifest, expected, film):
    """pyarrow, pandas and, where it is installed, lerobot read a dataset of telos."""
    out = SCRATCH / f"{path.name}-lerobot"
    telos("dataset", "convert", path, "--to", "lerobot", "--out", out, *(["--film"] if film else []))
    info = json.loads((out / "meta/info.json").read_text())
    frames = pa.concat_tables([pq.read_table(file) for file in sorted(out.glob("data/*/*.parquet"))])
    assert info["total_frames"] == frames.num_rows == manifest["steps"]
    assert {name for name, feature in info["features"].items() if feature["dtype"] != "video"} == set(frames.column_names)
    assert (CAMERA in info["features"]) == film
    for number, e in enumerate(expected if film else []):
        with av.open(out / f"videos/{CAMERA}/chunk-000/file-{number:03d}.mp4") as video:
            stream = video.streams.video[0]
            assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 320, 240)
            assert stream.average_rate == info["fps"]
            pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)]
        assert len(pictures) == len(e["rewards"]) and all(picture.std() > 5 for picture in pictures)
    column = lambda name: np.stack(frames[name].to_numpy(zero_copy_only=False)) if frames.num_rows else None
    episode = column("episode_index")
    for number, e in enumerate(expected):
        rows = episode == number
        matrix = lambda name: column(name)[rows].reshape(len(e["rewards"]), -1)
        np.testing.assert_array_equal(matrix("observation.state"), e["obs"][:-1])
        np.testing.assert_array_equal(matrix("action"), e["actions"])
        np.testing.assert_array_equal(matrix("next.reward")[:, 0], e["rewards"])
        if e["success"] is not None:
            np.testing.assert_array_equal(matrix("next.success")[:, 0], e["success"])
        assert column("next.done")[rows].sum() == 1
    tasks = pd.read_parquet(out / "meta/tasks.parquet")
    assert isinstance(tasks.index[0], str) and tasks.iloc[0].task_index == 0
    stats = json.loads((out / "meta/stats.json").read_text())
    states = np.concatenate([e["obs"][:-1] for e in expected]).astype(np.float64)
    np.testing.assert_allclose(stats["observation.state"]["mean"], states.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(stats["observation.state"]["std"], states.std(0), rtol=1e-5, atol=1e-7)
    try:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset
    except ImportError:
        print("lerobot is not installed; its layout was read with pyarrow and pandas")
    else:
        dataset = LeRobotDataset("telos/test", root=out, video_backend="pyav")
        assert (dataset.num_episodes, len(dataset)) == (len(expected), manifest["steps"])
        first = dataset.hf_dataset[0]
        np.testing.assert_array_equal(np.atleast_1d(first["observation.state"].numpy()), expected[0]["obs"][0])
        assert dataset.meta.tasks.index[0] == tasks.index[0]
        # Without pictures: lerobot decodes them with versions of torch that it may not find here.
        if not film:
            assert dataset[0]["task"] == tasks.index[0]
        print("lerobot reads what telos wrote")
    telos("dataset", "convert", out, "--out", SCRATCH / f"{path.name}-back")
    same(episodes(SCRATCH / f"{path.name}-back")[1], expected, ("obs", "actions", "rewards", "terminated", "success", "factors"))


def squeezed(picture, side):
    """A picture of any size as a square, every pixel the mean of the area that it covers."""
    def cover(size):
        edges = np.arange(side + 1) * size / side
        places = np.arange(size)
        return np.clip(np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places), 0, None)

    down, across = (cover(size) / cover(size).sum(1, keepdims=True) for size in picture.shape[:2])
    rows = np.tensordot(down, picture.astype(np.float64), axes=(1, 0))
    return np.tensordot(rows, across, axes=(1, 1)).transpose(0, 2, 1)


def check_pictures(path):
    """telos reads the videos of a LeRobot dataset: one for each episode as it wrote them, and all episodes in one, with
    pictures that are stored out of order, as LeRobot itself has them."""
    out, side = SCRATCH / f"{path.name}-lerobot", 48
    info = json.loads((out / "meta/info.json").read_text())
    videos = sorted(out.glob(f"videos/{CAMERA}/*/*.mp4"))
    seen = []
    for file in videos:
        with av.open(file) as video:
            seen.append([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])

    def marked(number, picture):
        """With a bar in another place than in the pictures before and after."""
        picture, left = picture.copy(), number * 73 % 280
        picture[60:180, left : left + 40] = 255
        return picture

    joined = SCRATCH / f"{path.name}-joined"
    shutil.copytree(out, joined)
    shutil.rmtree(joined / "videos")
    target = joined / f"videos/{CAMERA}/chunk-000/file-000.mp4"
    target.parent.mkdir(parents=True)
    with av.open(target, "w") as video:
        stream = video.add_stream("libx264", rate=round(info["fps"]), options={"bf": "2", "crf": "12", "g": "20"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        drawn = [marked(number, picture) for number, picture in enumerate(p for episode in seen for p in episode)]
        for picture in drawn:
            video.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        video.mux(stream.encode())
    with av.open(target) as video:
        packets = [packet for packet in video.demux(video=0) if packet.pts is not None]
        assert any(packet.pts != packet.dts for packet in packets), "pictures are stored out of order"
    table = joined / "meta/episodes/chunk-000/file-000.parquet"
    episodes_table = pq.read_table(table)
    starts = np.cumsum([0] + [len(episode) for episode in seen[:-1]]) / info["fps"]
    stops = starts + np.array([len(episode) for episode in seen]) / info["fps"]
    single = lambda values: values.astype(np.float32)
    for name, values in [
        ("file_index", np.zeros(len(seen), np.int64)),
        ("from_timestamp", single(starts)),
        ("to_timestamp", single(stops)),
    ]:
        name = f"videos/{CAMERA}/{name}"
        episodes_table = episodes_table.set_column(episodes_table.column_names.index(name), name, pa.array(values))
    pq.write_table(episodes_table, table)

    whole = [picture for episode in seen for picture in episode]
    for source, expected in [(out, whole), (joined, drawn)]:
        back = SCRATCH / f"{source.name}-seen"
        telos("dataset", "convert", source, "--camera", CAMERA, "--size", side, "--out", back)
        manifest, found = episodes(back)
        assert manifest["info"]["picture_side"] == side
        assert [len(e["pictures"]) for e in found] == [len(episode) for episode in seen]
        ours = np.concatenate([e["pictures"] for e in found]).reshape(-1, side, side, 3)
        theirs = np.stack([squeezed(picture, side) for picture in expected])
        error = np.abs(ours - theirs)
        # Two conversions of colours, and for the joined video a second compression.
        assert error.mean() < 3 and np.quantile(error, 0.99) < 16, (source, error.mean(), error.max())
    # Each is nearer to its own drawing than to those before and after it.
    neighbours = np.abs(ours[1:] - theirs[:-1]).mean((1, 2, 3)), np.abs(ours[:-1] - theirs[1:]).mean((1, 2, 3))
    own = error.mean((1, 2, 3))
    assert (own[1:] < 0.5 * neighbours[0]).all() and (own[:-1] < 0.5 * neighbours[1]).all()
    # What the tables say of the videos has to fit the frames.
    broken = SCRATCH / f"{path.name}-broken"
    shutil.copytree(joined, broken)
    name = f"videos/{CAMERA}/to_timestamp"
    position = episodes_table.column_names.index(name)
    shorter = episodes_table.set_column(position, name, pa.array(single(stops - 1 / info["fps"])))
    pq.write_table(shorter, broken / table.relative_to(joined))
    said = telos("dataset", "convert", broken, "--camera", CAMERA, "--out", SCRATCH / "never", code=2)
    assert "pictures of episode 0, which has" in said, said
    assert not (SCRATCH / "never").exists()


def check_telos_writes():
    for env, policy, steps in [("reacher", "scripted", 700), ("hopper-hop", "random", 600), ("pendulum-classic", "random", 450)]:
        path = SCRATCH / env
        telos("collect", "--env", env, "--policy", policy, "--steps", steps, "--out", path, "--reference-episodes", 2)
        assert "all columns match" in telos("dataset", "info", path, "--verify")
        manifest, found = episodes(path)
        assert manifest["steps"] == steps
        check_minari(path, found)
        check_lerobot(path, manifest, found, film=env != "pendulum-classic")
        if env == "reacher":
            check_pictures(path)


def write_minari(data):
    space = lambda size: gymnasium.spaces.Box(-1, 1, (size,), np.float32)
    buffers = [
        minari.data_collector.EpisodeBuffer(
            id=None,
            observations=e["obs"],
            actions=e["actions"],
            rewards=list(map(float, e["rewards"])),
            terminations=[False] * (len(e["rewards"]) - 1) + [e["terminated"]],
            truncations=[False] * (len(e["rewards"]) - 1) + [not e["terminated"]],
            infos=None,
        )
        for e in data
    ]
    minari.create_dataset_from_buffers(
        "test/python-v0", buffers, observation_space=space(OBS), action_space=space(ACT), data_format="hdf5"
    )
    return minari.storage.get_dataset_path("test/python-v0")


def write_d4rl(path, data, next_observations, compression=None):
    ends = np.cumsum([len(e["rewards"]) for e in data]) - 1
    flags = lambda which: np.isin(np.arange(ends[-1] + 1), ends[which])
    terminated = np.array([e["terminated"] for e in data])
    with h5py.File(path, "w") as file:
        add = lambda name, values: file.create_dataset(name, data=values, compression=compression)
        add("observations", np.concatenate([e["obs"][:-1] for e in data]))
        add("actions", np.concatenate([e["actions"] for e in data]))
        add("rewards", np.concatenate([e["rewards"] for e in data]))
        add("terminals", flags(terminated))
        add("timeouts", flags(~terminated))
        if next_observations:
            add("next_observations", np.concatenate([e["obs"][1:] for e in data]))


def write_robomimic(path, data):
    with h5py.File(path, "w") as file:
        group = file.create_group("data")
        group.attrs["env_args"] = json.dumps({"env_name": "Lift", "env_kwargs": {"control_freq": 20}})
        for number, e in enumerate(data):
            demo = group.create_group(f"demo_{number}")
            demo.attrs["num_samples"] = len(e["rewards"])
            demo["actions"] = e["actions"].astype(np.float64)
            demo["rewards"] = e["rewards"].astype(np.float64)
            demo["dones"] = np.arange(len(e["rewards"])) == len(e["rewards"]) - 1 if e["terminated"] else np.zeros(len(e["rewards"]), int)
            for part, rows in [("obs", e["obs"][:-1]), ("next_obs", e["obs"][1:])]:
                demo[f"{part}/a"] = rows[:, :2].astype(np.float64)
                demo[f"{part}/b"] = rows[:, 2:].astype(np.float64)
                demo[f"{part}/image"] = np.zeros((len(rows), 4, 4, 3), np.uint8)


def write_lerobot(path, data):
    """As lerobot writes it, but for statistics; without lerobot, because that needs torch."""
    frames = [(number, frame) for number, e in enumerate(data) for frame in range(len(e["rewards"]))]
    lists = lambda key, size: pa.FixedSizeListArray.from_arrays(np.concatenate([e[key][: len(e["rewards"])] for e in data]).ravel(), size)
    table = pa.table(
        {
            "observation.state": lists("obs", OBS),
            "action": lists("actions", ACT),
            "next.reward": np.concatenate([e["rewards"] for e in data]),
            "episode_index": [number for number, _ in frames],
            "frame_index": [frame for _, frame in frames],
            "index": list(range(len(frames))),
        }
    )
    (path / "data/chunk-000").mkdir(parents=True)
    (path / "meta/episodes/chunk-000").mkdir(parents=True)
    half = sum(len(e["rewards"]) for e in data[:2])
    pq.write_table(table[:half], path / "data/chunk-000/file-000.parquet", compression="snappy")
    pq.write_table(table[half:], path / "data/chunk-000/file-001.parquet", compression="snappy", row_group_size=5)
    lengths = pa.table({"episode_index": list(range(len(data))), "length": [len(e["rewards"]) for e in data]})
    pq.write_table(lengths, path / "meta/episodes/chunk-000/file-000.parquet")
    feature = lambda size: {"dtype": "float32", "shape": [size], "names": None}
    info = {
        "codebase_version": "v3.0", "robot_type": "so101", "fps": 30, "total_frames": len(frames), "total_episodes": len(data),
        "features": {
            "observation.state": feature(OBS), "action": feature(ACT), "next.reward": feature(1),
            "observation.images.top": {"dtype": "video", "shape": [480, 640, 3], "names": None},
        },
    }
    (path / "meta/info.json").write_text(json.dumps(info))


def without_last_action(data):
    """What is left where nobody knows the observation after the last action."""
    return [
        {**e, "obs": e["obs"][:-1], "actions": e["actions"][:-1], "rewards": e["rewards"][:-1], "terminated": False}
        for e in data
        if len(e["rewards"]) > 1
    ]


def check_telos_reads():
    data = made()
    path = write_minari(data)
    telos("dataset", "convert", path, "--dt", 0.02, "--out", SCRATCH / "from-minari")
    same(episodes(SCRATCH / "from-minari")[1], data)

    for compression in (None, "gzip"):
        path, out = SCRATCH / f"d4rl-{compression}.hdf5", SCRATCH / f"from-d4rl-{compression}"
        write_d4rl(path, data, True, compression)
        telos("dataset", "convert", path, "--dt", 0.05, "--out", out)
        same(episodes(out)[1], data)
    path, out = SCRATCH / "maze.hdf5", SCRATCH / "from-maze"
    write_d4rl(path, data, False)
    telos("dataset", "convert", path, "--dt", 0.05, "--out", out)
    # The observation after the end of a task is never read; telos repeats the last.
    repeat = lambda e: {**e, "obs": np.concatenate([e["obs"][:-1], e["obs"][-2:-1]])}
    same(episodes(out)[1], [repeat(e) if e["terminated"] else without_last_action([e])[0] for e in data])

    path, out = SCRATCH / "demos.hdf5", SCRATCH / "from-robomimic"
    write_robomimic(path, data)
    telos("dataset", "convert", path, "--out", out)
    manifest, found = episodes(out)
    assert (manifest["info"]["env"], round(manifest["info"]["dt"], 6)) == ("Lift", 0.05)
    same(found, data)

    path, out = SCRATCH / "so101", SCRATCH / "from-lerobot"
    write_lerobot(path, data)
    telos("dataset", "convert", path, "--out", out)
    same(episodes(out)[1], without_last_action(data))


def check_bad_input():
    """Each mistake is named, ends in exit code 2, and leaves nothing behind."""
    data = made()

    def refused(path, *expected, extra=()):
        before = set(SCRATCH.iterdir())
        said = telos("dataset", "convert", path, "--dt", 0.05, "--out", SCRATCH / "refused", *extra, code=2)
        assert all(text in said for text in (str(path), *expected)), (expected, said)
        assert set(SCRATCH.iterdir()) == before

    path = SCRATCH / "bad.hdf5"

    def damaged(change, *expected, **arguments):
        write_d4rl(path, data, True)
        with h5py.File(path, "a") as file:
            change(file)
        refused(path, *expected, **arguments)

    def shorten(file):
        actions = file["actions"][:-2]
        del file["actions"]
        file["actions"] = actions

    def spoil(file):
        file["rewards"][9] = np.nan

    def open_end(file):
        file["timeouts"][-1] = False

    damaged(shorten, "column `actions`", "has 48 rows, but 50 belong to `observations`")
    damaged(spoil, "column `rewards`, row 9", "NaN")
    damaged(open_end, "column `timeouts`, row 20", "--truncate-last")
    damaged(lambda file: file.__delitem__("terminals"), "column `terminals`")
    damaged(lambda file: None, "another robot", extra=("--env", "walker-walk"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path)
    path.write_bytes(b"not at all HDF5")
    refused(path)

    path = SCRATCH / "bad-lerobot"
    write_lerobot(path, data)
    file = path / "data/chunk-000/file-000.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-40])
    refused(path, "file-000.parquet")
    table = pq.read_table(pa.BufferReader(whole))
    rewards = table["next.reward"].to_pylist()
    rewards[4] = float("nan")
    pq.write_table(table.set_column(2, "next.reward", pa.array(rewards, pa.float32())), file)
    refused(path, "file-000.parquet", "column `next.reward`, row 4")
    pq.write_table(table[:-1], file)
    refused(path, "info.json", "counts 50 frames, but the files in data/ hold 49")
    info = json.loads((path / "meta/info.json").read_text())
    (path / "meta/info.json").write_text(json.dumps({**info, "codebase_version": "v2.1"}))
    refused(path, "v2.1")


def check_lerobot_writes():
    """telos reads what lerobot itself wrote, where it is installed."""
    try:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset
    except ImportError:
        return
    data = made()
    feature = lambda size: {"dtype": "float32", "shape": (size,), "names": None}
    dataset = LeRobotDataset.create(
        "test/python", fps=20, root=SCRATCH / "lerobot", use_videos=False,
        features={"observation.state": feature(OBS), "action": feature(ACT), "next.reward": feature(1)},
    )
    for e in data:
        for step, reward in enumerate(e["rewards"]):
            dataset.add_frame(
                {"observation.state": e["obs"][step], "action": e["actions"][step], "next.reward": np.array([reward]), "task": "reach"}
            )
        dataset.save_episode()
    dataset.finalize()
    telos("dataset", "convert", SCRATCH / "lerobot", "--out", SCRATCH / "from-lerobot-itself")
    same(episodes(SCRATCH / "from-lerobot-itself")[1], without_last_action(data))
    print("telos reads what lerobot wrote")


if __name__ == "__main__":
    # Minari keeps its datasets where this says.
    import os

    os.environ["MINARI_DATASETS_PATH"] = str(SCRATCH / "minari")
    check_telos_writes()
    check_telos_reads()
    check_lerobot_writes()
    check_bad_input()
    print("datasets agree with minari, h5py, pyarrow and pandas")
