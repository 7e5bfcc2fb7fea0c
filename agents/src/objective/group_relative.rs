//! Shao et al. 2024, "DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language
//! Models", arXiv 2402.03300: the group is its own critic (GRPO).
//!
//! A_i = (r_i - mean r) / std r over the candidates of a group
//! rho_i = pi / pi_old (i)
//! L = -E [min(rho_i A_i, clip(rho_i, 1 - eps, 1 + eps) A_i) - beta KL_i]   (equation 3)
//! KL_i = pi_ref/pi - log pi_ref/pi - 1                                     (equation 4)

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective};
use crate::{AgentError, error::require};

/// Keeps the advantages of a group with equal scores at 0.
const SMALLEST_DEVIATION: f64 = 1e-8;

/// The constants of group-relative policy optimisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupRelative {
    /// How far the ratio to the behaviour may go, eps. Default 0.2 (PPO's).
    pub clip: f64,
    /// Strength of the pull to the reference. Default 0.04 (the paper's).
    pub beta: f64,
}

impl Default for GroupRelative {
    fn default() -> Self {
        Self { clip: 0.2, beta: 0.04 }
    }
}

impl PolicyObjective for GroupRelative {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let centred = candidates.scores.broadcast_sub(&candidates.scores.mean_keepdim(1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(1)?.sqrt()? + SMALLEST_DEVIATION)?;
        let a = centred.broadcast_div(&deviation)?;
        let rho = (&candidates.log_probs - &candidates.behaviour)?.exp()?;
        let clipped = (rho.clamp(1.0 - self.clip, 1.0 + self.clip)? * &a)?;
        let gain = (rho * a)?.minimum(&clipped)?;
        let to_reference = candidates.log_ratios()?.neg()?;
        let kl = ((to_reference.exp()? - &to_reference)? - 1.0)?;
        Ok((gain - (kl * self.beta)?)?.mean(1)?.neg()?)
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.clip > 0.0 && self.clip < 1.0, "clip", &self.clip, "must be in (0, 1)")?;
        require(self.beta >= 0.0, "beta", &self.beta, "must be at least 0")
    }
}
