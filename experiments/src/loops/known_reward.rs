//! The reward of loops that learn none: the environment's own, or weights on its factors.

use telos_envs::{EnvSpec, StepBatch};
use telos_rewards::{RewardError, RewardSource, Transitions, WeightedFactors};

use crate::config::RewardConfig;

/// What `[reward]` says.
pub(super) struct KnownReward {
    /// `None` for the environment's own reward.
    factors: Option<WeightedFactors>,
    rewards: Vec<f32>,
}

impl KnownReward {
    /// For environments of this spec.
    pub(super) fn new(config: &RewardConfig, spec: &EnvSpec) -> Result<Self, RewardError> {
        let weights: Vec<(&str, f32)> =
            config.factors.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        let factors = (!weights.is_empty()).then(|| WeightedFactors::new(spec, &weights)).transpose()?;
        Ok(Self { factors, rewards: Vec::new() })
    }

    /// The rewards `[envs]` of a step.
    pub(super) fn of<'a>(&'a mut self, step: &'a StepBatch) -> Result<&'a [f32], RewardError> {
        let Some(factors) = &self.factors else { return Ok(&step.reward) };
        let transitions = Transitions { rows: step.len(), factors: &step.factors, ..Transitions::default() };
        self.rewards.resize(step.len(), 0.0);
        factors.reward(&transitions, &mut self.rewards)?;
        Ok(&self.rewards)
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;

    #[test]
    fn without_weights_the_reward_is_the_environments_own() {
        let spec = registry::make("pendulum-swingup").unwrap().spec().clone();
        let step = StepBatch {
            reward: vec![0.25, 0.5],
            factors: vec![1.0, 0.5, 0.0, 0.0, 0.25, 1.0],
            ..StepBatch::default()
        };
        let mut own = KnownReward::new(&RewardConfig::default(), &spec).unwrap();
        assert_eq!(own.of(&step).unwrap(), [0.25, 0.5]);
        let factors = [("upright".to_owned(), 2.0), ("gentle".to_owned(), -1.0)].into();
        let mut weighted = KnownReward::new(&RewardConfig { factors }, &spec).unwrap();
        assert_eq!(weighted.of(&step).unwrap(), [2.0, -1.0]);
    }
}
