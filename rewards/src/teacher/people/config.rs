//! The keys of a teacher made of people.

use serde::{Deserialize, Serialize};

use crate::{RewardError, error::require};

/// People who answer on the page of `telos label serve RUN`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeopleConfig {
    /// Seconds for which an answer can be undone before training may learn from it. Default 10.
    pub undo_seconds: f64,
}

impl Default for PeopleConfig {
    fn default() -> Self {
        Self { undo_seconds: 10.0 }
    }
}

impl PeopleConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let holds = (0.0..=86_400.0).contains(&self.undo_seconds);
        require(holds, "undo_seconds", self.undo_seconds, "must be in [0, 86400]")
    }
}
