//! Amini, Vieira and Cotterell 2024, "Direct Preference Optimization with an Offset", arXiv 2402.10571:
//! the better a candidate is, the further ahead it has to be.
//!
//! L = -E log sigmoid(beta h - Delta),  Delta = alpha log(r_w - r_l)
//!
//! with h as in DPO. Scores that differ by 1 make it DPO.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective, log_sigmoid};
use crate::{AgentError, error::require};

/// The least difference of two scores that counts: keeps the offset finite.
const SMALLEST_GAP: f64 = 1e-6;

/// The constants of ODPO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Odpo {
    /// Strength of the pull to the reference. Default 0.5 (the authors' for summaries).
    pub beta: f64,
    /// Weight of the offset. Default 0.5 (the authors' for sentiment).
    pub alpha: f64,
}

impl Default for Odpo {
    fn default() -> Self {
        Self { beta: 0.5, alpha: 0.5 }
    }
}

impl PolicyObjective for Odpo {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let pairs = candidates.pairs()?;
        let h = pairs.margin(&candidates.log_ratios()?)?;
        let offset = (pairs.margin(&candidates.scores)?.maximum(SMALLEST_GAP)?.log()? * self.alpha)?;
        pairs.mean(&log_sigmoid(&((h * self.beta)? - offset)?)?.neg()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.beta > 0.0, "beta", &self.beta, "must be positive")?;
        require(self.alpha >= 0.0, "alpha", &self.alpha, "must be at least 0")
    }
}
