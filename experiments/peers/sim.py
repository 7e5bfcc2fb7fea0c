"""Simulation speed of telos beside MuJoCo, EnvPool and gymnasium, on one core.

    pip install mujoco gymnasium envpool numpy
    cargo build --release
    python experiments/peers/sim.py [--telos target/release/telos] [--rounds 5]

prints three Markdown tables. Everything runs on one core (the process and its children are pinned to
it), one after the other, for several rounds, so that a machine that slows down favours nobody; figures
are medians over the rounds.

1. telos's robots in telos and in MuJoCo: same file, same time step, same controls, the integrator of the
   file (Euler). MuJoCo steps inside `mujoco.rollout`, a loop in C.
2. gymnasium's robots, from gymnasium's files: telos runs the physics steps of one environment step,
   EnvPool and gymnasium's vector environment run theirs, random actions, 16 environments, resets included.
3. telos's tasks beside EnvPool's port of the DeepMind Control Suite's task of that name, each on its own
   robot and with its own time step: environment steps, random actions, 16 environments, resets included.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import time

import envpool
import gymnasium
import mujoco
import mujoco.rollout
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = 5000
COPIES = 16
GYM = {"half_cheetah": ("HalfCheetah-v5", 5), "hopper": ("Hopper-v5", 4), "walker2d": ("Walker2d-v5", 4),
       "ant": ("Ant-v5", 5), "humanoid": ("Humanoid-v5", 5)}
SUITE = {
    "cartpole-balance": "CartpoleBalance-v1", "cartpole-swingup": "CartpoleSwingup-v1",
    "pendulum-swingup": "PendulumSwingup-v1", "acrobot-swingup": "AcrobotSwingup-v1",
    "reacher": "ReacherEasy-v1", "hopper-hop": "HopperHop-v1", "walker-walk": "WalkerWalk-v1",
    "cheetah-run": "CheetahRun-v1", "humanoid-walk": "HumanoidWalk-v1",
}


class Telos:
    def __init__(self, binary):
        self.binary = binary

    def bench(self, *arguments):
        """Rates by measurement name."""
        command = [self.binary, "bench", *arguments, "--rounds", "3", "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return {row["name"]: row["value"] for row in json.loads(done.stdout)["measurements"]}

    def has_task(self, task):
        listed = json.loads(subprocess.run([self.binary, "envs", "--json"], capture_output=True).stdout)
        return any(spec["id"] == task for spec in listed)


def mujoco_rate(path):
    """Physics steps per second under the controls of `telos bench sim`; NaN where the motion diverges."""
    model = mujoco.MjModel.from_xml_path(str(path))
    data = mujoco.MjData(model)
    low, high = model.actuator_ctrlrange.T
    phase = 0.05 * np.arange(STEPS)[:, None] + np.arange(model.nu)
    control = low + (high - low) * (0.5 + 0.5 * np.sin(phase))
    state = np.zeros(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    start = time.perf_counter()
    states, _ = mujoco.rollout.rollout(model, data, state[None], control[None])
    elapsed = time.perf_counter() - start
    # A rollout stops where the simulation warns; the first number of a state is the time.
    whole = states[0, -1, 0] > (STEPS - 0.5) * model.opt.timestep
    return STEPS / elapsed if whole else math.nan


def vector_rate(envs, steps):
    """Environment steps per second; the environments are warm and go on from round to round."""
    space = envs.action_space
    rng = np.random.default_rng(0)
    shape = (steps, COPIES, space.shape[-1])
    actions = rng.uniform(space.low.min(), space.high.max(), shape)
    start = time.perf_counter()
    for action in actions:
        envs.step(action)
    return steps * COPIES / (time.perf_counter() - start)


def pool(name):
    envs = envpool.make_gymnasium(name, num_envs=COPIES, num_threads=1)
    envs.reset()
    vector_rate(envs, 100)
    return envs


def table(title, columns, rows):
    print(f"\n{title}\n\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def median_rates(rounds, measures):
    """Medians over `rounds` of each measure, alternating."""
    results = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            results[name].append(measure())
    return {name: statistics.median(values) for name, values in results.items()}


def own_robots(telos, rounds):
    rows = []
    for path in sorted((ROOT / "sim" / "assets").glob("*.xml")):
        rates = median_rates(rounds, {
            "telos": lambda: telos.bench("sim", "--mjcf", str(path)).popitem()[1],
            "mujoco": lambda: mujoco_rate(path),
        })
        ratio = rates["telos"] / rates["mujoco"]
        rows.append([path.stem, f"{rates['telos']:,.0f}", f"{rates['mujoco']:,.0f}", f"{ratio:.2f}"])
    table("telos's robots, physics steps per second", ["robot", "telos", "MuJoCo", "telos / MuJoCo"], rows)


def gymnasium_robots(telos, rounds):
    assets = pathlib.Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets"
    rows = []
    for robot, (task, frame_skip) in GYM.items():
        envs, vector = pool(task), gymnasium.make_vec(task, num_envs=COPIES, vectorization_mode="sync")
        vector.reset(seed=0)
        path = str(assets / f"{robot}.xml")
        try:
            rates = median_rates(rounds, {
                "one": lambda: telos.bench("sim", "--mjcf", path, "--iterations", "1").popitem()[1] / frame_skip,
                "two": lambda: telos.bench("sim", "--mjcf", path, "--iterations", "2").popitem()[1] / frame_skip,
                "envpool": lambda: vector_rate(envs, 200),
                "gymnasium": lambda: vector_rate(vector, 60),
            })
        except RuntimeError as error:
            rows.append([robot, f"refused: {error}"])
            continue
        rows.append([robot, *(f"{rates[name]:,.0f}" for name in ("one", "two", "envpool", "gymnasium")),
                     f"{rates['one'] / rates['envpool']:.2f}", f"{rates['two'] / rates['envpool']:.2f}"])
    table("gymnasium's robots, environment steps per second",
          ["robot", "telos, 1 iteration", "telos, 2 iterations", "EnvPool", "gymnasium",
           "1 iteration / EnvPool", "2 iterations / EnvPool"], rows)


def tasks(telos, rounds):
    rows = []
    for task, theirs in SUITE.items():
        if not telos.has_task(task):
            continue
        envs = pool(theirs)
        rates = median_rates(rounds, {
            "telos": lambda: telos.bench("envs", "--env", task)[f"{task}: vectorised, 1 thread"],
            "envpool": lambda: vector_rate(envs, 200),
        })
        ratio = rates["telos"] / rates["envpool"]
        rows.append([task, theirs, f"{rates['telos']:,.0f}", f"{rates['envpool']:,.0f}", f"{ratio:.2f}"])
    table("Tasks, environment steps per second", ["task", "peer", "telos", "EnvPool", "telos / EnvPool"], rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--telos", default=str(ROOT / "target" / "release" / "telos"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tables", default="123", help="which of the tables, e.g. 13")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    telos = Telos(arguments.telos)
    for number, measure in (("1", own_robots), ("2", gymnasium_robots), ("3", tasks)):
        if number in arguments.tables:
            measure(telos, arguments.rounds)


if __name__ == "__main__":
    main()
