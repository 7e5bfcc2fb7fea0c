//! What is asked about.

use serde::{Deserialize, Serialize};

use crate::{RewardError, error::require};

/// Which rule chooses the pairs that a teacher compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectorKind {
    /// Pairs of uniformly drawn segments.
    Uniform,
    /// Of many uniform candidates, those over which the ensemble's members disagree most.
    #[default]
    Disagreement,
    /// Of many uniform candidates, those whose predicted answer is most open.
    Entropy,
    /// Of many uniform candidates, those that lie furthest from all asked before.
    KCenter,
    /// The same among the half over which the members disagree most.
    KCenterDisagreement,
    /// The same among the half whose predicted answer is most open.
    KCenterEntropy,
    /// For each query, the best against the worst of many segments, as the model sees them.
    BestWorst,
}

/// Length of segments and choice of queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryConfig {
    /// Environment steps per segment. Default 50 (B-Pref).
    pub segment: usize,
    /// Which rule chooses pairs. Default `disagreement` (PEBBLE's main setting).
    pub selector: SelectorKind,
    /// Candidates drawn per query asked, for rules that choose: pairs, or segments for `best_worst`.
    /// Default 10 (B-Pref, `large_batch`).
    pub large_batch: usize,
}

impl Default for QueryConfig {
    fn default() -> Self {
        Self { segment: 50, selector: SelectorKind::Disagreement, large_batch: 10 }
    }
}

impl QueryConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(self.segment > 0, "segment", self.segment, "must be at least 1 step")?;
        require(
            self.large_batch > 0,
            "large_batch",
            self.large_batch,
            "must be at least 1 candidate per query",
        )
    }
}
