//! Xu et al. 2024, "Contrastive Preference Optimization: Pushing the Boundaries of LLM Performance in
//! Machine Translation", arXiv 2401.08417: DPO without a reference, held by cloning what is preferred.
//!
//! L = -E [log sigmoid(beta log pi(w) - beta log pi(l)) + log pi(w)]

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective, log_sigmoid};
use crate::{AgentError, error::require};

/// The constants of CPO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cpo {
    /// Scale of the log-probabilities in the comparison. Default 0.1 (the paper's).
    pub beta: f64,
    /// Weight of cloning. Default 1 (the paper's).
    pub cloning: f64,
}

impl Default for Cpo {
    fn default() -> Self {
        Self { beta: 0.1, cloning: 1.0 }
    }
}

impl PolicyObjective for Cpo {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let pairs = candidates.pairs()?;
        let (w, l) = pairs.of(&candidates.log_probs)?;
        let compared = log_sigmoid(&((&w - l)? * self.beta)?)?;
        pairs.mean(&(compared + (w * self.cloning)?)?.neg()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.beta > 0.0, "beta", &self.beta, "must be positive")?;
        require(self.cloning >= 0.0, "cloning", &self.cloning, "must be at least 0")
    }
}
