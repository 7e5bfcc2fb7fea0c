//! D3PO: Yang et al. 2023, "Using Human Feedback to Fine-tune Diffusion Models without Any Reward Model",
//! arXiv 2311.13231. DPO on the denoising chain: whoever prefers a chunk is taken to prefer every step that
//! led to it.
//!
//! L = -E_k log sigmoid(beta log rho_k(w) - beta log rho_k(l)),
//! rho_k = clip(p_theta(a^{k-1} | a^k, s) / p_ref(a^{k-1} | a^k, s), 1 - eps, 1 + eps)
//!
//! A ratio beyond its range has no gradient any more. Steps without noise have none from the start: draw
//! chains with eta > 0.

use serde::{Deserialize, Serialize};
use telos_nn::{Activation, NnError, Tensor};

use super::{ChainBatch, GenerativePolicy};

/// The constants of D3PO; defaults are those of the authors' code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct D3po {
    /// Strength of the pull to the reference. Default 0.1.
    pub beta: f64,
    /// eps: how far a ratio may move from 1. Default 0.1.
    pub clip: f64,
}

impl Default for D3po {
    fn default() -> Self {
        Self { beta: 0.1, clip: 0.1 }
    }
}

impl D3po {
    /// The loss, a scalar, of chains whose rows come in pairs: the preferred, then the other.
    ///
    /// # Errors
    /// When shapes differ, or the number of rows is odd.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        reference: &dyn GenerativePolicy,
        batch: &ChainBatch,
    ) -> Result<Tensor, NnError> {
        let log_ratio = (batch.log_probs(policy)? - batch.log_probs(reference)?.detach())?;
        let held = log_ratio.clamp((1.0 - self.clip).ln(), (1.0 + self.clip).ln())?;
        let pairs = held.reshape((batch.count, batch.rows / 2, 2))?;
        let (preferred, other) = (pairs.narrow(2, 0, 1)?, pairs.narrow(2, 1, 1)?);
        let against = ((other - preferred)? * self.beta)?;
        Ok(Activation::Softplus.apply(&against)?.mean_all()?)
    }
}
