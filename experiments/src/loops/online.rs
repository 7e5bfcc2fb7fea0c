//! Online off-policy learning from the environment's own (gold) reward.

use telos_agents::Policy;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{driver::TrainingLoop, off_policy::OffPolicy};
use crate::{TelosError, config::Config};

/// Soft actor-critic on the gold reward: what a learned reward is compared with.
pub(super) struct OnlineLoop {
    core: OffPolicy,
}

impl OnlineLoop {
    pub(super) fn new(config: &Config, device: &Device) -> Result<Self, TelosError> {
        Ok(Self { core: OffPolicy::new(config, device)? })
    }
}

impl TrainingLoop for OnlineLoop {
    fn step(&self) -> u64 {
        self.core.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        self.core.collect(|_, _, outcome, rewards| {
            rewards.copy_from_slice(&outcome.reward);
            Ok(())
        })?;
        self.core.update(|_, _| Ok(()))
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        (&mut self.core.learner, None)
    }

    fn recent_return(&self) -> Option<f64> {
        self.core.episodes.mean_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        self.core.drain_metrics()
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        self.core.weights()
    }
}

impl Checkpoint for OnlineLoop {
    fn save(&self, out: &mut Writer) {
        self.core.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.core.load(from)
    }
}
