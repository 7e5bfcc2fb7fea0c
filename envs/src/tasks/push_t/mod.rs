//! `push-t`: push a T-shaped block onto its outline.
//!
//! After the Push-T task of Florence et al. 2021 and Chi et al. 2023 (arXiv 2303.04137, section V-B):
//! one metre here is a thousand of its pixels, and block, pusher, goal pose, control rate, reward and
//! success threshold are its own.

pub(crate) mod shape;

use std::{
    f32::consts::{FRAC_PI_4, PI},
    sync::Arc,
};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, JointId, Model, World, assets};

use self::shape::Pose;
use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance};
use crate::EnvError;

/// Where the block should come to.
pub(crate) const GOAL: Pose = Pose { position: [0.0, 0.0], angle: FRAC_PI_4 };
/// Radius of the pusher, metres.
pub(crate) const PUSHER: f32 = 0.015;
/// Half the side of the square that targets of the pusher cover, metres.
pub(crate) const REACH: f32 = 0.25;
/// Coverage of the goal that solves the task.
const SOLVED: f32 = 0.95;
const NEAR: Tolerance = Tolerance::new(0.0, 0.003).margin(0.1, Sigmoid::Gaussian, 0.1);
const ALIGNED: Tolerance = Tolerance::new(-0.03, 0.03).margin(1.0, Sigmoid::Gaussian, 0.1);

/// The task.
///
/// Action: where the pusher should be, from -0.25 to 0.25 m along x and y, held for 0.1 s.
/// Observation: position and velocity of the pusher (x, y each; m, m/s), position of the block's
/// centre of mass (m), cosine and sine of its angle. Gold reward: `covered`, the share of the goal
/// that the block covers over 0.95, at most 1. Further factors, not rewarded: `near` (3 mm, 0.1 at
/// 10 cm more) and `aligned` (0.03 rad, 0.1 at 1 rad more). Start: block anywhere within 0.15 m per
/// axis at any angle, pusher anywhere within 0.2 m per axis beside it. Success: 95% covered.
pub struct PushT {
    pusher: [JointId; 2],
    block: [JointId; 3],
}

impl PushT {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("push-t", assets::PUSH_T)?);
        let task = Self {
            pusher: [model.joint("pusher_x")?, model.joint("pusher_y")?],
            block: [model.joint("block_x")?, model.joint("block_y")?, model.joint("block_turn")?],
        };
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "push-t",
                task: "Push the grey T onto the green outline.",
                observations: 8,
                dt: 0.1,
                horizon: 300,
                factors: &["covered", "near", "aligned"],
            },
        )
    }

    fn block(&self, world: &World) -> Pose {
        let [x, y, angle] = self.block.map(|joint| world.joint_position(joint));
        Pose { position: [x, y], angle }
    }

    fn coverage(&self, world: &World) -> f32 {
        shape::coverage(&self.block(world), &GOAL)
    }

    /// Distance in metres and smallest turn in radians from the block to the goal.
    fn errors(&self, world: &World) -> [f32; 2] {
        let block = self.block(world);
        let [x, y] = [0, 1].map(|axis| GOAL.position[axis] - block.position[axis]);
        let turn = (GOAL.angle - block.angle + PI).rem_euclid(2.0 * PI) - PI;
        [x.hypot(y), turn]
    }
}

impl RobotTask for PushT {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        let position = [rng.random_range(-0.15..0.15), rng.random_range(-0.15..0.15)];
        let block = Pose { position, angle: rng.random_range(-PI..PI) };
        // The block covers a twentieth of the square: this ends soon.
        let pusher = loop {
            let place = [rng.random_range(-0.2..0.2), rng.random_range(-0.2..0.2)];
            if shape::distance(block.inverse(place)) > 2.0 * PUSHER {
                break place;
            }
        };
        let placed = self.block.into_iter().chain(self.pusher);
        let coordinates = [position[0], position[1], block.angle, pusher[0], pusher[1]];
        for (joint, coordinate) in placed.zip(coordinates) {
            world.set_joint_position(joint, coordinate);
        }
        world.set_ctrl(&pusher);
        world.forward();
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let block = self.block(world);
        let (sin, cos) = block.angle.sin_cos();
        obs[..2].copy_from_slice(&self.pusher.map(|joint| world.joint_position(joint)));
        obs[2..4].copy_from_slice(&self.pusher.map(|joint| world.joint_velocity(joint)));
        obs[4..].copy_from_slice(&[block.position[0], block.position[1], cos, sin]);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let covered = (self.coverage(world) / SOLVED).min(1.0);
        let [distance, turn] = self.errors(world);
        factors.copy_from_slice(&[covered, NEAR.of(distance), ALIGNED.of(turn)]);
        covered
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.coverage(world) >= SOLVED)
    }

    fn caption(&self, world: &World) -> String {
        let [distance, turn] = self.errors(world);
        format!(
            "the block covers {:.0}% of the outline: {:.0} mm and {:.0} degrees off",
            100.0 * self.coverage(world),
            1000.0 * distance,
            turn.abs().to_degrees()
        )
    }

    fn camera(&self, _: &World) -> Camera {
        Camera { eye: [0.0, -0.001, 0.7], target: [0.0; 3], fovy: 45.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    /// The environment with the block at a pose and the pusher at a place.
    fn placed(block: Pose, pusher: [f32; 2]) -> RobotEnv<PushT> {
        let mut env = PushT::env().unwrap();
        env.reset(0, &mut [0.0; 8]);
        let coordinates = [block.position[0], block.position[1], block.angle, pusher[0], pusher[1]];
        let names = ["block_x", "block_y", "block_turn", "pusher_x", "pusher_y"];
        for (name, coordinate) in names.into_iter().zip(coordinates) {
            let joint = env.world().model().joint(name).unwrap();
            env.world_mut().set_joint_position(joint, coordinate);
            env.world_mut().set_joint_velocity(joint, 0.0);
        }
        env.world_mut().forward();
        env
    }

    #[test]
    fn the_block_on_its_outline_is_rewarded_fully() {
        let corner = [0.2 / REACH, 0.2 / REACH];
        let mut env = placed(GOAL, [0.2, 0.2]);
        assert_eq!(env.step(&corner, &mut [0.0; 8]).reward, 1.0);
        assert_eq!(env.success(), Some(true));
        let mut env = placed(Pose { position: [0.01, 0.0], ..GOAL }, [0.2, 0.2]);
        let reward = env.step(&corner, &mut [0.0; 8]).reward;
        assert!((0.7..0.95).contains(&reward) && env.success() == Some(false), "{reward}");
        assert!(env.caption().contains("10 mm and 0 degrees"), "{}", env.caption());
    }

    #[test]
    fn a_push_moves_the_block_as_viscous_sliding_says_and_it_stops_at_once() {
        // Against the middle of the bar's top, from +y: straight down.
        let start = Pose { position: [0.0; 2], angle: 0.0 };
        let mut env = placed(start, [0.0, 0.08]);
        let mut obs = [0.0; 8];
        for _ in 0..20 {
            env.step(&[0.0, 0.0], &mut obs);
        }
        let touching = shape::BAR.centre[1] + shape::BAR.half[1] + PUSHER;
        assert!((obs[1] - obs[5] - touching).abs() < 1e-3, "the pusher stands at the bar: {obs:?}");
        assert!(obs[4].abs() < 1e-3 && obs[7].abs() < 0.01, "no turn, no drift: {obs:?}");
        let before = obs[5];
        env.step(&[0.0, 0.8], &mut obs);
        assert!((obs[5] - before).abs() < 2e-3, "it does not coast: {obs:?}");
        // Off the middle, it turns: clockwise for a push down on the right.
        let mut env = placed(start, [0.05, 0.08]);
        for _ in 0..20 {
            env.step(&[0.05 / REACH, 0.0], &mut obs);
        }
        assert!(obs[7] < -0.1, "{obs:?}");
    }
}
