//! What a run has learned, for use elsewhere.

use telos_agents::{Policy, Ppo};
use telos_rewards::reward_model::RewardModel;

use super::{build, driver::TrainingLoop};
use crate::{RunDirectory, TelosError};

/// The policy of a run, and the reward that it learned, as a checkpoint has them.
pub struct RunPolicy {
    training: Box<dyn TrainingLoop>,
    step: u64,
    members: usize,
}

impl RunPolicy {
    /// Reads the checkpoint of `step`, or the latest one.
    ///
    /// # Errors
    /// When the run has no such checkpoint, or it is damaged.
    pub fn read(run: &RunDirectory, step: Option<u64>) -> Result<Self, TelosError> {
        let mut training = build(run.config(), run.manifest().device, None)?;
        let step = match step {
            Some(step) => run.read_step(step, training.as_mut()).map(|()| step)?,
            None => run.read_latest(training.as_mut())?,
        };
        Ok(Self { training, step, members: run.config().preferences.reward_model.members })
    }

    /// Environment steps of training.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The policy.
    pub fn policy(&mut self) -> &mut dyn Policy {
        self.training.policy_and_reward_model().0
    }

    /// Networks in the ensemble of the learned reward.
    pub fn reward_members(&self) -> usize {
        self.members
    }

    /// The policy and, where there is one, the learned reward.
    pub fn parts(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        self.training.policy_and_reward_model()
    }

    /// The policy as the learner that goes on from it, where that is proximal policy optimisation.
    pub(crate) fn ppo(&self) -> Option<&Ppo> {
        self.training.ppo()
    }

    /// The learned reward, where there is one.
    pub fn reward_model(&mut self) -> Option<&dyn RewardModel> {
        self.training.policy_and_reward_model().1
    }
}
