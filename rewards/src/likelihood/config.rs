//! Settings of the likelihood reward.

use serde::{Deserialize, Serialize};
use telos_nn::TransformerConfig;

use crate::{RewardError, error::require};

/// Configuration of [`LikelihoodReward`](super::LikelihoodReward). Numbers without a source are ours, for
/// observations of a few dozen components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LikelihoodConfig {
    /// Tokens per component of an observation; the first and the last are for what lies outside of the
    /// expert's range. Default 32.
    pub bins: usize,
    /// Observations that the next one is predicted from, at most. Default 8.
    pub context: usize,
    /// Whether the reward is the mean over the context and the next observation, each after those before it
    /// and the first after nothing, as in the code of the paper, and not that of the next one alone. What is
    /// likely after nothing is where the expert is; what is likely after the last observation is any smooth
    /// motion, too. Default true.
    pub joint: bool,
    /// The network. Default 64 wide, 4 heads, 2 layers.
    pub transformer: TransformerConfig,
    /// Gradient updates. Default 2000.
    pub updates: usize,
    /// Stretches of `context` observations per update. Default 64.
    pub batch: usize,
    /// Learning rate. Default 1e-3.
    pub learning_rate: f64,
    /// Share of the probability that is spread over all tokens, so that no reward is without bounds. Default
    /// 0.05.
    pub smoothing: f32,
    /// Which quantile of the expert's own log-likelihoods has reward 1. Default 0.5.
    pub quantile: f64,
    /// Share of the episodes that measures the model and its scale and never trains it. Default 0.1.
    pub held_out: f64,
}

impl Default for LikelihoodConfig {
    fn default() -> Self {
        Self {
            bins: 32,
            context: 8,
            joint: true,
            transformer: TransformerConfig { width: 64, heads: 4, layers: 2 },
            updates: 2000,
            batch: 64,
            learning_rate: 1e-3,
            smoothing: 0.05,
            quantile: 0.5,
            held_out: 0.1,
        }
    }
}

impl LikelihoodConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require((4..=1024).contains(&self.bins), "bins", self.bins, "must be from 4 to 1024")?;
        require((1..=256).contains(&self.context), "context", self.context, "must be from 1 to 256")?;
        let heads = self.transformer.heads;
        let even = heads > 0 && self.transformer.width.is_multiple_of(heads) && self.transformer.width > 0;
        require(even, "transformer.heads", heads, "must divide `transformer.width`")?;
        let layers = self.transformer.layers;
        require((1..=32).contains(&layers), "transformer.layers", layers, "must be from 1 to 32")?;
        require(self.updates > 0, "updates", self.updates, "must be at least 1")?;
        require(self.batch > 0, "batch", self.batch, "must be at least 1")?;
        let lr = self.learning_rate;
        require(lr > 0.0 && lr <= 1.0, "learning_rate", lr, "must be in (0, 1]")?;
        let smoothing = self.smoothing;
        require(smoothing > 0.0 && smoothing < 1.0, "smoothing", smoothing, "must be in (0, 1)")?;
        let quantile = self.quantile;
        require((0.0..=1.0).contains(&quantile), "quantile", quantile, "must be in [0, 1]")?;
        let held_out = self.held_out;
        require(held_out > 0.0 && held_out <= 0.5, "held_out", held_out, "must be in (0, 0.5]")
    }
}
