//! A teacher's answer, with the query it answers.

use super::{Choice, Query};
use crate::RewardError;

/// One answered query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What was asked.
    pub query: Query,
    /// What was answered.
    pub choice: Choice,
    /// Who answered, such as `scripted` or a person's name.
    pub teacher: String,
    /// When, in Unix milliseconds; `None` for teachers that answer by computation, so that their
    /// ledgers are reproducible byte for byte.
    pub at_ms: Option<u64>,
    /// Milliseconds between showing the query and the answer; `None` where it has no meaning.
    pub latency_ms: Option<u64>,
    /// What the answer cost, in the teacher's own unit: 1 per comparison for scripted teachers and
    /// people, money for a judge that is paid by the call.
    pub cost: f64,
}

impl Answer {
    /// The answer of a teacher that computes, at the cost of 1.
    pub fn computed(query: Query, choice: Choice, teacher: &str) -> Self {
        Self { query, choice, teacher: teacher.to_owned(), at_ms: None, latency_ms: None, cost: 1.0 }
    }

    /// # Errors
    /// When the choice does not answer the query, or the cost is no number.
    pub fn check(&self) -> Result<(), RewardError> {
        let reason = match self.choice.misfit(self.query.ask(), self.query.segments().len()) {
            None if self.cost >= 0.0 && self.cost.is_finite() => return Ok(()),
            None => format!("its cost is {}, but must be at least 0", self.cost),
            Some(reason) => reason,
        };
        Err(RewardError::Answer { query: self.query.id(), reason })
    }
}
