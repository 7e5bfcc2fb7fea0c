//! Bradley-Terry with ties (Rao and Kupper 1967; as Liu et al. 2025, "Improving Video Generation with
//! Human Feedback", arXiv 2501.13918, section 3.2, fit video rewards): "equal" is an answer of its own,
//! likely where the returns differ by less than `log k`.
//!
//! With `Δ` the difference of the returns:
//!
//! `P(σ¹ ≻ σ²) = sigmoid(Δ - log k)`,
//! `P(equal) = (k² - 1) sigmoid(Δ - log k) sigmoid(-Δ - log k)`.

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_nn::{Activation, Device, MlpEnsemble, NnError, Tensor};

use super::{Batch, BatchLoss, RewardModelConfig, RewardObjective, StepSizes};
use crate::{RewardError, error::require};

/// Configuration of [`Ties`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TiesConfig {
    /// How readily segments are called equal, `k` above 1: of two with the same return, a share of
    /// `(k - 1) / (k + 1)`. Default 5 (Liu et al.).
    pub k: f64,
}

impl Default for TiesConfig {
    fn default() -> Self {
        Self { k: 5.0 }
    }
}

impl TiesConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(self.k > 1.0 && self.k.is_finite(), "ties.k", self.k, "must be above 1")
    }
}

/// A likelihood of the partial return in which "equal" is an answer.
pub struct Ties {
    k: f64,
}

/// Negative log-likelihood with ties of `margins` `Δ` `[members, b]`: for each member the mean over its
/// batch, summed over the members. A target of 1 or 0 is an answer, 1/2 is "equal"; what lies between
/// divides its weight between "equal" and the nearer answer.
///
/// # Errors
/// When the shapes differ.
pub fn ties_loss(margins: &Tensor, targets: &Tensor, k: f64) -> Result<Tensor, NnError> {
    let log_k = k.ln();
    // -log sigmoid(z) = softplus(-z).
    let first = Activation::Softplus.apply(&margins.affine(-1.0, log_k)?)?;
    let second = Activation::Softplus.apply(&margins.affine(1.0, log_k)?)?;
    let equal = (&first + &second)?.affine(1.0, -(k * k - 1.0).ln())?;
    let lean = targets.affine(2.0, -1.0)?;
    let (towards_first, towards_second) = (lean.relu()?, lean.neg()?.relu()?);
    let undecided = lean.abs()?.affine(-1.0, 1.0)?;
    let losses = ((first.mul(&towards_first)? + second.mul(&towards_second)?)? + equal.mul(&undecided)?)?;
    Ok(losses.mean(1)?.sum_all()?)
}

impl RewardObjective for Ties {
    fn new(
        config: &RewardModelConfig,
        _sizes: StepSizes,
        _rng: &mut Xoshiro256PlusPlus,
        _device: &Device,
    ) -> Result<Self, RewardError> {
        Ok(Self { k: config.ties.k })
    }

    fn loss(&mut self, networks: &MlpEnsemble, batch: &Batch<'_>) -> Result<BatchLoss, NnError> {
        let logits = batch.logits(&networks.forward(&batch.inputs)?)?;
        let loss = ties_loss(&logits, &batch.targets, self.k)?;
        Ok(BatchLoss { logits, loss })
    }
}
