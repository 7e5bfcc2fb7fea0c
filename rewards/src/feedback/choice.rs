//! What a teacher can say about a pair.

use serde::{Deserialize, Serialize};

/// The outcome of one comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The first segment is better.
    First,
    /// The second segment is better.
    Second,
    /// Neither is better.
    Equal,
    /// The teacher does not compare this pair; it teaches nothing, but it was asked.
    Skip,
}

impl Choice {
    /// Probability that the first segment is preferred, as the target of a preference model:
    /// 1, 0 or 1/2; `None` for a skipped query.
    pub fn target(self) -> Option<f32> {
        match self {
            Self::First => Some(1.0),
            Self::Second => Some(0.0),
            Self::Equal => Some(0.5),
            Self::Skip => None,
        }
    }

    /// The same answer about the pair in the other order.
    pub fn swapped(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
            other => other,
        }
    }
}
