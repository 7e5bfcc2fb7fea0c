//! A teacher's answer, with the query it answers.

use super::{Choice, Query};

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
