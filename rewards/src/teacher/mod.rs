//! Who answers queries.

mod config;
pub mod people;
mod scripted;

pub use config::ScriptedTeacherConfig;
pub use scripted::{Gold, ScriptedTeacher};

use crate::{
    RewardError,
    feedback::{Answer, Query},
};

/// Somebody or something that compares segments.
///
/// Asynchronous by shape: rollouts and learning go on between submitting a query and its answer,
/// which may come at any later poll, in any order, or never.
pub trait Teacher {
    /// Hands over a query.
    ///
    /// # Errors
    /// When the teacher cannot be reached.
    fn submit(&mut self, query: Query) -> Result<(), RewardError>;

    /// Appends the answers that have come since the last poll; does not wait for any.
    ///
    /// # Errors
    /// When the teacher cannot be reached; no answer is lost.
    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError>;

    /// Number of queries submitted and not yet answered.
    fn pending(&self) -> usize;
}
