//! Iterative data smoothing (Zhu, Jordan, Jiao 2024, "Iterative Data Smoothing: Mitigating Reward
//! Overfitting and Overoptimization in RLHF", arXiv 2401.16335, algorithm 1): after each epoch every
//! answer moves a little to what the model itself believes,
//!
//! `y ← (1 - β) y + β sigmoid(r(σ¹) - r(σ²))`,
//!
//! so that an answer which contradicts the others fades before it is memorised.

use super::PreferenceData;

/// What each member takes the answers to be.
pub(super) struct SoftAnswers {
    pairs: usize,
    /// `[members, pairs]`.
    targets: Vec<f32>,
}

impl SoftAnswers {
    /// The answers as they were given.
    pub(super) fn new(data: &PreferenceData, members: usize) -> Self {
        let given: Vec<f32> = (0..data.len()).map(|at| data.pair(at).1).collect();
        Self { pairs: data.len(), targets: given.repeat(members) }
    }

    /// What a member takes the answer about pair `at` to be.
    pub(super) fn target(&self, member: usize, at: usize) -> f32 {
        self.targets[member * self.pairs + at]
    }

    /// Moves all members' answers about a pair by `beta` towards their own logits.
    pub(super) fn smooth(&mut self, at: usize, logits: &[f32], beta: f32) {
        for (member, logit) in logits.iter().enumerate() {
            let target = &mut self.targets[member * self.pairs + at];
            *target += beta * (1.0 / (1.0 + (-logit).exp()) - *target);
        }
    }
}
