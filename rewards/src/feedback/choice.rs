//! What a teacher can say.

use serde::{Deserialize, Serialize};

use super::{Ask, Order};

/// The answer to one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The first segment is better.
    First,
    /// The second segment is better.
    Second,
    /// Neither is better.
    Equal,
    /// The teacher does not answer this query; it teaches nothing, but it was asked.
    Skip,
    /// The order of several segments.
    Ranking(Order),
    /// The grade of one segment, from 1.
    Rating(u8),
}

impl Choice {
    /// Probability that the first segment is preferred, as the target of a preference model:
    /// 1, 0 or 1/2; `None` for a skipped query and for what is no answer to a comparison.
    pub fn target(self) -> Option<f32> {
        match self {
            Self::First => Some(1.0),
            Self::Second => Some(0.0),
            Self::Equal => Some(0.5),
            Self::Skip | Self::Ranking(_) | Self::Rating(_) => None,
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

    /// Why this cannot be the answer to a query that asks `ask` about `shown` segments; `None` when it
    /// can.
    pub(super) fn misfit(&self, ask: Ask, shown: usize) -> Option<String> {
        match (ask, self) {
            (_, Self::Skip) | (Ask::Comparison, Self::First | Self::Second | Self::Equal) => None,
            (Ask::Rating { bins }, Self::Rating(grade)) => {
                let fits = (1..=bins).contains(grade);
                (!fits).then(|| format!("the grade {grade} is not from 1 to {bins}"))
            }
            (Ask::Ranking, Self::Ranking(order)) => (!order.is_of(shown))
                .then(|| format!("{order:?} does not name each of {shown} segments once")),
            (ask, other) => Some(format!("{ask} was asked for, and the answer is {other:?}")),
        }
    }
}
