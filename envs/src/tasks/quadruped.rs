//! `quadruped-walk` and `quadruped-run`: a robot of a dog's build walks or runs forward.
//!
//! After the DeepMind Control Suite's `quadruped`, tasks `walk` and `run`, on a robot of our own with
//! servos, of which an action of zero commands a stand.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, free_root, phrases, placement};
use crate::EnvError;

/// Height of the trunk that counts as standing, metres; at rest it is 0.4.
const STAND_HEIGHT: f32 = 0.3;
const STANDING: Tolerance = Tolerance::at_least(STAND_HEIGHT).margin(0.2, Sigmoid::Gaussian, 0.1);
/// Cosine of 30 degrees: how far the trunk may tilt without loss.
const UPRIGHT: Tolerance = Tolerance::at_least(0.866).margin(1.866, Sigmoid::Linear, 0.0);
/// Full reward from here on, m/s.
const WALK_SPEED: f32 = 0.5;
const RUN_SPEED: f32 = 3.0;
/// Radians to either side of x.
const HEADING: f32 = 0.3;

/// The tasks.
///
/// Observation: height of the trunk (m); in the trunk's frame the directions of the world's x and z
/// axes, its velocity (m/s) and angular velocity (rad/s); joint positions and velocities. Gold reward:
/// `standing * upright * (1 + 5 walking) / 6`, or `running` instead of `walking`. Start: on its legs,
/// heading within 0.3 rad of x, joints and velocities disturbed by up to 0.1. Success: standing
/// upright, walking at full speed or running at half of it.
pub struct Quadruped {
    joints: Vec<JointId>,
    trunk: BodyId,
    pace: Tolerance,
    /// Speed of success, m/s.
    success: f32,
}

impl Quadruped {
    /// Builds `quadruped-walk`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn walk() -> Result<RobotEnv<Self>, EnvError> {
        let task = "Walk forward at 0.5 m/s or more.";
        Self::env([WALK_SPEED, WALK_SPEED], "quadruped-walk", task, &["standing", "upright", "walking"])
    }

    /// Builds `quadruped-run`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn run() -> Result<RobotEnv<Self>, EnvError> {
        let task = "Run forward, at up to 3 m/s.";
        Self::env([RUN_SPEED, RUN_SPEED / 2.0], "quadruped-run", task, &["standing", "upright", "running"])
    }

    fn env(
        [speed, success]: [f32; 2],
        id: &'static str,
        task: &'static str,
        factors: &'static [&'static str],
    ) -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("quadruped", assets::QUADRUPED)?);
        let robot = Self {
            joints: model.joints().collect(),
            trunk: model.body("trunk")?,
            pace: Tolerance::at_least(speed).margin(speed, Sigmoid::Linear, 0.0),
            success,
        };
        let observations = free_root::observations(robot.joints.len());
        RobotEnv::new(model, robot, &TaskSpec { id, task, observations, dt: 0.02, horizon: 1000, factors })
    }

    /// The factors `standing` and `upright`.
    fn posture(&self, world: &World) -> [f32; 2] {
        let height = world.body_position(self.trunk)[2];
        [STANDING.of(height), UPRIGHT.of(free_root::up(world, self.trunk))]
    }
}

impl RobotTask for Quadruped {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::disturb(world, self.trunk, HEADING, rng);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        free_root::observe(world, self.trunk, &self.joints, obs);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let [standing, upright] = self.posture(world);
        let moving = self.pace.of(world.com_velocity()[0]);
        factors.copy_from_slice(&[standing, upright, moving]);
        standing * upright * (1.0 + 5.0 * moving) / 6.0
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.posture(world) == [1.0; 2] && world.com_velocity()[0] >= self.success)
    }

    fn caption(&self, world: &World) -> String {
        let balance = phrases::balance(free_root::up(world, self.trunk));
        let height = world.body_position(self.trunk)[2];
        format!(
            "the trunk is {balance} at {height:.2} m height, {}",
            phrases::motion(world.com_velocity()[0])
        )
    }

    fn camera(&self, world: &World) -> Camera {
        free_root::beside(world, 2.0, 0.8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Env, TimeLimit};

    #[test]
    fn standing_pays_little_and_moving_forward_pays() {
        for (env, speed) in [(Quadruped::walk(), 0.7), (Quadruped::run(), 3.2)] {
            let mut env = env.unwrap();
            let mut obs = vec![0.0; env.spec().observation.size()];
            let trunk = env.world().model().body("trunk").unwrap();
            let mut judged = |speed: f32, orientation: [f32; 4]| {
                env.world_mut().reset();
                env.world_mut().set_body_pose(trunk, [0.0, 0.0, 0.5], orientation);
                env.world_mut().set_body_velocity(trunk, [speed, 0.0, 0.0], [0.0; 3]);
                env.world_mut().forward();
                (env.step(&[0.0; 12], &mut obs).reward, env.success().unwrap(), env.caption())
            };
            let (fast, success, caption) = judged(speed, [0.0, 0.0, 0.0, 1.0]);
            assert!(fast > 0.99 && success && caption.contains("level"), "{fast} {caption}");
            let (still, success, _) = judged(0.0, [0.0, 0.0, 0.0, 1.0]);
            assert!((0.1..0.25).contains(&still) && !success, "{still}");
            let (overturned, success, caption) = judged(speed, [1.0, 0.0, 0.0, 0.0]);
            assert!(overturned < 0.01 && !success && caption.contains("upside down"), "{caption}");
        }
    }

    #[test]
    fn the_servos_hold_the_stand() {
        let mut env = TimeLimit::new(Quadruped::walk().unwrap());
        let mut obs = vec![0.0; env.spec().observation.size()];
        let mut factors = [0.0; 3];
        for seed in 0..5 {
            env.reset(seed, &mut obs);
            for _ in 0..250 {
                env.step(&[0.0; 12], &mut obs);
                env.factors(&mut factors);
                assert_eq!(factors[..2], [1.0; 2], "{}", env.caption());
            }
        }
    }
}
