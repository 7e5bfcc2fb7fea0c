"""Reference trajectories of telos's robots in MuJoCo, for `sim/tests/mujoco_reference.rs`.

    pip install mujoco numpy
    python sim/peers/mujoco_reference.py

writes `sim/tests/reference/<robot>.json`. MuJoCo integrates with RK4 at a tenth of the model's time
step, so that what the test measures is telos's own error. `coordinates` says what `qpos` and `qvel`
consist of, in MuJoCo's order and conventions (a free body has seven positions, with the quaternion w
first, and six velocities, with the rotation in its own axes). `kinematics` is one posture with the poses
and velocities of all bodies; `mass` is that of everything that moves. Each scenario gives the state at
the start, the control law and `qpos` every `every` steps:

* `coast`: no gravity, far from the floor, joints spinning, no control.
* `drive`: the same at rest, under sinusoidal control: checks gears, damping, springs and limits.
* `settle`: from the initial pose under gravity onto the floor, no control.
* `slide`: from where it came to rest, thrown along the floor at 1 m/s: checks friction.
* `gait`: sinusoidal control on the floor, for the robots that stay on their feet; for the others it
  would be falling, which is chaotic.
"""

import json
import math
import pathlib

import mujoco
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parent / "assets"
OUT = HERE.parent / "tests" / "reference"
SUBSTEPS = 10

# Amplitude of the control without contact: small enough to stay away from the joint limits, which
# MuJoCo makes soft and telos stiff.
DRIVES = {"hopper": 0.02, "walker": 0.03, "ant": 0.02, "humanoid": 0.05, "push_t": 0.05}
# Joint positions that keep the motion free of contact: the pusher must not meet the block.
PLACES = {"push_t": {"block_x": -0.15, "block_y": -0.15}}
# Amplitude and frequency of the gaits.
GAITS = {"cheetah": (0.4, 3.0), "quadruped": (0.12, 1.5)}
# Robots that topple or collapse when nothing drives them; only the first steps are compared.
FALLING = {"humanoid": 25, "ant": 25}


def walks(model):
    """Whether the robot has a root that moves over the floor."""
    free = model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE
    return free or any(model.joint(joint).name == "root_z" for joint in range(model.njnt))


def coordinates(model):
    """Name, kind and places in qpos and qvel of every joint; a free joint goes by its body's name."""
    joints = []
    for joint in range(model.njnt):
        free = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
        name = model.body(model.jnt_bodyid[joint]).name if free else model.joint(joint).name
        joints.append({"name": name, "free": bool(free), "qpos": int(model.jnt_qposadr[joint]),
                       "qvel": int(model.jnt_dofadr[joint])})
    return joints


def lift(model, qpos):
    """Far above the floor: the free root, or the slide along z."""
    lifted = qpos.copy()
    if model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE:
        lifted[2] += 5.0
        return lifted
    for joint in range(model.njnt):
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE and model.jnt_axis[joint][2] == 1.0:
            lifted[model.jnt_qposadr[joint]] += 5.0
            break
    return lifted


def control(step, dt, amplitude, frequency, size):
    """Held over a step; one radian of phase between neighbouring actuators."""
    phase = 2.0 * math.pi * frequency * step * dt
    return amplitude * np.sin(phase + np.arange(size))


def simulate(robot, gravity, qpos, qvel, amplitude, frequency, steps, every):
    model = mujoco.MjModel.from_xml_path(str(ASSETS / f"{robot}.xml"))
    dt = model.opt.timestep
    if not gravity:
        model.opt.gravity[:] = 0.0
    model.opt.timestep = dt / SUBSTEPS
    model.opt.integrator = mujoco.mjtIntegrator.mjINT_RK4
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    data.qvel[:] = qvel
    samples = []
    for step in range(steps):
        data.ctrl[:] = control(step, dt, amplitude, frequency, model.nu)
        for _ in range(SUBSTEPS):
            mujoco.mj_step(model, data)
        if (step + 1) % every == 0:
            samples.append([round(float(q), 6) for q in data.qpos])
    return {
        "gravity": gravity,
        "qpos": [float(q) for q in qpos],
        "qvel": [float(v) for v in qvel],
        "amplitude": amplitude,
        "frequency": frequency,
        "every": every,
        "samples": samples,
    }


def kinematics(robot, qpos, qvel):
    """Poses and velocities of all bodies, and of the centre of mass, in one posture."""
    model = mujoco.MjModel.from_xml_path(str(ASSETS / f"{robot}.xml"))
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    data.qvel[:] = qvel
    mujoco.mj_forward(model, data)
    bodies = {}
    moving = []
    com, com_velocity = np.zeros(3), np.zeros(3)
    for body in range(1, model.nbody):
        linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacBody(model, data, linear, angular, body)
        w, x, y, z = data.xquat[body]
        bodies[model.body(body).name] = {
            "position": data.xpos[body].tolist(),
            "orientation": [x, y, z, w],
            "linear_velocity": (linear @ data.qvel).tolist(),
            "angular_velocity": (angular @ data.qvel).tolist(),
        }
        if model.body_weldid[body] != 0 and model.body_mocapid[body] < 0:
            moving.append(model.body_mass[body])
            mujoco.mj_jacBodyCom(model, data, linear, angular, body)
            com += model.body_mass[body] * data.xipos[body]
            com_velocity += model.body_mass[body] * (linear @ data.qvel)
    return {
        "qpos": [float(q) for q in qpos],
        "qvel": [float(v) for v in qvel],
        "bodies": bodies,
        "com": (com / sum(moving)).tolist(),
        "com_velocity": (com_velocity / sum(moving)).tolist(),
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for path in sorted(ASSETS.glob("*.xml")):
        robot = path.stem
        model = mujoco.MjModel.from_xml_path(str(path))
        start = model.qpos0.copy()
        # Away from the joint limits: the middle of each range, where there is one.
        middle = lift(model, start) if walks(model) else start.copy()
        for joint in range(model.njnt):
            if model.jnt_limited[joint]:
                middle[model.jnt_qposadr[joint]] = model.jnt_range[joint].mean()
        for joint, position in PLACES.get(robot, {}).items():
            middle[model.jnt_qposadr[model.joint(joint).id]] = position
        spin = 0.6 * np.cos(1.3 * np.arange(model.nv))
        rest = np.zeros(model.nv)
        # A posture with everything turned, also free bodies.
        posture = middle.copy()
        mujoco.mj_integratePos(model, posture, 0.2 * np.sin(1 + np.arange(model.nv)), 1.0)
        scenarios = {
            "coast": simulate(robot, False, middle, spin, 0.0, 1.0, 60, 5),
            "drive": simulate(robot, False, middle, rest, DRIVES.get(robot, 0.3), 1.0, 100, 5),
        }
        if walks(model):
            steps = FALLING.get(robot, 500)
            scenarios["settle"] = simulate(robot, True, start, rest, 0.0, 1.0, steps, steps // 5)
            if robot != "humanoid":
                throw = rest.copy()
                throw[0] = 1.0
                resting = simulate(robot, True, start, rest, 0.0, 1.0, 500, 500)["samples"][-1]
                scenarios["slide"] = simulate(robot, True, resting, throw, 0.0, 1.0, 200, 40)
        if robot in GAITS:
            scenarios["gait"] = simulate(robot, True, start, rest, *GAITS[robot], 500, 50)
        reference = {
            "robot": robot,
            "mujoco": mujoco.__version__,
            "mass": float(model.body_mass[(model.body_weldid != 0) & (model.body_mocapid < 0)].sum()),
            "coordinates": coordinates(model),
            "kinematics": kinematics(robot, posture, spin),
            "scenarios": scenarios,
        }
        (OUT / f"{robot}.json").write_text(json.dumps(reference) + "\n")
        print(robot, f"{reference['mass']:.3f} kg", ", ".join(scenarios))


if __name__ == "__main__":
    main()
