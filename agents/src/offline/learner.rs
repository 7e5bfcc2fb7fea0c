//! What a loop needs to know of a learner that is fed batches of transitions.

use telos_checkpoint::Checkpoint;
use telos_nn::Parameters;

use crate::{AgentError, Policy, ReplayBatch};

/// A learner that improves from any batch of transitions, recorded or its own.
pub trait OfflineLearner: Parameters + Checkpoint {
    /// One gradient update. The batch is as large as the learner's configuration says, or of any other
    /// size.
    ///
    /// # Errors
    /// When the batch does not fit the environment or lacks a column that the learner reads, a gradient
    /// is not finite, or the device refuses.
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError>;

    /// Transitions per update, as configured.
    fn batch_size(&self) -> usize;

    /// What it has learned to do so far.
    fn agent(&self) -> &dyn Agent;

    /// As [`agent`](Self::agent), to act.
    fn agent_mut(&mut self) -> &mut dyn Agent;

    /// Sets step sizes for a training on data of which the share `progress`, in [0, 1], is done.
    fn anneal(&mut self, _progress: f64) {}
}

/// What acts in a learner's name, and says what actions are worth.
pub trait Agent: Policy {
    /// Discount per step; 1 for learners without values.
    fn gamma(&self) -> f32;

    /// Components of an observation.
    fn obs_size(&self) -> usize;

    /// Writes the least of the critics' values of observations `[rows, obs]` and actions `[rows, act]`,
    /// in the environment's units, to `out` `[rows]`; false, and nothing written, without critics.
    ///
    /// # Errors
    /// When a slice has another length, or the device refuses.
    fn values(&mut self, _obs: &[f32], _actions: &[f32], _out: &mut [f32]) -> Result<bool, AgentError> {
        Ok(false)
    }
}

/// Named numbers of one update, in a fixed order, without memory of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    entries: [(&'static str, f32); Self::MOST],
    len: usize,
}

impl Metrics {
    const MOST: usize = 8;

    pub(super) fn new(entries: &[(&'static str, f32)]) -> Self {
        let mut metrics = Self { entries: [("", 0.0); Self::MOST], len: entries.len() };
        metrics.entries[..entries.len()].copy_from_slice(entries);
        metrics
    }

    /// As `self` with a further number.
    pub(super) fn with(mut self, name: &'static str, value: f32) -> Self {
        self.entries[self.len] = (name, value);
        self.len += 1;
        self
    }

    /// Names and numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f32)> + '_ {
        self.entries[..self.len].iter().copied()
    }

    /// The number of this name.
    pub fn get(&self, name: &str) -> Option<f32> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}
