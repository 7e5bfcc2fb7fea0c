//! `reacher`: bring the tip of a two-link arm to a target in the plane.
//!
//! After the DeepMind Control Suite's `reacher`, task `easy`. Its reward is 1 within the target and 0
//! elsewhere, which leaves most pairs of segments without a difference; here that is half of the
//! gold reward, and nearness the other half.

use std::{f32::consts::PI, sync::Arc};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, GeomId, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, placement};
use crate::EnvError;

/// Distance between centres at which the tip counts as at the target, metres.
const REACH: f32 = 0.05;
const AT_TARGET: Tolerance = Tolerance::new(0.0, REACH);
const NEAR: Tolerance = AT_TARGET.margin(0.2, Sigmoid::Gaussian, 0.1);

/// The task.
///
/// Observation: joint angles (shoulder as `cos, sin`, since it turns freely; wrist in rad), vector
/// from the tip to the target (m), joint velocities (rad/s). Gold reward: mean of `near`, Gaussian
/// with 0.1 at 0.2 m outside the target, and `at_target`, 1 within 0.05 m. Start: random arm, target
/// 0.05 to 0.20 m from the shoulder in a random direction. Success: at the target.
pub struct Reacher {
    shoulder: JointId,
    wrist: JointId,
    fingertip: GeomId,
    target: BodyId,
}

impl Reacher {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("reacher", assets::REACHER)?);
        let task = Self {
            shoulder: model.joint("shoulder")?,
            wrist: model.joint("wrist")?,
            fingertip: model.geom("fingertip")?,
            target: model.body("target")?,
        };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "reacher",
                task: "Bring the tip of the arm to the red target and hold it there.",
                observations: 7,
                dt: 0.02,
                horizon: 1000,
                factors: &["near", "at_target"],
            },
        )
    }

    /// From the tip to the target in the plane, metres.
    fn to_target(&self, world: &World) -> [f32; 2] {
        let (tip, target) = (world.geom_position(self.fingertip), world.body_position(self.target));
        [target[0] - tip[0], target[1] - tip[1]]
    }

    fn distance(&self, world: &World) -> f32 {
        let [x, y] = self.to_target(world);
        x.hypot(y)
    }
}

impl RobotTask for Reacher {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::scatter_joints(world, rng);
        let (direction, radius) = (rng.random_range(-PI..PI), rng.random_range(0.05f32..0.20));
        let height = world.body_position(self.target)[2];
        let position = [radius * direction.cos(), radius * direction.sin(), height];
        world.set_body_pose(self.target, position, [0.0, 0.0, 0.0, 1.0]);
        world.forward();
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (sin, cos) = world.joint_position(self.shoulder).sin_cos();
        let [x, y] = self.to_target(world);
        let wrist = world.joint_position(self.wrist);
        let velocities = [self.shoulder, self.wrist].map(|joint| world.joint_velocity(joint));
        obs.copy_from_slice(&[cos, sin, wrist, x, y, velocities[0], velocities[1]]);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let distance = self.distance(world);
        let (near, at_target) = (NEAR.of(distance), AT_TARGET.of(distance));
        factors.copy_from_slice(&[near, at_target]);
        (near + at_target) / 2.0
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.distance(world) <= REACH)
    }

    fn caption(&self, world: &World) -> String {
        let distance = self.distance(world);
        let place = if distance <= REACH { "at the target" } else { "away from the target" };
        let speed = world.joint_velocity(self.shoulder).abs().max(world.joint_velocity(self.wrist).abs());
        let motion = if speed < 0.1 { "still" } else { "moving" };
        format!("the tip is {place}, {:.0} cm from its centre, and the arm is {motion}", 100.0 * distance)
    }

    fn camera(&self, _: &World) -> Camera {
        Camera { eye: [0.0, -0.35, 0.6], target: [0.0, 0.0, 0.0], fovy: 45.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn the_tip_in_the_target_is_rewarded() {
        let mut env = Reacher::env().unwrap();
        let mut obs = [0.0; 7];
        let model = env.world().model().clone();
        let (target, tip) = (model.body("target").unwrap(), model.geom("fingertip").unwrap());
        for (offset, words) in [(0.0, "at the target, 0 cm"), (0.3, "away from the target, 30 cm")] {
            env.reset(3, &mut obs);
            let position = env.world().geom_position(tip);
            let there = [position[0] + offset, position[1], position[2]];
            env.world_mut().set_body_pose(target, there, [0.0, 0.0, 0.0, 1.0]);
            env.world_mut().forward();
            let reward = env.step(&[0.0; 2], &mut obs).reward;
            assert!((obs[3] - offset).abs() < 0.01 && obs[4].abs() < 0.01, "{obs:?}");
            assert!(env.caption().contains(words), "{}", env.caption());
            assert_eq!(env.success(), Some(offset == 0.0));
            assert!(if offset == 0.0 { reward == 1.0 } else { reward < 0.1 }, "{reward}");
        }
    }

    #[test]
    fn targets_are_within_reach_and_stay_where_they_are() {
        let mut env = Reacher::env().unwrap();
        let mut obs = [0.0; 7];
        let target = env.world().model().body("target").unwrap();
        for seed in 0..50 {
            env.reset(seed, &mut obs);
            let before = env.world().body_position(target);
            assert!((0.05..0.21).contains(&before[0].hypot(before[1])), "{before:?}");
            for _ in 0..20 {
                env.step(&[1.0, -1.0], &mut obs);
            }
            assert_eq!(env.world().body_position(target), before);
        }
    }
}
