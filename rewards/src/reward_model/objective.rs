//! What differs between reward models: the logit, the loss, and what else it takes to learn by them.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{CheckpointError, Reader, Writer};
use telos_nn::{Activation, Device, MlpEnsemble, NnError, Tensor, Var};

use super::{Behaviour, InputScale, PreferenceData, RewardModelConfig};
use crate::RewardError;

/// The sizes of what is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepSizes {
    /// Numbers per observation.
    pub observation: usize,
    /// Numbers per action.
    pub action: usize,
    /// Steps per segment.
    pub segment: usize,
}

impl StepSizes {
    /// Numbers per step: observation and action.
    pub fn width(self) -> usize {
        self.observation + self.action
    }
}

/// How reward networks learn from compared segments.
///
/// The networks, an ensemble of multi-layer perceptrons from a step to its reward, and all that they
/// have in common, such as batches, epochs, seeds and prediction, are the same for every objective:
/// [`LearnedReward`](super::LearnedReward).
pub trait RewardObjective: Sized {
    /// The objective of networks that are configured so.
    ///
    /// # Errors
    /// When it cannot be used on such segments, or the device refuses.
    fn new(
        config: &RewardModelConfig,
        sizes: StepSizes,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, RewardError>;

    /// Inputs, outputs and last nonlinearity of the networks. By default a step's reward is in (-1, 1).
    fn network(_config: &RewardModelConfig, sizes: StepSizes) -> (usize, usize, Activation) {
        (sizes.width(), 1, Activation::Tanh)
    }

    /// The logits of a batch of pairs and what to minimise.
    ///
    /// # Errors
    /// When the device refuses.
    fn loss(&mut self, networks: &MlpEnsemble, batch: &Batch<'_>) -> Result<BatchLoss, NnError>;

    /// Writes each member's reward of standardised steps: `[rows, obs + act]` to `[members, rows]`.
    /// Where tastes differ, `user` says whose reward is meant; `None` is the one that is configured.
    ///
    /// # Errors
    /// When a slice has another length.
    fn infer(
        &self,
        networks: &MlpEnsemble,
        inputs: &[f32],
        rows: usize,
        _user: Option<&str>,
        out: &mut [f32],
    ) -> Result<(), NnError> {
        networks.infer(inputs, rows, out)
    }

    /// Called before the epochs over `data`, whose inputs `scale` standardises.
    ///
    /// # Errors
    /// When something that is learned without answers cannot be learned.
    fn prepare(
        &mut self,
        _data: &PreferenceData,
        _scale: &InputScale,
        _behaviour: &dyn Behaviour,
    ) -> Result<(), RewardError> {
        Ok(())
    }

    /// Called once the epochs over `data` are done.
    ///
    /// # Errors
    /// When the device refuses.
    fn finish(
        &mut self,
        _networks: &MlpEnsemble,
        _data: &PreferenceData,
        _scale: &InputScale,
    ) -> Result<(), RewardError> {
        Ok(())
    }

    /// What is learned beside the networks, by the same gradient steps.
    fn named(&self) -> Vec<(String, &Var)> {
        Vec::new()
    }

    /// Writes what later results depend on, the networks apart.
    fn save(&self, _out: &mut Writer) {}

    /// Restores what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// As [`Checkpoint::load`](telos_checkpoint::Checkpoint::load).
    fn load(&mut self, _from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        Ok(())
    }
}

/// The pairs of one gradient step; every member has its own.
pub struct Batch<'a> {
    /// Where the pairs come from.
    pub data: &'a PreferenceData,
    /// `[members, pairs]`: places in `data`.
    pub at: &'a [usize],
    /// Pairs per member.
    pub pairs: usize,
    /// Standardised steps, `[members, pairs * 2 * segment, obs + act]`.
    pub inputs: Tensor,
    /// `[members, pairs]`: probability that the first segment is preferred.
    pub targets: Tensor,
    /// `[members, pairs]`: how often each pair counts; `None` where all count once.
    pub weights: Option<Tensor>,
}

impl Batch<'_> {
    /// `[members, pairs, 2, segment]`.
    pub fn shape(&self) -> (usize, usize, usize, usize) {
        (self.at.len() / self.pairs, self.pairs, 2, self.data.segment())
    }

    /// Logits `[members, pairs]` of as many rewards as there are steps: the first segment's return minus
    /// the second's.
    ///
    /// # Errors
    /// When there are more or fewer rewards.
    pub fn logits(&self, rewards: &Tensor) -> Result<Tensor, NnError> {
        let returns = rewards.reshape(self.shape())?.sum(3)?;
        Ok((returns.narrow(2, 0, 1)? - returns.narrow(2, 1, 1)?)?.squeeze(2)?)
    }
}

/// What the networks say about a batch.
pub struct BatchLoss {
    /// `[members, pairs]`: the first segment is preferred with probability `sigmoid(logit)`.
    pub logits: Tensor,
    /// A scalar, summed over the members, so that the gradient of one does not depend on how many
    /// there are.
    pub loss: Tensor,
}
