//! Chen et al. 2024, "Noise Contrastive Alignment of Language Models with Explicit Rewards", arXiv
//! 2402.05369: K scored candidates at once, in place of pairs.
//!
//! r_i = beta log pi/pi_ref (i),  p = softmax(scores / alpha) over the K candidates
//!
//! InfoNCA: L = -sum_i p_i log softmax(r)_i
//! NCA:     L = -sum_i [p_i log sigmoid(r_i) + (1/K) log sigmoid(-r_i)]
//!
//! InfoNCA fixes differences of log-probabilities only, and both members of a pair may become unlikely;
//! NCA fixes each by itself: its minimum is r_i = log(K p_i).

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective, log_sigmoid};
use crate::{AgentError, error::require};

/// The constants of InfoNCA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoNca {
    /// Strength of the pull to the reference. Default 0.01 (the authors').
    pub beta: f64,
    /// Temperature of the scores. Default 0.01 (the paper keeps it equal to beta).
    pub alpha: f64,
}

/// The constants of NCA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nca {
    /// Strength of the pull to the reference. Default 0.01 (the authors').
    pub beta: f64,
    /// Temperature of the scores. Default 0.01 (the paper keeps it equal to beta).
    pub alpha: f64,
}

impl Default for InfoNca {
    fn default() -> Self {
        Self { beta: 0.01, alpha: 0.01 }
    }
}

impl Default for Nca {
    fn default() -> Self {
        Self { beta: 0.01, alpha: 0.01 }
    }
}

impl PolicyObjective for InfoNca {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let r = (candidates.log_ratios()? * self.beta)?;
        let p = log_softmax(&(&candidates.scores / self.alpha)?)?.exp()?;
        Ok((p * log_softmax(&r)?)?.sum(1)?.neg()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        validate(self.beta, self.alpha)
    }
}

impl PolicyObjective for Nca {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let r = (candidates.log_ratios()? * self.beta)?;
        let p = log_softmax(&(&candidates.scores / self.alpha)?)?.exp()?;
        let drawn = (p * log_sigmoid(&r)?)?.sum(1)?;
        let noise = log_sigmoid(&r.neg()?)?.mean(1)?;
        Ok((drawn + noise)?.neg()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        validate(self.beta, self.alpha)
    }
}

fn validate(beta: f64, alpha: f64) -> Result<(), AgentError> {
    require(beta > 0.0, "beta", &beta, "must be positive")?;
    require(alpha > 0.0, "alpha", &alpha, "must be positive")
}

/// log softmax over the candidates of each group.
fn log_softmax(x: &Tensor) -> Result<Tensor, NnError> {
    let shifted = x.broadcast_sub(&x.detach().max_keepdim(1)?)?;
    Ok(shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(1)?.log()?)?)
}
