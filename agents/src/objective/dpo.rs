//! Rafailov et al. 2023, "Direct Preference Optimization: Your Language Model is Secretly a Reward
//! Model", arXiv 2305.18290: a policy is its own reward model.
//!
//! L = -E log sigmoid(beta (log pi/pi_ref (w) - log pi/pi_ref (l)))   (equation 7)
//!
//! Its minimum over answers of a Bradley-Terry teacher is pi_ref exp(r / beta), normalised. With label
//! smoothing eps the answers are taken to be wrong with that probability ("conservative DPO").

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective, log_sigmoid};
use crate::{AgentError, error::require};

/// The constants of DPO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dpo {
    /// Strength of the pull to the reference. Default 0.1 (the paper's).
    pub beta: f64,
    /// Share of answers taken to be wrong. Default 0.
    pub label_smoothing: f64,
}

impl Default for Dpo {
    fn default() -> Self {
        Self { beta: 0.1, label_smoothing: 0.0 }
    }
}

impl PolicyObjective for Dpo {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let pairs = candidates.pairs()?;
        let h = (pairs.margin(&candidates.log_ratios()?)? * self.beta)?;
        let right = (log_sigmoid(&h)? * -(1.0 - self.label_smoothing))?;
        let wrong = (log_sigmoid(&h.neg()?)? * -self.label_smoothing)?;
        pairs.mean(&(right + wrong)?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.beta > 0.0, "beta", &self.beta, "must be positive")?;
        let smoothing = self.label_smoothing;
        require((0.0..0.5).contains(&smoothing), "label_smoothing", &smoothing, "must be in [0, 0.5)")
    }
}
