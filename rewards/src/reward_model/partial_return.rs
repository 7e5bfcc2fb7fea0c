//! The partial return of a segment, and an ensemble that learns it (Christiano et al. 2017, "Deep
//! Reinforcement Learning from Human Preferences", arXiv 1706.03741; Lee et al. 2021, "PEBBLE", section
//! 4.2):
//!
//! `P(σ¹ ≻ σ²) = sigmoid(Σ_t r(s¹_t, a¹_t) - Σ_t r(s²_t, a²_t))`

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Device, MlpEnsemble, NnError};

use super::{
    Batch, BatchLoss, LearnedReward, RewardModelConfig, RewardObjective, StepSizes, bradley_terry_loss,
};
use crate::RewardError;

/// Reward networks `r(s, a)` in (-1, 1), the members of one shape with their own initial weights and
/// their own order of batches.
pub type RewardEnsemble = LearnedReward<PartialReturn>;

/// The Bradley-Terry likelihood of the partial return.
pub struct PartialReturn;

impl RewardObjective for PartialReturn {
    fn new(
        _config: &RewardModelConfig,
        _sizes: StepSizes,
        _rng: &mut Xoshiro256PlusPlus,
        _device: &Device,
    ) -> Result<Self, RewardError> {
        Ok(Self)
    }

    fn loss(&mut self, networks: &MlpEnsemble, batch: &Batch<'_>) -> Result<BatchLoss, NnError> {
        let logits = batch.logits(&networks.forward(&batch.inputs)?)?;
        let loss = bradley_terry_loss(&logits, &batch.targets, batch.weights.as_ref())?;
        Ok(BatchLoss { logits, loss })
    }
}
