//! `walker-stand`, `walker-walk` and `walker-run`: a biped stands up, and walks or runs.
//!
//! After the DeepMind Control Suite's `walker`, tasks `stand`, `walk` and `run`: same observation,
//! reward and times, on a robot of our own proportions.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, phrases, placement, planar};
use crate::EnvError;

/// Height of the torso that counts as standing, metres.
const STAND_HEIGHT: f32 = 1.2;
const STANDING: Tolerance =
    Tolerance::at_least(STAND_HEIGHT).margin(STAND_HEIGHT / 2.0, Sigmoid::Gaussian, 0.1);
/// Full reward from here on, m/s.
const WALK_SPEED: f32 = 1.0;
const RUN_SPEED: f32 = 8.0;

/// The tasks.
///
/// Observation: cosine and sine of the pitch of each of the seven bodies, height of the torso (m),
/// all joint velocities. Gold reward: `(3 standing + upright) / 4`, with `upright = (1 + cos pitch)
/// / 2` of the torso, times `(1 + 5 walking) / 6` or `(1 + 5 running) / 6`. Start: every joint uniform
/// within its limits, in any orientation, clear of the floor. Success: standing; and walking at full
/// speed, or running at half of it.
pub struct Walker {
    joints: Vec<JointId>,
    root_z: JointId,
    bodies: Vec<BodyId>,
    torso: BodyId,
    pace: Option<Pace>,
}

/// A forward speed to reach.
struct Pace {
    reward: Tolerance,
    /// Speed of success, m/s.
    success: f32,
}

impl Pace {
    fn new(speed: f32, success: f32) -> Self {
        Self { reward: Tolerance::at_least(speed).margin(speed / 2.0, Sigmoid::Linear, 0.5), success }
    }
}

impl Walker {
    /// Builds `walker-stand`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn stand() -> Result<RobotEnv<Self>, EnvError> {
        Self::env(None, "walker-stand", "Stand upright.", &["standing", "upright"])
    }

    /// Builds `walker-walk`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn walk() -> Result<RobotEnv<Self>, EnvError> {
        let task = "Stand upright and walk forward at 1 m/s or more.";
        let pace = Pace::new(WALK_SPEED, WALK_SPEED);
        Self::env(Some(pace), "walker-walk", task, &["standing", "upright", "walking"])
    }

    /// Builds `walker-run`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn run() -> Result<RobotEnv<Self>, EnvError> {
        let task = "Stand upright and run forward, at up to 8 m/s.";
        let pace = Pace::new(RUN_SPEED, RUN_SPEED / 2.0);
        Self::env(Some(pace), "walker-run", task, &["standing", "upright", "running"])
    }

    fn env(
        pace: Option<Pace>,
        id: &'static str,
        task: &'static str,
        factors: &'static [&'static str],
    ) -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("walker", assets::WALKER)?);
        let world = model.body("world")?;
        let robot = Self {
            joints: model.joints().collect(),
            root_z: model.joint("root_z")?,
            bodies: model.bodies().filter(|body| *body != world).collect(),
            torso: model.body("torso")?,
            pace,
        };
        let observations = 2 * robot.bodies.len() + 1 + robot.joints.len();
        RobotEnv::new(model, robot, &TaskSpec { id, task, observations, dt: 0.025, horizon: 1000, factors })
    }

    fn height(&self, world: &World) -> f32 {
        world.body_position(self.torso)[2]
    }
}

impl RobotTask for Walker {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::scatter_joints(world, rng);
        placement::lift_clear_of_floor(world, self.root_z);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        let (orientations, rest) = obs.split_at_mut(2 * self.bodies.len());
        for (pair, body) in orientations.chunks_exact_mut(2).zip(&self.bodies) {
            pair.copy_from_slice(&planar::orientation(world, *body));
        }
        rest[0] = self.height(world);
        for (out, joint) in rest[1..].iter_mut().zip(&self.joints) {
            *out = world.joint_velocity(*joint);
        }
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        let standing = STANDING.of(self.height(world));
        let upright = ((1.0 + planar::orientation(world, self.torso)[0]) / 2.0).clamp(0.0, 1.0);
        factors[..2].copy_from_slice(&[standing, upright]);
        let posture = (3.0 * standing + upright) / 4.0;
        let Some(pace) = &self.pace else { return posture };
        factors[2] = pace.reward.of(world.com_velocity()[0]);
        posture * (1.0 + 5.0 * factors[2]) / 6.0
    }

    fn success(&self, world: &World) -> Option<bool> {
        let fast = self.pace.as_ref().is_none_or(|pace| world.com_velocity()[0] >= pace.success);
        Some(self.height(world) >= STAND_HEIGHT && fast)
    }

    fn caption(&self, world: &World) -> String {
        let posture = phrases::posture(planar::pitch(world, self.torso));
        let motion = phrases::motion(world.com_velocity()[0]);
        format!("the torso is {posture} at {:.2} m height, {motion}", self.height(world))
    }

    fn camera(&self, world: &World) -> Camera {
        planar::beside(world, 4.0, 1.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn standing_and_walking_are_rewarded_and_lying_is_not() {
        let mut env = Walker::walk().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let root = env.world().model().joint("root_x").unwrap();
        let rewards = [1.3f32, 0.0].map(|speed| {
            env.world_mut().reset();
            env.world_mut().set_joint_velocity(root, speed);
            env.world_mut().forward();
            let reward = env.step(&[0.0; 6], &mut obs).reward;
            assert_eq!(env.success(), Some(speed > 1.0));
            let caption = env.caption();
            assert!(caption.contains("upright at 1.2"), "{caption}");
            assert!(
                caption.contains(if speed > 0.0 { "moving forward at 1." } else { "not moving" }),
                "{caption}"
            );
            reward
        });
        assert!(rewards[0] > 0.95 && (0.1..0.3).contains(&rewards[1]), "{rewards:?}");

        env.reset(1, &mut obs);
        for _ in 0..120 {
            env.step(&[0.0; 6], &mut obs);
        }
        let reward = env.step(&[0.0; 6], &mut obs).reward;
        assert!(reward < 0.15 && env.success() == Some(false), "{reward}: {}", env.caption());
    }

    #[test]
    fn standing_alone_is_enough_to_stand_but_not_to_run() {
        let judged = |mut env: RobotEnv<Walker>, speed: f32| {
            let mut obs = vec![0.0; env.spec().observation.size()];
            let root = env.world().model().joint("root_x").unwrap();
            env.world_mut().set_joint_velocity(root, speed);
            env.world_mut().forward();
            (env.step(&[0.0; 6], &mut obs).reward, env.success())
        };
        let (still, success) = judged(Walker::stand().unwrap(), 0.0);
        assert!(still > 0.95 && success == Some(true), "{still}");
        let (still, success) = judged(Walker::run().unwrap(), 0.0);
        assert!((0.1..0.3).contains(&still) && success == Some(false), "{still}");
        let (running, success) = judged(Walker::run().unwrap(), 6.0);
        assert!((0.7..0.95).contains(&running) && success == Some(true), "{running}");
    }

    #[test]
    fn falling_forward_is_a_positive_pitch() {
        let mut env = Walker::walk().unwrap();
        let root = env.world().model().joint("root_y").unwrap();
        env.world_mut().set_joint_position(root, 0.8);
        env.world_mut().forward();
        assert!(env.caption().contains("leaning forward"), "{}", env.caption());
        let torso = env.world().model().body("torso").unwrap();
        assert!((planar::pitch(env.world(), torso) - 0.8).abs() < 1e-4);
    }
}
