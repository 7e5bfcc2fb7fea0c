//! Semi-supervised reward learning (He et al. 2024, "Semi-Supervised Reward Modeling via Iterative
//! Self-Training", arXiv 2409.06903): the trained model answers questions that nobody was asked, and
//! learns from the answers of which it is sure.
//!
//! In each round: draw pairs of unjudged segments, keep those with `max(p, 1 - p) > τ`, and train on the
//! given answers and these together.

use serde::{Deserialize, Serialize};

use super::{Behaviour, LearnedReward, PreferenceData, RewardObjective};
use crate::{RewardError, error::require};

/// Who has answered according to the data.
const TEACHER: &str = "the reward model itself";

/// Configuration of the answers that a model gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PseudoLabelConfig {
    /// Rounds after the training on given answers. Default 0: none; the paper has 3.
    pub rounds: usize,
    /// Unjudged pairs drawn in a round. Default 500.
    pub pairs: usize,
    /// Confidence `τ` above which the model's own answer is kept. Default 0.8.
    pub confidence: f32,
}

impl Default for PseudoLabelConfig {
    fn default() -> Self {
        Self { rounds: 0, pairs: 500, confidence: 0.8 }
    }
}

impl PseudoLabelConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(self.pairs > 0, "pseudo_labels.pairs", self.pairs, "must be at least 1")?;
        let confidence = self.confidence;
        require(
            (0.5..1.0).contains(&confidence),
            "pseudo_labels.confidence",
            confidence,
            "must be in [0.5, 1)",
        )
    }
}

impl<O: RewardObjective> LearnedReward<O> {
    /// The given answers and those that the model is sure of itself.
    pub(super) fn with_own_answers(
        &mut self,
        data: &PreferenceData,
        behaviour: &dyn Behaviour,
    ) -> Result<PreferenceData, RewardError> {
        let PseudoLabelConfig { pairs, confidence, .. } = self.config.pseudo_labels;
        let mut unjudged = data.emptied(pairs)?;
        let mut rows = Vec::new();
        for _ in 0..pairs {
            rows.clear();
            let mut draw = || behaviour.draw(data.segment(), &mut self.rng, &mut rows);
            if !(draw() && draw()) {
                break;
            }
            unjudged.push_rows(&rows, [0.5, 1.0], TEACHER);
        }
        let mut extended = data.with_room_for(unjudged.len())?;
        let mut logits = vec![0.0; self.config.members];
        for at in 0..unjudged.len() {
            self.logits_of(&self.networks, &unjudged, at, &mut logits)?;
            let logit = logits.iter().sum::<f32>() / logits.len() as f32;
            let sure = 1.0 / (1.0 + (-logit.abs()).exp());
            if sure > confidence {
                let target = f32::from(u8::from(logit > 0.0));
                extended.push_rows(unjudged.pair(at).0, [target, 1.0], TEACHER);
            }
        }
        Ok(extended)
    }
}
