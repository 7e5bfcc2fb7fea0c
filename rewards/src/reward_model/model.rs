//! What a model of preferences and a model of rewards can be asked, and how one learns.

use telos_checkpoint::Checkpoint;
use telos_envs::SegmentView;
use telos_nn::Parameters;

use super::{Behaviour, PreferenceData, Session};
use crate::RewardError;

/// Predicts which of two segments a teacher prefers.
pub trait PreferenceModel {
    /// Number of ensemble members; 1 for a single model.
    fn members(&self) -> usize;

    /// Increases with every training session; 0 before the first.
    fn version(&self) -> u64;

    /// Writes each member's logit that the first segment is preferred to the second (`[members]`):
    /// `P(first) = sigmoid(logit)`.
    ///
    /// # Errors
    /// When a segment has the wrong size.
    fn member_logits(
        &self,
        first: SegmentView<'_>,
        second: SegmentView<'_>,
        out: &mut [f32],
    ) -> Result<(), RewardError>;

    /// The logit of the ensemble: the mean of its members'.
    ///
    /// # Errors
    /// As [`member_logits`](Self::member_logits).
    fn logit(&self, first: SegmentView<'_>, second: SegmentView<'_>) -> Result<f32, RewardError> {
        let mut logits = vec![0.0; self.members()];
        self.member_logits(first, second, &mut logits)?;
        Ok(logits.iter().sum::<f32>() / logits.len() as f32)
    }
}

/// Predicts the reward of single transitions.
pub trait RewardModel {
    /// Writes the reward of each transition, `out` being `[rows]`: what the members make of it together,
    /// by default their mean.
    ///
    /// # Errors
    /// When a column has the wrong size.
    fn predict(&self, obs: &[f32], actions: &[f32], rows: usize, out: &mut [f32]) -> Result<(), RewardError>;

    /// Writes each member's reward of each transition, `out` being `[members, rows]`.
    ///
    /// # Errors
    /// When a column has the wrong size.
    fn predict_members(
        &self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        out: &mut [f32],
    ) -> Result<(), RewardError>;
}

/// A model of both that learns from answered pairs: what a preference loop trains and asks.
pub trait RewardLearner: PreferenceModel + RewardModel + Parameters + Checkpoint {
    /// Trains on all pairs until the accuracy of a pass exceeds the target or the epochs are used
    /// up; then the model has a new version. Rewards given by earlier versions are stale: relabel
    /// the replay. Some models learn from unjudged `behaviour` too.
    ///
    /// # Errors
    /// When there is no pair, the data has other sizes, or a gradient is not finite.
    fn train(&mut self, data: &PreferenceData, behaviour: &dyn Behaviour) -> Result<Session, RewardError>;

    /// Fraction of the pairs with a preference whose preferred segment has the larger predicted
    /// return; `None` when there is no such pair. Of data it was not trained on, this is the accuracy
    /// that counts.
    ///
    /// # Errors
    /// When the data has other sizes.
    fn accuracy(&self, data: &PreferenceData) -> Result<Option<f32>, RewardError>;
}
