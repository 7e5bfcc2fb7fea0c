//! Who answers queries.

mod annotators;
mod config;
mod in_sample_value;
pub mod judge;
mod mixture;
pub mod people;
mod ranked_factors;
mod rationality;
mod regret;
mod scripted;
mod scripted_config;
mod stage;
mod taste;

pub use annotators::{AnnotatorConfig, Annotators, AnnotatorsConfig};
pub use config::{TeacherConfig, TeacherSetting};
pub use in_sample_value::{InSampleValue, InSampleValueConfig};
pub use mixture::{Mixture, MixtureConfig};
pub use ranked_factors::{RankedFactors, RankedFactorsConfig, Unresolved};
pub use regret::RegretTeacherConfig;
pub use scripted::ScriptedTeacher;
pub use scripted_config::{ScriptedPreset, ScriptedTeacherConfig};
pub use stage::Stage;

use telos_checkpoint::Checkpoint;
use telos_envs::SegmentView;

use crate::{
    RewardError,
    feedback::{Answer, Query},
};

/// Somebody or something that compares segments.
///
/// Asynchronous by shape: rollouts and learning go on between submitting a query and its answer,
/// which may come at any later poll, in any order, or never.
///
/// What a teacher learns of a run are queries and finished episodes, and neither holds a learned
/// reward.
pub trait Teacher: Checkpoint {
    /// Hands over a query.
    ///
    /// # Errors
    /// When the teacher cannot be reached, or cannot answer a query of this shape.
    fn submit(&mut self, query: Query) -> Result<(), RewardError>;

    /// Takes a query that was answered before the run was interrupted, and gives that answer at the next
    /// poll, without asking anybody again. A teacher that computes may compute it anew: what matters is
    /// that it goes on as if it had never been interrupted.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    fn resubmit(&mut self, answered: Answer) -> Result<(), RewardError>;

    /// Appends the answers that have come since the last poll; does not wait for any.
    ///
    /// # Errors
    /// When the teacher cannot be reached; no answer is lost.
    fn poll(&mut self, answers: &mut Vec<Answer>) -> Result<(), RewardError>;

    /// Number of queries submitted and not yet answered.
    fn pending(&self) -> usize;

    /// Shows a whole episode of the run, as it ended. Teachers whose standards depend on how the run
    /// has been going look at it; the others do nothing.
    fn observe_episode(&mut self, _episode: SegmentView<'_>) {}

    /// Numbers about the answers so far, for a learning curve; teachers that have none give none.
    fn metrics(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}
