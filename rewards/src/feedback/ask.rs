//! What a query asks about its segments.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The form of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Which of two segments is better?
    #[default]
    Comparison,
    /// In which order are several segments, the best first?
    Ranking,
    /// How good is one segment?
    Rating {
        /// The best grade; the worst is 1.
        bins: u8,
    },
}

impl Ask {
    pub(super) fn is_comparison(&self) -> bool {
        *self == Self::Comparison
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comparison => f.write_str("a comparison of two"),
            Self::Ranking => f.write_str("a ranking"),
            Self::Rating { bins } => write!(f, "a rating from 1 to {bins}"),
        }
    }
}
