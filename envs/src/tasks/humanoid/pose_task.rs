//! `humanoid-kneel`, `humanoid-raise-arms`, `humanoid-splits` and `humanoid-lotus`: take a pose and
//! hold it.
//!
//! Poses like these are easy to tell and hard to write rewards for by hand; Rocamonde et al. 2023
//! ("Vision-Language Models are Zero-Shot Reward Models for Reinforcement Learning") name them in a
//! sentence each. The gold reward here is the yardstick for such rewards.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Camera, Model, World, assets};

use super::{
    super::{RobotEnv, RobotTask, TaskSpec, placement},
    DT, Figure, HEADING, Pose,
};
use crate::EnvError;

/// The tasks.
///
/// Observation: as for walking ([`Gait`](super::Gait)). Gold reward: product of the pose's conditions
/// ([`Pose::conditions`]), which are the factors. Start: standing upright, heading within 0.3 rad of
/// x, joints and velocities disturbed by up to 0.1. Success: the pose holds.
pub struct Posing {
    figure: Figure,
    pose: Pose,
}

impl Posing {
    /// Builds `humanoid-kneel`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn kneel() -> Result<RobotEnv<Self>, EnvError> {
        Self::env(Pose::Kneeling, "humanoid-kneel", "Kneel on both knees with the torso upright.")
    }

    /// Builds `humanoid-raise-arms`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn raise_arms() -> Result<RobotEnv<Self>, EnvError> {
        Self::env(Pose::ArmsRaised, "humanoid-raise-arms", "Stand with both arms raised above the head.")
    }

    /// Builds `humanoid-splits`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn splits() -> Result<RobotEnv<Self>, EnvError> {
        Self::env(Pose::Splits, "humanoid-splits", "Do the splits with the torso upright.")
    }

    /// Builds `humanoid-lotus`, without a time limit.
    ///
    /// # Errors
    /// When the model does not compile, which a test excludes.
    pub fn lotus() -> Result<RobotEnv<Self>, EnvError> {
        Self::env(Pose::Lotus, "humanoid-lotus", "Sit on the floor in the lotus position.")
    }

    fn env(pose: Pose, id: &'static str, task: &'static str) -> Result<RobotEnv<Self>, EnvError> {
        let model = Arc::new(Model::from_mjcf_str("humanoid", assets::HUMANOID)?);
        let figure = Figure::of(&model)?;
        let (observations, factors) = (figure.observations(), pose.conditions());
        let about = TaskSpec { id, task, observations, dt: DT, horizon: 300, factors };
        RobotEnv::new(model, Self { figure, pose }, &about)
    }
}

impl RobotTask for Posing {
    fn place(&self, world: &mut World, rng: &mut Xoshiro256PlusPlus) {
        placement::disturb(world, self.figure.torso, HEADING, rng);
    }

    fn observe(&self, world: &World, obs: &mut [f32]) {
        self.figure.observe(world, obs);
    }

    fn judge(&self, world: &World, _: &[f32], factors: &mut [f32]) -> f32 {
        self.pose.grade(&self.figure, world, factors);
        factors.iter().product()
    }

    fn success(&self, world: &World) -> Option<bool> {
        Some(self.pose.holds(&self.figure, world))
    }

    fn caption(&self, world: &World) -> String {
        self.figure.caption(world)
    }

    fn camera(&self, world: &World) -> Camera {
        self.figure.camera(world)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::postures, *};
    use crate::Env;

    #[test]
    fn the_motors_hold_every_pose_and_it_is_rewarded() {
        for (pose, posture) in postures::POSED {
            let env = match pose {
                Pose::Kneeling => Posing::kneel(),
                Pose::ArmsRaised => Posing::raise_arms(),
                Pose::Splits => Posing::splits(),
                Pose::Lotus => Posing::lotus(),
            };
            let mut env = env.unwrap();
            let (mut obs, mut action) = (vec![0.0; env.spec().observation.size()], [0.0; 21]);
            let mut factors = vec![0.0; env.spec().factors.len()];
            env.reset(0, &mut obs);
            env.step(&action, &mut obs);
            assert_eq!(env.success(), Some(false), "{pose:?} before it is taken");
            postures::take(env.world_mut(), posture, postures::facing(0.0, 0.0));
            // Two seconds; a stand needs more than a pull to its posture to last for long.
            for step in 0..67 {
                postures::pull(env.world(), posture, &mut action);
                let reward = env.step(&action, &mut obs).reward;
                assert!(reward > 0.9 && env.success() == Some(true), "{pose:?} at {step}: {}", env.caption());
                env.factors(&mut factors);
                assert_eq!(factors.iter().product::<f32>(), reward);
            }
        }
    }
}
