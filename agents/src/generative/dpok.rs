//! DPOK: Fan et al. 2023, "DPOK: Reinforcement Learning for Fine-tuning Text-to-Image Diffusion Models",
//! arXiv 2305.16381. Policy gradient over the denoising chain, held near the pre-trained policy by the KL
//! divergence of every step, in the loss and not in the reward:
//!
//! L = -E A sum_k min(rho_k, clip(rho_k, 1 - eps, 1 + eps))-surrogate + beta E sum_k KL(p_theta || p_ref)
//!
//! with rho_k the ratio of the step's probability to that under the policy that drew it. At that policy the
//! gradient is the paper's -E A sum_k grad log p_theta(a^{k-1} | a^k, s).

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{ChainBatch, GenerativePolicy};

/// The constants of DPOK.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dpok {
    /// Weight of the KL divergence. Default 0.01 (the paper's; not re-checked against its code).
    pub beta: f64,
    /// eps: how far a step's ratio may move from 1 before its gradient ends. Default 0.1.
    pub clip: f64,
}

impl Default for Dpok {
    fn default() -> Self {
        Self { beta: 0.01, clip: 0.1 }
    }
}

impl Dpok {
    /// The loss, a scalar, of chains whose chunks have these advantages `[rows]`: rewards less a baseline.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        reference: &dyn GenerativePolicy,
        batch: &ChainBatch,
        advantages: &Tensor,
    ) -> Result<Tensor, NnError> {
        let ratio = (batch.log_probs(policy)? - &batch.behaviour)?.exp()?;
        let gain =
            clipped_gain(&ratio, &advantages.unsqueeze(0)?, &ratio.clamp(1.0 - self.clip, 1.0 + self.clip)?)?;
        let kl = batch.kl(policy, reference)?.sum(0)?.mean_all()?;
        Ok(((kl * self.beta)? - gain.sum(0)?.mean_all()?)?)
    }
}

/// PPO's pessimistic gain, min(rho A, rho_clipped A), of each step `[count, rows]`.
pub(super) fn clipped_gain(ratio: &Tensor, advantages: &Tensor, clipped: &Tensor) -> Result<Tensor, NnError> {
    Ok(ratio.broadcast_mul(advantages)?.minimum(&clipped.broadcast_mul(advantages)?)?)
}
