//! Ethayarajh et al. 2024, "KTO: Model Alignment as Prospect Theoretic Optimization", arXiv
//! 2402.01306: candidates are good or bad by themselves; no pairs are needed.
//!
//! r = log pi/pi_ref,  z_0 = KL(pi, pi_ref)
//! L = lambda_D (1 - sigmoid(beta (r - z_0))) for the desirable, whose score is positive,
//! L = lambda_U (1 - sigmoid(beta (z_0 - r))) for the undesirable, whose score is negative
//!
//! Candidates with a score of 0 say nothing. z_0 is estimated by the mean of r over the whole batch, not
//! below 0 and without a gradient, as the paper does with mismatched completions.

use serde::{Deserialize, Serialize};
use telos_nn::{DType, NnError, Tensor};

use super::{Candidates, PolicyObjective, log_sigmoid};
use crate::{AgentError, error::require};

/// The constants of KTO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kto {
    /// Strength of the pull to the reference. Default 0.1 (the paper's).
    pub beta: f64,
    /// Weight of desirable candidates, lambda_D. Default 1.
    pub desirable: f64,
    /// Weight of undesirable candidates, lambda_U. Default 1. The paper keeps the ratio of the two weights
    /// times the ratio of their numbers within 1 to 4/3.
    pub undesirable: f64,
}

impl Default for Kto {
    fn default() -> Self {
        Self { beta: 0.1, desirable: 1.0, undesirable: 1.0 }
    }
}

impl PolicyObjective for Kto {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let r = candidates.log_ratios()?;
        let z = r.detach().mean_all()?.maximum(0.0)?;
        let value = (r.broadcast_sub(&z)? * self.beta)?;
        let good = candidates.scores.gt(0.0)?.to_dtype(DType::F32)?;
        let bad = candidates.scores.lt(0.0)?.to_dtype(DType::F32)?;
        // 1 - sigmoid(x) = sigmoid(-x).
        let of_good = (log_sigmoid(&value.neg()?)?.exp()? * (&good * self.desirable)?)?;
        let of_bad = (log_sigmoid(&value)?.exp()? * (&bad * self.undesirable)?)?;
        let judged = (good + bad)?.sum(1)?.maximum(1.0)?;
        Ok(((of_good + of_bad)?.sum(1)? / judged)?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.beta > 0.0, "beta", &self.beta, "must be positive")?;
        require(self.desirable >= 0.0, "desirable", &self.desirable, "must be at least 0")?;
        require(self.undesirable >= 0.0, "undesirable", &self.undesirable, "must be at least 0")
    }
}
