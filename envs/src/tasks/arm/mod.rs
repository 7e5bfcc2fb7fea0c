//! Tasks of a seven-joint arm with a parallel gripper, which points down.
//!
//! Every task has the same action: displacement of the gripper along x, y and z, 2.5 cm per step at
//! full scale, and the gripper's opening, from fully open at -1 to closed with 16 N at 1 (robosuite's
//! and Meta-World's convention). The hand keeps its orientation. Observations begin with the arm
//! itself, [`ARM`] components; poses of objects and goals follow. Steps last 0.05 s.

mod block;
mod button_press;
mod drawer_open;
mod lift;
mod pick_place;
mod posture;
mod push;
mod reach;
mod servo;
mod spatial;
mod table_task;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, GeomId, JointId, Model, World};

pub use self::{
    button_press::ArmButtonPress,
    drawer_open::ArmDrawerOpen,
    lift::ArmLift,
    pick_place::ArmPickPlace,
    push::ArmPush,
    reach::ArmReach,
    table_task::{ArmTask, TableTask},
};
use self::{
    posture::{JOINTS, PINCH, Posture},
    spatial::Vec3,
};
use crate::EnvError;

/// Components of the observation that describe the arm: joint angles (7, rad), joint velocities (7,
/// rad/s), position of the gripper (3, m), its velocity (3, m/s), opening (m).
pub(crate) const ARM: usize = 21;
/// Where the position of the gripper stands among them.
pub(crate) const GRIPPER: usize = 14;
/// Components of an action.
pub(crate) const ACTIONS: usize = 4;
/// Displacement of the gripper by a full action, metres per step.
pub(crate) const STRIDE: f32 = 0.025;
/// Seconds per step, and steps per episode.
const DT: f32 = 0.05;
const HORIZON: usize = 200;

/// Joints of the arm, from the base on.
const HINGES: [&str; JOINTS] =
    ["shoulder_turn", "shoulder_bend", "arm_turn", "elbow_bend", "forearm_turn", "wrist_bend", "hand_turn"];
/// Joint angles with the gripper 0.2 m above the table, 0.45 m in front of the base, radians.
const HOME: [f32; JOINTS] = [0.0, 0.5775, 0.0, 1.7228, 0.0, 0.8413, 0.0];
/// Opening of each finger, metres.
const OPEN: f32 = 0.04;
/// Where the gripper may go: lower and upper corner, metres. At the lowest, the fingertips are 5 mm
/// above the table: fingers that press on it cannot close.
const WORKSPACE: [Vec3; 2] = [[0.25, -0.35, 0.02], [0.65, 0.35, 0.45]];
/// Share of the distance to the home posture that one step corrects where the gripper allows it.
const HOMING: f32 = 0.02;
/// How far the target of a joint may lead its position, radians: bounds the force of an arm that
/// pushes against something.
const LEAD: f32 = 0.25;

/// The arm within a model.
pub struct Arm {
    hand: BodyId,
    joints: [JointId; JOINTS],
    fingers: [JointId; 2],
    pads: [GeomId; 2],
}

impl Arm {
    /// Finds the arm of `assets::ARM`, whose actuators come first in the model: the hinges, then the
    /// fingers.
    fn new(model: &Model) -> Result<Self, EnvError> {
        let joints = HINGES.iter().map(|name| model.joint(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            hand: model.body("hand")?,
            joints: joints.try_into().expect("as many as names"),
            fingers: [model.joint("left_finger")?, model.joint("right_finger")?],
            pads: [model.geom("left_finger")?, model.geom("right_finger")?],
        })
    }

    /// Puts the arm near its home posture, at rest, with the gripper open.
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let mut ctrl = [OPEN; JOINTS + 2];
        for ((joint, home), ctrl) in self.joints.iter().zip(HOME).zip(&mut ctrl) {
            *ctrl = home + rng.random_range(-0.03..0.03);
            world.set_joint_position(*joint, *ctrl);
        }
        self.fingers.iter().for_each(|finger| world.set_joint_position(*finger, OPEN));
        world.set_ctrl(&ctrl);
        world.forward();
    }

    /// The point between the finger pads, metres.
    fn gripper(&self, world: &World) -> Vec3 {
        let (hand, turn) = (world.body_position(self.hand), world.body_orientation(self.hand));
        spatial::add(hand, spatial::rotate(turn, PINCH))
    }

    /// Distance between the finger pads, metres.
    fn opening(&self, world: &World) -> f32 {
        self.fingers.iter().map(|finger| world.joint_position(*finger)).sum()
    }

    /// Whether both fingers press on something.
    fn holds(&self, world: &World) -> bool {
        self.pads.iter().all(|pad| world.touches(*pad))
    }

    /// Turns an action into joint targets. The posture of the targets, not the arm's own, is where the
    /// gripper should be and is moved: an arm without action holds its place under any load.
    fn control(&self, world: &World, action: &[f32], ctrl: &mut [f32]) {
        let held: [f32; JOINTS] = std::array::from_fn(|joint| world.ctrl()[joint]);
        let posture = Posture::of(&held);
        let linear: Vec3 = std::array::from_fn(|axis| {
            let wanted = posture.gripper[axis] + STRIDE * action[axis];
            wanted.clamp(WORKSPACE[0][axis], WORKSPACE[1][axis]) - posture.gripper[axis]
        });
        let homing = std::array::from_fn(|joint| HOMING * (HOME[joint] - held[joint]));
        let wanted = (linear, posture.tilt());
        let displacement = servo::joint_displacement(&posture.jacobian, wanted, &homing);
        for (joint, id) in self.joints.iter().enumerate() {
            let angle = world.joint_position(*id);
            ctrl[joint] = (held[joint] + displacement[joint]).clamp(angle - LEAD, angle + LEAD);
        }
        ctrl[JOINTS..].fill(0.5 * OPEN * (1.0 - action[3]));
    }

    /// Writes the first [`ARM`] components of the observation.
    fn observe(&self, world: &World, obs: &mut [f32]) {
        for (i, joint) in self.joints.iter().enumerate() {
            obs[i] = world.joint_position(*joint);
            obs[JOINTS + i] = world.joint_velocity(*joint);
        }
        let (gripper, origin) = (self.gripper(world), world.body_position(self.hand));
        let swing = spatial::cross(world.body_angular_velocity(self.hand), spatial::sub(gripper, origin));
        obs[2 * JOINTS..2 * JOINTS + 3].copy_from_slice(&gripper);
        obs[2 * JOINTS + 3..2 * JOINTS + 6]
            .copy_from_slice(&spatial::add(world.body_linear_velocity(self.hand), swing));
        obs[ARM - 1] = self.opening(world);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    fn gripper(obs: &[f32]) -> Vec3 {
        [obs[14], obs[15], obs[16]]
    }

    #[test]
    fn the_gripper_goes_where_the_action_says_and_then_stays() {
        for (axis, sign) in [(0, 1.0), (1, 1.0), (1, -1.0), (2, 1.0), (2, -1.0)] {
            let mut env = ArmReach::env().unwrap();
            let mut obs = [0.0; ARM + 3];
            env.reset(0, &mut obs);
            // The initial disturbance of the posture is corrected first.
            for _ in 0..30 {
                env.step(&[0.0; 4], &mut obs);
            }
            let start = gripper(&obs);
            let mut action = [0.0; 4];
            action[axis] = sign;
            for _ in 0..4 {
                env.step(&action, &mut obs);
            }
            for _ in 0..20 {
                env.step(&[0.0; 4], &mut obs);
            }
            let moved = spatial::sub(gripper(&obs), start);
            let rest: f32 = (0..3).filter(|other| *other != axis).map(|other| moved[other].abs()).sum();
            assert!((sign * moved[axis] - 4.0 * STRIDE).abs() < 0.015 && rest < 0.015, "{moved:?}");
            let place = gripper(&obs);
            for _ in 0..40 {
                env.step(&[0.0; 4], &mut obs);
            }
            let drift = spatial::distance(gripper(&obs), place);
            assert!(drift < 0.002, "{drift} m in two seconds");
            let down = spatial::rotate(
                env.world().body_orientation(env.world().model().body("hand").unwrap()),
                [0.0, 0.0, 1.0],
            );
            assert!(down[2] < -0.999, "the hand points down: {down:?}");
        }
    }

    #[test]
    fn the_gripper_opens_and_closes_and_stays_in_its_workspace() {
        let mut env = ArmReach::env().unwrap();
        let mut obs = [0.0; ARM + 3];
        env.reset(1, &mut obs);
        for (command, opening) in [(-1.0, 2.0 * OPEN), (1.0, 0.0), (0.0, OPEN)] {
            for _ in 0..20 {
                env.step(&[0.0, 0.0, 0.0, command], &mut obs);
            }
            assert!((obs[ARM - 1] - opening).abs() < 2e-3, "{command}: {}", obs[ARM - 1]);
        }
        for direction in [[1.0, 1.0, -1.0, 1.0], [-1.0, -1.0, 1.0, 1.0]] {
            for _ in 0..80 {
                env.step(&direction, &mut obs);
            }
            let place = gripper(&obs);
            for axis in 0..3 {
                let [low, high] = WORKSPACE.map(|corner| corner[axis]);
                assert!((low - 0.02..high + 0.02).contains(&place[axis]), "{direction:?}: {place:?}");
            }
        }
    }

    /// The block in the gripper, as the expert grasps it.
    fn lifted() -> (crate::tasks::RobotEnv<ArmTask<ArmLift>>, [f32; ARM + block::OBSERVED]) {
        let expert = crate::registry::expert("arm-lift").unwrap();
        let mut env = ArmLift::env().unwrap();
        let (mut obs, mut action) = ([0.0; ARM + block::OBSERVED], [0.0; 4]);
        env.reset(3, &mut obs);
        for _ in 0..60 {
            expert.act(&obs, &mut action);
            env.step(&action, &mut obs);
        }
        assert_eq!(env.success(), Some(true));
        (env, obs)
    }

    #[test]
    fn a_grasped_block_does_not_slip_when_it_is_held_or_shaken() {
        let (mut env, mut obs) = lifted();
        let offset = |obs: &[f32]| spatial::sub([obs[ARM], obs[ARM + 1], obs[ARM + 2]], gripper(obs));
        let start = offset(&obs);
        let mut fastest = 0.0f32;
        for step in 0..200 {
            // Two steps to and fro, along one axis after the other, then four seconds of holding.
            let mut action = [0.0, 0.0, 0.0, 1.0];
            if step < 120 {
                action[step / 40] = if step % 4 < 2 { 1.0 } else { -1.0 };
            }
            env.step(&action, &mut obs);
            fastest = fastest.max(obs[ARM + 7].abs().max(obs[ARM + 8].abs()).max(obs[ARM + 9].abs()));
        }
        let slip = spatial::distance(offset(&obs), start);
        assert!(slip < 0.003, "{slip} m");
        assert!(fastest > 0.2, "it was shaken: {fastest} m/s");
        assert!(env.caption().contains("in the gripper"), "{}", env.caption());
    }

    #[test]
    fn an_opened_gripper_drops_the_block() {
        let (mut env, mut obs) = lifted();
        for _ in 0..20 {
            env.step(&[0.0, 0.0, 0.0, -1.0], &mut obs);
        }
        assert_eq!(env.success(), Some(false));
        assert!((obs[ARM + 2] - block::REST).abs() < 2e-3, "it lies on the table: {}", obs[ARM + 2]);
        assert!(env.caption().contains("not in the gripper"));
    }
}
