//! Azar et al. 2023, "A General Theoretical Paradigm to Understand Learning from Human Preferences",
//! arXiv 2310.12036: a squared loss that does not push sure answers to infinity.
//!
//! L = E (h - 1 / (2 beta))^2,  h = log pi/pi_ref (w) - log pi/pi_ref (l)
//!
//! For an answer that is right with probability p the minimum is h = (2p - 1) / (2 beta).

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective};
use crate::{AgentError, error::require};

/// The constant of IPO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ipo {
    /// Strength of the pull to the reference, the paper's tau. Default 0.1.
    pub beta: f64,
}

impl Default for Ipo {
    fn default() -> Self {
        Self { beta: 0.1 }
    }
}

impl PolicyObjective for Ipo {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let pairs = candidates.pairs()?;
        let h = pairs.margin(&candidates.log_ratios()?)?;
        pairs.mean(&(h - 0.5 / self.beta)?.sqr()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.beta > 0.0, "beta", &self.beta, "must be positive")
    }
}
