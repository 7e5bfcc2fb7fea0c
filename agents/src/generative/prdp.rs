//! PRDP: Deng et al. 2024, "PRDP: Proximal Reward Difference Prediction for Large-Scale Reward Finetuning of
//! Diffusion Models", arXiv 2402.08714. The log-ratios of two chains from the same observation are to differ
//! as their rewards do:
//!
//! L = E max(e(Delta)^2, e(Delta_clip)^2),   e(Delta) = beta (Delta_a - Delta_b) - (r_a - r_b)
//! Delta      = sum_k log p_theta - log p_ref
//! Delta_clip = sum_k clip(log p_theta - log p_old, -eps, eps) + log p_old - log p_ref
//!
//! p_old drew the chains. Each step's log-ratio is clipped by itself, and the larger error counts, as in PPO:
//! a step that has gone far gets no gradient that would take it further. The loss is zero exactly at
//! p_ref exp(r / beta), normalised.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{ChainBatch, GenerativePolicy};

/// The constants of PRDP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prdp {
    /// Strength of the pull to the reference. Default 1, for rewards of deviation 1 (the paper's values are
    /// for other rewards).
    pub beta: f64,
    /// eps: how far the log-probability of a step may move from that under the policy that drew it. Default
    /// 0.1; none leaves it free (the paper's unstable variant).
    pub clip: Option<f64>,
}

impl Default for Prdp {
    fn default() -> Self {
        Self { beta: 1.0, clip: Some(0.1) }
    }
}

impl Prdp {
    /// The loss, a scalar, of chains whose rows come in pairs, with these rewards `[rows]`.
    ///
    /// # Errors
    /// When shapes differ, or the number of rows is odd.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        reference: &dyn GenerativePolicy,
        batch: &ChainBatch,
        rewards: &Tensor,
    ) -> Result<Tensor, NnError> {
        let margin = |column: &Tensor| -> Result<Tensor, NnError> {
            let pairs = column.reshape((batch.rows / 2, 2))?;
            Ok((pairs.narrow(1, 0, 1)? - pairs.narrow(1, 1, 1)?)?)
        };
        let wanted = margin(rewards)?;
        let error = |log_ratios: Tensor| -> Result<Tensor, NnError> {
            Ok(((margin(&log_ratios.sum(0)?)? * self.beta)? - &wanted)?.sqr()?)
        };
        let log_probs = batch.log_probs(policy)?;
        let reference = batch.log_probs(reference)?.detach();
        let mut errors = error((&log_probs - &reference)?)?;
        if let Some(clip) = self.clip {
            let held = ((log_probs - &batch.behaviour)?.clamp(-clip, clip)? + &batch.behaviour)?;
            errors = errors.maximum(&error((held - reference)?)?)?;
        }
        Ok(errors.mean_all()?)
    }
}
