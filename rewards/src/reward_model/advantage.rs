//! Learning the optimal advantage from regret preferences (Knox et al. 2023, "Learning Optimal Advantage
//! from Preferences and Mistaking it for Reward", arXiv 2310.02456).
//!
//! People compare segments less by the reward collected than by how much better one could have done:
//!
//! `P(σ¹ ≻ σ²) = sigmoid(Σ_t A*(s¹_t, a¹_t) - Σ_t A*(s²_t, a²_t))`
//!
//! That is the partial return with `A*` in the place of `r`, so what is learned from such answers is `Â`.
//! It has two uses. [`greedy_actions`] are those that maximise it, without any reinforcement learning.
//! As a reward it is highly shaped, but it must have `max_a Â(s, a) = 0`: where the maximum is above 0 a
//! learner goes in circles, and where it is below it ends the episode. The authors get there by adding
//! transitions in absorbing states, whose advantage is 0. Segments in continuous spaces contain none, so
//! here a second term does it at every state:
//!
//! `L = L_BT + λ mean_t (max_a Â(s_t, a))²`, over actions taken elsewhere in the batch.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_envs::BoxSpace;
use telos_nn::{Activation, Device, MlpEnsemble, NnError, Tensor};

use super::{
    Batch, BatchLoss, RewardModel, RewardModelConfig, RewardObjective, StepSizes, bradley_terry_loss,
};
use crate::{
    RewardError,
    error::{expect_len, require},
};

/// Configuration of [`Advantage`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdvantageConfig {
    /// Weight `λ` of the demand that the best action has no advantage. Default 0.1.
    pub zero_best: f64,
    /// Actions beside its own among which a state's best is sought. Default 4.
    pub candidates: usize,
}

impl Default for AdvantageConfig {
    fn default() -> Self {
        Self { zero_best: 0.1, candidates: 4 }
    }
}

impl AdvantageConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let weight = self.zero_best;
        require(weight >= 0.0 && weight.is_finite(), "regret.zero_best", weight, "must not be negative")
    }
}

/// The Bradley-Terry likelihood of summed advantages, which are not bounded.
pub struct Advantage {
    config: AdvantageConfig,
    sizes: StepSizes,
}

impl Advantage {
    /// Mean over each member's states of the squared advantage of the best action, summed over the
    /// members. `own` `[members, rows, 1]` are the advantages of the actions taken.
    fn best(&self, networks: &MlpEnsemble, own: &Tensor, inputs: &Tensor) -> Result<Tensor, NnError> {
        let StepSizes { observation, action, .. } = self.sizes;
        let rows = inputs.dim(1)?;
        let states = inputs.narrow(2, 0, observation)?;
        let actions = inputs.narrow(2, observation, action)?;
        let mut best = own.clone();
        for candidate in 1..=self.config.candidates {
            // Each state gets the actions of states a share of the batch away.
            let shift = (candidate * rows / (self.config.candidates + 1)).min(rows - 1);
            let (front, back) = (actions.narrow(1, 0, shift)?, actions.narrow(1, shift, rows - shift)?);
            let elsewhere = Tensor::cat(&[back, front], 1)?;
            let there = networks.forward(&Tensor::cat(&[&states, &elsewhere], 2)?)?;
            best = best.maximum(&there)?;
        }
        Ok(best.sqr()?.mean(1)?.sum_all()?)
    }
}

impl RewardObjective for Advantage {
    fn new(
        config: &RewardModelConfig,
        sizes: StepSizes,
        _rng: &mut Xoshiro256PlusPlus,
        _device: &Device,
    ) -> Result<Self, RewardError> {
        Ok(Self { config: config.regret, sizes })
    }

    fn network(_config: &RewardModelConfig, sizes: StepSizes) -> (usize, usize, Activation) {
        (sizes.width(), 1, Activation::Identity)
    }

    fn loss(&mut self, networks: &MlpEnsemble, batch: &Batch<'_>) -> Result<BatchLoss, NnError> {
        let advantages = networks.forward(&batch.inputs)?;
        let logits = batch.logits(&advantages)?;
        let mut loss = bradley_terry_loss(&logits, &batch.targets, batch.weights.as_ref())?;
        if self.config.zero_best > 0.0 {
            let best = self.best(networks, &advantages, &batch.inputs)?;
            loss = (loss + best.affine(self.config.zero_best, 0.0)?)?;
        }
        Ok(BatchLoss { logits, loss })
    }
}

/// Writes for each observation the best of `candidates` uniformly drawn actions, `[rows, act]`:
/// `argmax_a Â(s, a)`, the policy that a learned advantage is.
///
/// # Errors
/// When a column has another size, an action is unbounded, or there is no candidate.
pub fn greedy_actions(
    advantage: &dyn RewardModel,
    space: &BoxSpace,
    obs: &[f32],
    rows: usize,
    candidates: usize,
    rng: &mut Xoshiro256PlusPlus,
    out: &mut [f32],
) -> Result<(), RewardError> {
    let action = space.size();
    expect_len("actions", out.len(), rows * action)?;
    require(candidates > 0, "candidates", candidates, "must be at least 1")?;
    let bounded = space.low.iter().chain(&space.high).all(|bound| bound.is_finite());
    require(bounded, "action space", "unbounded", "greedy actions are sought between bounds")?;
    let observation = obs.len() / rows.max(1);
    let mut tried = vec![0.0; candidates * action];
    let mut repeated = Vec::with_capacity(candidates * observation);
    let mut advantages = vec![0.0; candidates];
    for (row, chosen) in out.chunks_exact_mut(action).enumerate() {
        for (at, value) in tried.iter_mut().enumerate() {
            let (low, high) = (space.low[at % action], space.high[at % action]);
            *value = low + (high - low) * rng.random::<f32>();
        }
        repeated.clear();
        for _ in 0..candidates {
            repeated.extend(&obs[row * observation..][..observation]);
        }
        advantage.predict(&repeated, &tried, candidates, &mut advantages)?;
        let best = (0..candidates).max_by(|a, b| advantages[*a].total_cmp(&advantages[*b]));
        let best = best.expect("there is at least one candidate");
        chosen.copy_from_slice(&tried[best * action..][..action]);
    }
    Ok(())
}
