//! The keys of learning from an expert's observations alone.

use serde::{Deserialize, Serialize};
use telos_rewards::{intrinsic::StateEntropyConfig, likelihood::LikelihoodConfig};

/// `[likelihood]`: how likely an expert's next observation is takes the place of a reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LikelihoodLoopConfig {
    /// A directory that `telos collect` made, of somebody who knows the task. Its actions and rewards are
    /// not looked at. Required.
    pub demonstrations: String,
    /// What a standard deviation of state entropy is worth beside the likelihood, which is from 0 to 1.
    /// Default 0.05.
    pub exploration: f32,
    /// The model of the expert.
    pub model: LikelihoodConfig,
    /// The reward of exploration.
    pub state_entropy: StateEntropyConfig,
}

impl Default for LikelihoodLoopConfig {
    fn default() -> Self {
        Self {
            demonstrations: String::new(),
            exploration: 0.05,
            model: LikelihoodConfig::default(),
            state_entropy: StateEntropyConfig::default(),
        }
    }
}
