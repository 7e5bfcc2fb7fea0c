//! Meng, Xia and Chen 2024, "SimPO: Simple Preference Optimization with a Reference-Free Reward",
//! arXiv 2405.14734, and its family AlphaPO (Gupta et al. 2025, "AlphaPO: Reward Shape Matters for LLM
//! Alignment", arXiv 2501.03884).
//!
//! L = -E log sigmoid(r(w) - r(l) - gamma)
//!
//! SimPO rewards a candidate of n steps by r = beta l with the mean l = log pi / n; AlphaPO by
//! r = beta (1 - exp(-alpha l)) / alpha, which is SimPO's in the limit alpha to 0 and for positive
//! alpha saturates where a candidate is likely already.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective, log_sigmoid};
use crate::{AgentError, error::require};

/// The constants of SimPO and AlphaPO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimPo {
    /// Scale of the reward. Default 2.5 (both papers').
    pub beta: f64,
    /// How far ahead the better candidate has to be. Default 1.375, 0.55 beta (SimPO).
    pub gamma: f64,
    /// Shape of the reward; 0 is SimPO. Default 0; AlphaPO takes 0.25 with a gamma of 0.1.
    pub alpha: f64,
}

impl Default for SimPo {
    fn default() -> Self {
        Self { beta: 2.5, gamma: 1.375, alpha: 0.0 }
    }
}

impl SimPo {
    /// AlphaPO with its authors' constants.
    pub fn alpha_po() -> Self {
        Self { beta: 2.5, gamma: 0.1, alpha: 0.25 }
    }

    fn rewards(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let l = candidates.step_log_probs()?;
        if self.alpha == 0.0 {
            return Ok((l * self.beta)?);
        }
        let shrunk = (l * -self.alpha)?.exp()?;
        Ok(shrunk.affine(-self.beta / self.alpha, self.beta / self.alpha)?)
    }
}

impl PolicyObjective for SimPo {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let pairs = candidates.pairs()?;
        let ahead = (pairs.margin(&self.rewards(candidates)?)? - self.gamma)?;
        pairs.mean(&log_sigmoid(&ahead)?.neg()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.beta > 0.0, "beta", &self.beta, "must be positive")?;
        require(self.gamma >= 0.0, "gamma", &self.gamma, "must be at least 0")?;
        require(self.alpha.is_finite(), "alpha", &self.alpha, "must be a number; 0 is SimPO")
    }
}
