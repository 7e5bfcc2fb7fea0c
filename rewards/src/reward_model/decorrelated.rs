//! ODIN (Chen et al. 2024, "ODIN: Disentangled Reward Mitigates Hacking in RLHF", arXiv 2402.07319): two
//! heads on shared features, of which one may explain preferences by a nuisance and is then thrown away.
//!
//! `L = L_BT(r_Q + r_L) + λ_L (|ρ(r_Q, n)| - ρ(r_L, n)) + λ_O |W_Q · W_L| / (‖W_Q‖ ‖W_L‖)`
//!
//! with `n` the nuisance of a segment, `ρ` the correlation over the segments of a batch and `W` the heads'
//! last weights, whose normalisation keeps the last term from being met by small weights. The reward is
//! `r_Q` alone. Where the authors have answers of different lengths, segments have the same length, and
//! the nuisance is what a teacher may take for quality in its place.

use std::cell::RefCell;

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_nn::{Activation, Device, MlpEnsemble, NnError, Parameters, Tensor};

use super::{
    Batch, BatchLoss, Behaviour, InputScale, PreferenceData, RewardModelConfig, RewardObjective, StepSizes,
    bradley_terry_loss,
};
use crate::{RewardError, error::require};

/// Keeps a correlation finite where nothing varies.
const EPS: f64 = 1e-8;

thread_local! {
    /// Both heads' outputs, kept so that predicting allocates nothing.
    static HEADS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// What a segment's quality must not be read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nuisance {
    /// Sum of the squared actions.
    #[default]
    Effort,
    /// Sum of the distances between successive standardised observations.
    Path,
}

impl Nuisance {
    /// Of one segment of raw steps and of the same steps standardised, both `[segment, obs + act]`.
    fn of(self, raw: &[f32], standard: &[f32], sizes: StepSizes) -> f32 {
        let StepSizes { observation, .. } = sizes;
        let width = sizes.width();
        match self {
            Self::Effort => raw.chunks_exact(width).flat_map(|row| &row[observation..]).map(|a| a * a).sum(),
            Self::Path => {
                let from = standard.chunks_exact(width);
                let to = standard[width..].chunks_exact(width);
                let distance = |(from, to): (&[f32], &[f32])| {
                    let steps = from[..observation].iter().zip(to);
                    steps.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
                };
                from.zip(to).map(distance).sum()
            }
        }
    }
}

/// Configuration of [`Decorrelated`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecorrelatedConfig {
    /// What the reward must not correlate with. Default `effort`.
    pub nuisance: Nuisance,
    /// Weight `λ_L` of the correlations. Default 1.
    pub correlation: f64,
    /// Weight `λ_O` of the heads' orthogonality. Default 1.
    pub orthogonality: f64,
}

impl Default for DecorrelatedConfig {
    fn default() -> Self {
        Self { nuisance: Nuisance::Effort, correlation: 1.0, orthogonality: 1.0 }
    }
}

impl DecorrelatedConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let weights = [
            ("decorrelated.correlation", self.correlation),
            ("decorrelated.orthogonality", self.orthogonality),
        ];
        weights.into_iter().try_for_each(|(key, weight)| {
            require(weight >= 0.0 && weight.is_finite(), key, weight, "must not be negative")
        })
    }
}

/// The Bradley-Terry likelihood of two heads, one for quality and one for a nuisance.
pub struct Decorrelated {
    config: DecorrelatedConfig,
    sizes: StepSizes,
    /// `[pairs, 2]` of the data that is being learned from.
    nuisance: Vec<f32>,
}

impl RewardObjective for Decorrelated {
    fn new(
        config: &RewardModelConfig,
        sizes: StepSizes,
        _rng: &mut Xoshiro256PlusPlus,
        _device: &Device,
    ) -> Result<Self, RewardError> {
        require(config.batch > 1, "batch", config.batch, "must be at least 2 pairs to see a correlation")?;
        Ok(Self { config: config.decorrelated, sizes, nuisance: Vec::new() })
    }

    /// Quality first, nuisance second.
    fn network(_config: &RewardModelConfig, sizes: StepSizes) -> (usize, usize, Activation) {
        (sizes.width(), 2, Activation::Tanh)
    }

    fn prepare(
        &mut self,
        data: &PreferenceData,
        scale: &InputScale,
        _behaviour: &dyn Behaviour,
    ) -> Result<(), RewardError> {
        let size = data.segment() * data.width();
        let mut standard = Vec::with_capacity(size);
        self.nuisance.clear();
        for raw in data.rows().chunks_exact(size) {
            standard.clear();
            scale.extend(raw, &mut standard);
            self.nuisance.push(self.config.nuisance.of(raw, &standard, self.sizes));
        }
        Ok(())
    }

    fn loss(&mut self, networks: &MlpEnsemble, batch: &Batch<'_>) -> Result<BatchLoss, NnError> {
        let (members, pairs, two, segment) = batch.shape();
        let heads = networks.forward(&batch.inputs)?;
        let logits = batch.logits(&heads.sum(2)?)?;
        let returns = heads.reshape((members, pairs * two, segment, 2))?.sum(2)?;
        let nuisance = batch.at.iter().flat_map(|at| &self.nuisance[2 * at..2 * at + 2]).copied();
        let nuisance = Tensor::from_vec(nuisance.collect(), (members, pairs * two), batch.inputs.device())?;
        let head = |at: usize| returns.narrow(2, at, 1)?.squeeze(2);
        let quality = correlation(&head(0)?, &nuisance)?.abs()?;
        let correlations = (quality - correlation(&head(1)?, &nuisance)?)?.sum_all()?;
        let overlap = overlap(networks)?.abs()?.sum_all()?;
        let loss = (bradley_terry_loss(&logits, &batch.targets, batch.weights.as_ref())?
            + correlations.affine(self.config.correlation, 0.0)?)?;
        let loss = (loss + overlap.affine(self.config.orthogonality, 0.0)?)?;
        Ok(BatchLoss { logits, loss })
    }

    fn infer(
        &self,
        networks: &MlpEnsemble,
        inputs: &[f32],
        rows: usize,
        _user: Option<&str>,
        out: &mut [f32],
    ) -> Result<(), NnError> {
        let mut heads = HEADS.take();
        heads.resize(2 * out.len(), 0.0);
        networks.infer(inputs, rows, &mut heads)?;
        out.iter_mut().zip(heads.chunks_exact(2)).for_each(|(reward, heads)| *reward = heads[0]);
        HEADS.set(heads);
        Ok(())
    }
}

/// Pearson's correlation along the second dimension: `[members, n]` twice, to `[members]`.
fn correlation(x: &Tensor, y: &Tensor) -> Result<Tensor, NnError> {
    let x = x.broadcast_sub(&x.mean_keepdim(1)?)?;
    let y = y.broadcast_sub(&y.mean_keepdim(1)?)?;
    let norms = x.sqr()?.sum(1)?.mul(&y.sqr()?.sum(1)?)?.affine(1.0, EPS)?.sqrt()?;
    Ok(x.mul(&y)?.sum(1)?.div(&norms)?)
}

/// Cosine of the angle between the heads' weights, `[members]`.
fn overlap(networks: &MlpEnsemble) -> Result<Tensor, NnError> {
    let named = networks.named();
    let (_, weight) = &named[named.len() - 2];
    let head = |at: usize| weight.narrow(2, at, 1)?.squeeze(2);
    let (quality, nuisance) = (head(0)?, head(1)?);
    let norms = quality.sqr()?.sum(1)?.mul(&nuisance.sqr()?.sum(1)?)?.affine(1.0, EPS)?.sqrt()?;
    Ok(quality.mul(&nuisance)?.sum(1)?.div(&norms)?)
}
