//! Settings of the k-nearest-neighbour entropy reward.

use serde::{Deserialize, Serialize};

use super::neighbours::MAX_K;
use crate::{RewardError, error::require};

/// Configuration of [`StateEntropy`](super::StateEntropy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateEntropyConfig {
    /// Which neighbour's distance is the reward. Default 5 (PEBBLE).
    pub k: usize,
    /// Reference observations to search, drawn from the replay without replacement. Default 2048.
    pub references: usize,
}

impl Default for StateEntropyConfig {
    fn default() -> Self {
        Self { k: 5, references: 2048 }
    }
}

impl StateEntropyConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require((1..=MAX_K).contains(&self.k), "k", self.k, "must be from 1 to 31")?;
        require(self.references > self.k, "references", self.references, "must exceed k")
    }
}
