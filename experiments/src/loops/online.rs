//! Online off-policy learning from a reward that is known.

use std::sync::Arc;

use telos_agents::Policy;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{
    driver::TrainingLoop,
    known_reward::KnownReward,
    off_policy::{Memory, OffPolicy, SoftLearner},
    sentence::{SentenceTask, wrapped},
};
use crate::{TelosError, config::Config};

/// Soft actor-critic on the gold reward, which is what a learned reward is compared with, on
/// weighted factors, or on a sentence; from observations or from pictures.
struct OnlineLoop<M: Memory, L> {
    core: OffPolicy<M, L>,
    reward: KnownReward,
}

/// Soft actor-critic from pictures or from observations, whichever the environments show.
pub(super) fn off_policy(config: &Config, device: &Device) -> Result<Box<dyn TrainingLoop>, TelosError> {
    let sentence = SentenceTask::open(config, device)?;
    let make = || wrapped(config, sentence.as_deref());
    match &config.env.pixels {
        Some(pixels) => {
            let core = OffPolicy::from_pixels(config, pixels, device, make)?;
            Ok(Box::new(OnlineLoop::new(config, sentence.clone(), core)?))
        }
        None => {
            let core = OffPolicy::with_envs(config, device, make)?;
            Ok(Box::new(OnlineLoop::new(config, sentence.clone(), core)?))
        }
    }
}

impl<M: Memory, L> OnlineLoop<M, L> {
    fn new(
        config: &Config,
        sentence: Option<Arc<SentenceTask>>,
        core: OffPolicy<M, L>,
    ) -> Result<Self, TelosError> {
        Ok(Self { reward: KnownReward::new(&config.reward, sentence, &core.envs)?, core })
    }
}

impl<M: Memory, L: SoftLearner<M::Batch>> TrainingLoop for OnlineLoop<M, L> {
    fn step(&self) -> u64 {
        self.core.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        self.core.collect(|_, _, envs, rewards| {
            rewards.copy_from_slice(self.reward.of(envs)?);
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

    fn sentence(&self) -> Option<Arc<SentenceTask>> {
        self.reward.sentence()
    }
}

impl<M: Memory, L: Checkpoint> Checkpoint for OnlineLoop<M, L> {
    fn save(&self, out: &mut Writer) {
        self.core.save(out);
        self.reward.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.core.load(from)?;
        self.reward.load(from)
    }
}
