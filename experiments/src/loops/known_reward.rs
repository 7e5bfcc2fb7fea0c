//! The reward of loops that learn none: the environment's own, weights on its factors, or a sentence.

use std::sync::Arc;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::VecEnv;
use telos_rewards::{RewardSource, Transitions, WeightedFactors};

use super::sentence::{SentenceColumn, SentenceTask};
use crate::{TelosError, config::RewardConfig};

/// What `[reward]` says.
pub(super) struct KnownReward {
    /// `None` for the environment's own reward.
    factors: Option<WeightedFactors>,
    sentence: Option<SentenceColumn>,
    rewards: Vec<f32>,
}

impl KnownReward {
    /// For these environments, which `sentence` wrapped if it is there.
    pub(super) fn new(
        config: &RewardConfig,
        sentence: Option<Arc<SentenceTask>>,
        envs: &VecEnv,
    ) -> Result<Self, TelosError> {
        let weights: Vec<(&str, f32)> =
            config.factors.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        let factors =
            (!weights.is_empty()).then(|| WeightedFactors::new(envs.spec(), &weights)).transpose()?;
        let sentence = sentence.map(|task| SentenceColumn::new(task, envs.len()));
        Ok(Self { factors, sentence, rewards: Vec::new() })
    }

    /// The rewards `[envs]` of the last step.
    pub(super) fn of<'a>(&'a mut self, envs: &'a VecEnv) -> Result<&'a [f32], TelosError> {
        if let Some(sentence) = &mut self.sentence {
            return sentence.of(envs);
        }
        let step = envs.batch();
        let Some(factors) = &self.factors else { return Ok(&step.reward) };
        let transitions = Transitions { rows: step.len(), factors: &step.factors, ..Transitions::default() };
        self.rewards.resize(step.len(), 0.0);
        factors.reward(&transitions, &mut self.rewards)?;
        Ok(&self.rewards)
    }

    /// The sentence, where the reward is one.
    pub(super) fn sentence(&self) -> Option<Arc<SentenceTask>> {
        self.sentence.as_ref().map(|column| column.task().clone())
    }
}

impl Checkpoint for KnownReward {
    fn save(&self, out: &mut Writer) {
        if let Some(sentence) = &self.sentence {
            out.part("sentence", sentence);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        match &mut self.sentence {
            Some(sentence) => from.part("sentence", sentence),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;

    #[test]
    fn without_weights_the_reward_is_the_environments_own() {
        let mut envs = VecEnv::new(2, 1, 3, |_| registry::make("pendulum-swingup")).unwrap();
        envs.reset();
        envs.step(&[0.5, -1.0]);
        let batch = envs.batch();
        let mut own = KnownReward::new(&RewardConfig::default(), None, &envs).unwrap();
        assert_eq!(own.of(&envs).unwrap(), batch.reward);
        let factors = [("upright".to_owned(), 2.0), ("gentle".to_owned(), -1.0)].into();
        let config = RewardConfig { factors, ..RewardConfig::default() };
        let mut weighted = KnownReward::new(&config, None, &envs).unwrap();
        let expected: Vec<f32> = batch.factors.chunks(3).map(|f| 2.0 * f[0] - f[2]).collect();
        assert_eq!(weighted.of(&envs).unwrap(), expected);
    }
}
