//! EDA's alignment: Chen et al. 2024, "Aligning Diffusion Behaviors with Q-functions for Efficient
//! Continuous Control", arXiv 2407.09024. Of K chunks that the behaviour policy drew for one observation, the
//! policy is to find those likely that the critic values (InfoNCA, arXiv 2402.05369):
//!
//! L = -E sum_k softmax(alpha Q(s, a_k))_k log softmax(beta (log p_theta - log p_ref)(a_k))_k
//!
//! The paper's network is a scalar energy, whose gradient predicts the noise and whose value is the
//! log-density at one noise level: [`EnergyDenoiser`](super::EnergyDenoiser). With any other network the log-ratio
//! is estimated as Diffusion-DPO does ([`GenerativePolicy::log_ratio`]).

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{GenerativePolicy, NoiseDraw};

/// The constants of EDA; `alpha` is that of the authors' code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Eda {
    /// alpha: how sharply the critic tells chunks apart. Default 3, for scores of deviation 1.
    pub alpha: f64,
    /// beta: strength of the pull to the reference. Default 1.
    pub beta: f64,
    /// Share of the observations whose chunks are scored, in (0, 1]. Default 1 (the paper: down to 0.01).
    pub label_share: f64,
}

impl Default for Eda {
    fn default() -> Self {
        Self { alpha: 3.0, beta: 1.0, label_share: 1.0 }
    }
}

impl Eda {
    /// The loss, a scalar, of chunks `[groups k, width]`, k of which follow each other for one observation,
    /// with observations `[groups k, obs]` and scores `[groups k]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        reference: &dyn GenerativePolicy,
        (obs, chunks, scores): (&Tensor, &Tensor, &Tensor),
        k: usize,
        draw: &NoiseDraw,
    ) -> Result<Tensor, NnError> {
        let groups = (scores.elem_count() / k.max(1), k);
        let ratio = policy.log_ratio(reference, obs, chunks, draw)?;
        let logits = (ratio * self.beta)?.reshape(groups)?;
        let wanted = log_softmax(&(scores.reshape(groups)? * self.alpha)?)?.exp()?;
        Ok((wanted * log_softmax(&logits)?)?.sum(1)?.mean_all()?.neg()?)
    }
}

/// Over the last of two dimensions.
fn log_softmax(logits: &Tensor) -> Result<Tensor, NnError> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    Ok(shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(1)?.log()?)?)
}
