//! Policies fitted to exp(A / lambda): APA (Zhu et al. 2023, "Fine-Tuning Language Models with
//! Advantage-Induced Policy Alignment", arXiv 2306.02231) and AWR (Peng et al. 2019,
//! "Advantage-Weighted Regression", arXiv 1910.00177).
//!
//! The scores are advantages A.
//!
//! APA: L = E (log pi/pi_ref - A / lambda)^2
//! AWR: L = -E min(exp(A / lambda), w_max) log pi
//!
//! APA regresses on the log-probability of pi_ref exp(A / lambda) itself, which needs no samples of its
//! own policy; AWR clones candidates by their weight, and its minimum is the behaviour times the weight,
//! normalised.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective};
use crate::{AgentError, error::require};

/// The constant of APA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Apa {
    /// Temperature of the advantages. Default 0.1.
    pub lambda: f64,
}

/// The constants of AWR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Awr {
    /// Temperature of the advantages. Default 1 (the paper's 0.05 is for normalised advantages).
    pub lambda: f64,
    /// The largest weight. Default 20 (the paper's).
    pub max_weight: f64,
}

impl Default for Apa {
    fn default() -> Self {
        Self { lambda: 0.1 }
    }
}

impl Default for Awr {
    fn default() -> Self {
        Self { lambda: 1.0, max_weight: 20.0 }
    }
}

impl PolicyObjective for Apa {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let target = (&candidates.scores / self.lambda)?;
        Ok((candidates.log_ratios()? - target)?.sqr()?.mean(1)?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.lambda > 0.0, "lambda", &self.lambda, "must be positive")
    }
}

impl PolicyObjective for Awr {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let weight = (&candidates.scores / self.lambda)?.minimum(self.max_weight.ln())?.exp()?;
        Ok((weight * &candidates.log_probs)?.mean(1)?.neg()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.lambda > 0.0, "lambda", &self.lambda, "must be positive")?;
        require(self.max_weight > 0.0, "max_weight", &self.max_weight, "must be positive")
    }
}
