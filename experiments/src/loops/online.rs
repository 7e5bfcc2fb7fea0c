//! Online off-policy learning from a reward that is known.

use telos_agents::Policy;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{driver::TrainingLoop, known_reward::KnownReward, off_policy::OffPolicy};
use crate::{TelosError, config::Config};

/// Soft actor-critic on the gold reward, which is what a learned reward is compared with, or on
/// weighted factors.
pub(super) struct OnlineLoop {
    core: OffPolicy,
    reward: KnownReward,
}

impl OnlineLoop {
    pub(super) fn new(config: &Config, device: &Device) -> Result<Self, TelosError> {
        let core = OffPolicy::new(config, device)?;
        Ok(Self { reward: KnownReward::new(&config.reward, core.envs.spec())?, core })
    }
}

impl TrainingLoop for OnlineLoop {
    fn step(&self) -> u64 {
        self.core.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        self.core.collect(|_, _, outcome, rewards| {
            rewards.copy_from_slice(self.reward.of(outcome)?);
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
