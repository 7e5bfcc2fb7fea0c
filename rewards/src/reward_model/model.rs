//! What a model of preferences and a model of rewards can be asked.

use telos_envs::SegmentView;

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
    /// Writes the reward of each transition, `out` being `[rows]`: the mean over the members.
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
