//! Policies whose log-probabilities differ as the rewards do: REBEL (Gao et al. 2024, "REBEL:
//! Reinforcement Learning via Regressing Relative Rewards", arXiv 2404.16767), CoPG (Flet-Berliac et al.
//! 2024, "Contrastive Policy Gradient: Aligning LLMs on sequence-level scores in a supervised-friendly
//! fashion", arXiv 2406.19185) and PRDP (Deng et al. 2024, "PRDP: Proximal Reward Difference Prediction
//! for Large-Scale Reward Finetuning of Diffusion Models", arXiv 2402.08714).
//!
//! L = E (beta (log pi/pi_ref (i) - log pi/pi_ref (j)) - (r_i - r_j))^2   over pairs i, j
//!
//! It is zero exactly where pi = pi_ref exp(r / beta), normalised, whoever drew the candidates. The three
//! differ in what stands for pi_ref and in the scale: REBEL puts the last iterate there and writes
//! 1 / eta for beta; CoPG the frozen reference, and sums over the pairs of k candidates divided by k - 1;
//! PRDP sums over the denoising chain and lets no log-ratio leave its neighbourhood of the policy that
//! drew the candidates: the larger of the plain and the clipped error counts, as in PPO.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective};
use crate::{AgentError, error::require};

/// The constants of REBEL, CoPG and PRDP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelativeReward {
    /// Strength of the pull to the reference. Default 1 (REBEL's eta = 1).
    pub beta: f64,
    /// How far the log-probability may move from the behaviour's before its gradient ends. Default none.
    pub clip: Option<f64>,
    /// Whether a group's pairs are summed and divided by k - 1, as CoPG does, in place of averaged.
    /// Default false.
    pub per_candidate: bool,
}

impl Default for RelativeReward {
    fn default() -> Self {
        Self { beta: 1.0, clip: None, per_candidate: false }
    }
}

impl RelativeReward {
    /// REBEL: [`Candidates::reference`] is the last iterate.
    pub fn rebel(eta: f64) -> Self {
        Self { beta: 1.0 / eta, ..Self::default() }
    }

    /// CoPG: [`Candidates::reference`] is the frozen prior.
    pub fn copg(beta: f64) -> Self {
        Self { beta, per_candidate: true, ..Self::default() }
    }

    /// PRDP: [`Candidates::reference`] is the frozen prior, [`Candidates::behaviour`] the last iterate.
    pub fn prdp(beta: f64, clip: f64) -> Self {
        Self { beta, clip: Some(clip), ..Self::default() }
    }
}

impl PolicyObjective for RelativeReward {
    fn losses(&self, candidates: &Candidates) -> Result<Tensor, NnError> {
        let pairs = candidates.pairs()?;
        let rewards = pairs.margin(&candidates.scores)?;
        let error = |log_ratios: &Tensor| -> Result<Tensor, NnError> {
            Ok(((pairs.margin(log_ratios)? * self.beta)? - &rewards)?.sqr()?)
        };
        let log_ratios = candidates.log_ratios()?;
        let mut errors = error(&log_ratios)?;
        if let Some(clip) = self.clip {
            let moved = (&candidates.log_probs - &candidates.behaviour)?.clamp(-clip, clip)?;
            let held = (moved + (&candidates.behaviour - &candidates.reference)?)?;
            errors = errors.maximum(&error(&held)?)?;
        }
        let mean = pairs.mean_with_ties(&errors)?;
        // k (k - 1) / 2 pairs, divided by k - 1.
        Ok(if self.per_candidate { (mean * (candidates.per_group() as f64 / 2.0))? } else { mean })
    }

    fn validate(&self) -> Result<(), AgentError> {
        require(self.beta > 0.0, "beta", &self.beta, "must be positive")?;
        require(self.clip.is_none_or(|clip| clip > 0.0), "clip", &self.clip, "must be positive")
    }
}
