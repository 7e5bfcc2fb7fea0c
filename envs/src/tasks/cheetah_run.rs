//! `cheetah-run`: run forward as fast as possible.
//!
//! After the DeepMind Control Suite's `cheetah`, task `run` (Wawrzynski 2009; Tassa et al. 2018):
//! same observation, reward and times, on a robot of our own proportions.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{BodyId, Camera, JointId, Model, World, assets};

use super::{RobotEnv, RobotTask, Sigmoid, TaskSpec, Tolerance, phrases, placement, planar};
use crate::EnvError;

/// Full reward from here on, m/s.
const RUN_SPEED: f32 = 10.0;
const RUNNING: Tolerance = Tolerance::at_least(RUN_SPEED).margin(RUN_SPEED, Sigmoid::Linear, 0.0);
/// Physics steps without control at the start, for the robot to land on the floor.
const SETTLING_STEPS: usize = 50;

/// The task.
///
/// Observation: all joint positions but the forward one (m, rad), all joint velocities. Gold reward:
/// `running`, the speed of the centre of mass in units of 10 m/s, within [0, 1]. Start: each leg
/// joint uniform within its limits, torso level, after half a second of settling (the suite takes
/// two, which would be a sixth of all physics). There is no success.
pub struct CheetahRun {
    joints: Vec<JointId>,
    root_y: JointId,
    root_z: JointId,
    torso: BodyId,
}

impl CheetahRun {
    /// Builds the environment, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn env() -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("cheetah", assets::CHEETAH)?);
        let task = Self {
            joints: model.joints().collect(),
            root_y: model.joint("root_y")?,
            root_z: model.joint("root_z")?,
            torso: model.body("torso")?,
        };
        let observations = 2 * task.joints.len() - 1;
        RobotEnv::new(
            model,
            task,
            &TaskSpec {
                id: "cheetah-run",
                task: "Run forward as fast as possible.",
                observations,
                dt: 0.01,
                horizon: 1000,
                factors: &["running"],
            },
        )
    }
}

impl RobotTask for CheetahRun {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::scatter_joints(world, rng);
        world.set_joint_position(self.root_y, 0.0);
        world.forward();
        placement::lift_clear_of_floor(world, self.root_z);
        (0..SETTLING_STEPS).for_each(|_| world.step());
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        planar::observe_joints(world, &self.joints, obs);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        factors[0] = RUNNING.of(world.com_velocity()[0]);
        factors[0]
    }

    fn success(&self, _: &World) -> Option<bool> {
        None
    }

    fn caption(&self, world: &World) -> String {
        // The torso is level when it stands, so its pitch is worded for a four-legged animal.
        let posture = match planar::pitch(world, self.torso) {
            pitch if pitch.cos() < -0.3 => "on its back",
            pitch if pitch.cos() < 0.7 && pitch > 0.0 => "nose down",
            pitch if pitch.cos() < 0.7 => "nose up",
            _ => "level",
        };
        let height = world.body_position(self.torso)[2];
        format!(
            "the torso is {posture} at {height:.2} m height, {}",
            phrases::motion(world.com_velocity()[0])
        )
    }

    fn camera(&self, world: &World) -> Camera {
        planar::beside(world, 3.6, 0.7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn reward_is_the_forward_speed_in_units_of_ten() {
        let mut env = CheetahRun::env().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let root = env.world().model().joint("root_x").unwrap();
        for (speed, low, high) in [(11.0, 0.95, 1.0), (5.0, 0.4, 0.6), (-5.0, 0.0, 0.0)] {
            env.world_mut().reset();
            env.world_mut().set_joint_velocity(root, speed);
            env.world_mut().forward();
            let reward = env.step(&[0.0; 6], &mut obs).reward;
            assert!((low..=high).contains(&reward), "{speed}: {reward}");
            let words = if speed > 0.0 { "moving forward" } else { "moving backward" };
            assert!(env.caption().contains(words) && env.caption().contains("level"), "{}", env.caption());
        }
    }

    #[test]
    fn episodes_begin_at_rest_on_the_floor() {
        let mut env = CheetahRun::env().unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let torso = env.world().model().body("torso").unwrap();
        for seed in 0..20 {
            env.reset(seed, &mut obs);
            let height = env.world().body_position(torso)[2];
            assert!((0.1..1.0).contains(&height), "seed {seed}: {height} m, {}", env.caption());
            assert!(env.world().com_velocity()[2].abs() < 1.0, "seed {seed}: still falling");
        }
    }
}
