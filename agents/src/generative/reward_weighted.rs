//! Reward-weighted regression: Peters and Schaal 2007, "Reinforcement learning by reward-weighted
//! regression for operational space control", as Liu et al. 2025, arXiv 2501.13918, use it for flows.
//!
//! L = E w |prediction - target|^2,   w = exp(r / beta) / mean exp(r / beta)
//!
//! Its minimum over chunks of a policy p is the policy p exp(r / beta), normalised.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{GenerativePolicy, NoiseDraw};

/// The constant of reward-weighted regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardWeighted {
    /// Temperature: rewards this far apart differ by a factor e in weight. Default 1 (Flow-RWR).
    pub beta: f64,
}

impl Default for RewardWeighted {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl RewardWeighted {
    /// The loss, a scalar, of chunks `[b, width]` with these rewards `[b]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        obs: &Tensor,
        chunks: &Tensor,
        rewards: &Tensor,
        draw: &NoiseDraw,
    ) -> Result<Tensor, NnError> {
        // Weights relative to the best cannot overflow; the mean takes the factor out again.
        let weights = (rewards.broadcast_sub(&rewards.max(0)?)? / self.beta)?.exp()?;
        let weights = weights.broadcast_div(&weights.mean_all()?)?.detach();
        let errors = policy.one_step_loss(obs, chunks, draw)?.mean(1)?;
        Ok((errors * weights)?.mean_all()?)
    }
}
