//! `ant-run`: a ball on four legs runs forward.
//!
//! The robot and the heading are those of Gymnasium's `Ant` (Schulman et al. 2016), in proportions of
//! our own; the reward is in the style of the DeepMind Control Suite.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, free_root, phrases, placement};
use crate::EnvError;

/// Full reward from here on, m/s.
const RUN_SPEED: f32 = 4.0;
const RUNNING: Tolerance = Tolerance::at_least(RUN_SPEED).margin(RUN_SPEED, Sigmoid::Linear, 0.0);
/// Cosine of 30 degrees: how far the torso may tilt without loss.
const UPRIGHT: Tolerance = Tolerance::at_least(0.866).margin(1.866, Sigmoid::Linear, 0.0);
/// Radians to either side of x.
const HEADING: f32 = 0.3;

/// The task.
///
/// Observation: height of the torso (m); in the torso's frame the directions of the world's x and z
/// axes, its velocity (m/s) and angular velocity (rad/s); joint positions and velocities. Gold reward:
/// `upright * running`. Start: on its legs, heading within 0.3 rad of x, joints and velocities
/// disturbed by up to 0.1. Success: upright, at half the full speed or more.
pub struct Ant {
    joints: Vec<JointId>,
    torso: BodyId,
}

impl Ant {
    /// Builds `ant-run`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn run() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("ant", assets::ANT)?);
        let task = Self { joints: model.joints().collect(), torso: model.body("torso")? };
        let observations = free_root::observations(task.joints.len());
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "ant-run",
                task: "Run forward on four legs without tipping over.",
                observations,
                dt: 0.05,
                horizon: 500,
                factors: &["upright", "running"],
            },
        )
    }
}

impl RobotTask for Ant {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::disturb(world, self.torso, HEADING, rng);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        free_root::observe(world, self.torso, &self.joints, obs);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        factors[0] = UPRIGHT.of(free_root::up(world, self.torso));
        factors[1] = RUNNING.of(world.com_velocity()[0]);
        factors[0] * factors[1]
    }

    fn success(&self, world: &World) -> Option<bool> {
        let upright = UPRIGHT.of(free_root::up(world, self.torso)) == 1.0;
        Some(upright && world.com_velocity()[0] >= RUN_SPEED / 2.0)
    }

    fn caption(&self, world: &World) -> String {
        let balance = phrases::balance(free_root::up(world, self.torso));
        let height = world.body_position(self.torso)[2];
        format!(
            "the torso is {balance} at {height:.2} m height, {}",
            phrases::motion(world.com_velocity()[0])
        )
    }

    fn camera(&self, world: &World) -> Camera {
        free_root::beside(world, 3.0, 1.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn speed_on_the_legs_is_rewarded_and_on_the_back_it_is_not() {
        let mut env = Ant::run().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let torso = env.world().model().body("torso").unwrap();
        let mut judged = |speed: f32, orientation: [f32; 4]| {
            env.world_mut().reset();
            env.world_mut().set_body_pose(torso, [0.0, 0.0, 0.8], orientation);
            env.world_mut().set_body_velocity(torso, [speed, 0.0, 0.0], [0.0; 3]);
            env.world_mut().forward();
            (env.step(&[0.0; 8], &mut obs).reward, env.success().unwrap(), env.caption())
        };
        let upright = [0.0, 0.0, 0.0, 1.0];
        let (fast, success, caption) = judged(4.2, upright);
        assert!(fast > 0.99 && success && caption.contains("level"), "{fast} {caption}");
        let (slow, success, _) = judged(1.0, upright);
        assert!((0.2..0.3).contains(&slow) && !success, "{slow}");
        assert_eq!(judged(-3.0, upright).0, 0.0);
        let (overturned, success, caption) = judged(4.2, [1.0, 0.0, 0.0, 0.0]);
        assert!(overturned < 0.01 && !success && caption.contains("upside down"), "{overturned} {caption}");
    }
}
