"""Pictures per second of telos beside MuJoCo's offscreen renderer, on one core, without a graphics card.

    pip install mujoco numpy            # and a software OpenGL: libegl1, libgl1-mesa-dri, or libosmesa6
    cargo build --release
    MUJOCO_GL=egl python experiments/peers/render.py [--telos target/release/telos] [--rounds 3]

prints a Markdown table. Both draw the same robot, from the same file, from the same place: a scene is
filled from the state, drawn, and its pixels are in memory at the end. MuJoCo runs twice, as it comes
(4 samples per pixel, shadow map of 4096 pixels) and "lean" (1 sample, 1024 pixels). The process is pinned
to one core; figures are medians over the rounds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

import mujoco
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROBOTS = ["walker", "cheetah", "humanoid"]
SIDES = [64, 84, 224]
EYE, TARGET = np.array([0.0, -4.0, 1.4]), np.array([0.0, 0.0, 0.9])
PICTURES = 10


def camera():
    """The view of `telos bench render` as a free camera."""
    view = TARGET - EYE
    result = mujoco.MjvCamera()
    result.type = mujoco.mjtCamera.mjCAMERA_FREE
    result.lookat[:] = TARGET
    result.distance = np.linalg.norm(view)
    result.azimuth = np.degrees(np.arctan2(view[1], view[0]))
    result.elevation = np.degrees(np.arcsin(view[2] / result.distance))
    return result


def mujoco_rate(robot, side, shadows, lean):
    spec = mujoco.MjSpec.from_file(str(ROOT / "sim" / "assets" / f"{robot}.xml"))
    light = spec.worldbody.add_light()
    light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    light.pos, light.dir, light.castshadow = [-2.0, -2.7, 4.0], [0.384, 0.512, -0.768], True
    model = spec.compile()
    if lean:
        model.vis.quality.offsamples = 0
        model.vis.quality.shadowsize = 1024
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    view = camera()
    pixels = np.empty((side, side, 3), np.uint8)
    with mujoco.Renderer(model, side, side) as renderer:
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadows
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        renderer.update_scene(data, view)
        renderer.render(out=pixels)
        start = time.perf_counter()
        for _ in range(PICTURES):
            renderer.update_scene(data, view)
            renderer.render(out=pixels)
        return PICTURES / (time.perf_counter() - start)


def telos_rates(binary, rounds):
    command = [binary, "bench", "render", "--rounds", str(rounds), "--json"]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["measurements"]
    return {row["name"]: row["value"] for row in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--telos", default=str(ROOT / "target" / "release" / "telos"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    rates = {}
    for _ in range(arguments.rounds):
        for name, rate in telos_rates(arguments.telos, 5).items():
            rates.setdefault(name, []).append(rate)
        for robot in ROBOTS:
            for side in SIDES:
                for shadows in [False, True]:
                    for lean in [False, True]:
                        rate = mujoco_rate(robot, side, shadows, lean)
                        rates.setdefault((robot, side, shadows, lean), []).append(rate)
    medians = {name: statistics.median(values) for name, values in rates.items()}

    print("| robot | picture | telos, pictures/s | MuJoCo | ratio | MuJoCo, lean | ratio |")
    print("|---|---|---|---|---|---|---|")
    for robot in ROBOTS:
        for side in SIDES:
            for shadows in [False, True]:
                what = f"{side} px{', shadows' if shadows else ''}"
                telos = medians[f"{robot}, {what}: 1 thread"]
                usual, lean = (medians[robot, side, shadows, lean] for lean in [False, True])
                print(f"| {robot} | {what} | {telos:,.0f} | {usual:,.0f} | {telos / usual:.0f} "
                      f"| {lean:,.0f} | {telos / lean:.0f} |")


if __name__ == "__main__":
    main()
