//! A learner that sees normalised observations, in learning and in acting.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Parameters, Var};

use super::{Metrics, OfflineLearner};
use crate::{
    ActMode, AgentError, ObservationNormalizer, Policy, ReplayBatch, observation_normalizer::normalized,
};

/// Largest normalised component, in standard deviations; far enough out to touch only what the data
/// never came near.
const CLIP: f32 = 10.0;

/// An [`OfflineLearner`] behind the mean and deviation of a data set's observations, which stay as they
/// are: a policy that goes on online sees its states on the scale that it knows.
pub struct Normalized {
    learner: Box<dyn OfflineLearner>,
    normalizer: Option<ObservationNormalizer>,
    obs: Vec<f32>,
}

impl Normalized {
    /// `learner` with observations as they come.
    pub fn new(learner: Box<dyn OfflineLearner>) -> Self {
        Self { learner, normalizer: None, obs: Vec::new() }
    }

    /// `learner` with observations of `size` components normalised by the moments of `obs`, `[rows, size]`.
    pub fn by(learner: Box<dyn OfflineLearner>, obs: &[f32], size: usize) -> Self {
        let mut normalizer = ObservationNormalizer::new(size, CLIP);
        normalizer.update(obs);
        normalizer.freeze();
        Self { learner, normalizer: Some(normalizer), obs: Vec::new() }
    }

    /// One update; the observations of `batch` are normalised in place.
    ///
    /// # Errors
    /// As [`OfflineLearner::update`].
    pub fn update(&mut self, batch: &mut ReplayBatch) -> Result<Metrics, AgentError> {
        if self.normalizer.is_some() {
            for column in [&mut batch.obs, &mut batch.next_obs] {
                normalized(&self.normalizer, column, &mut self.obs);
                std::mem::swap(column, &mut self.obs);
            }
        }
        self.learner.update(batch)
    }

    /// As [`Agent::values`](super::Agent::values).
    ///
    /// # Errors
    /// As [`Agent::values`](super::Agent::values).
    pub fn values(&mut self, obs: &[f32], actions: &[f32], out: &mut [f32]) -> Result<bool, AgentError> {
        normalized(&self.normalizer, obs, &mut self.obs);
        self.learner.agent_mut().values(&self.obs, actions, out)
    }

    /// As [`OfflineLearner::anneal`].
    pub fn anneal(&mut self, progress: f64) {
        self.learner.anneal(progress);
    }

    /// Transitions per update.
    pub fn batch_size(&self) -> usize {
        self.learner.batch_size()
    }
}

impl Policy for Normalized {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        normalized(&self.normalizer, obs, &mut self.obs);
        self.learner.agent_mut().act(&self.obs, rows, mode, actions)
    }

    fn episode_ended(&mut self, row: usize) {
        self.learner.agent_mut().episode_ended(row);
    }

    fn expected_return(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        _rows: usize,
        out: &mut [f32],
    ) -> Result<bool, AgentError> {
        self.values(obs, actions, out)
    }
}

impl Parameters for Normalized {
    fn named(&self) -> Vec<(String, &Var)> {
        self.learner.named()
    }
}

impl Checkpoint for Normalized {
    fn save(&self, out: &mut Writer) {
        out.part("learner", self.learner.as_ref());
        out.value("normalized", &self.normalizer.is_some());
        if let Some(normalizer) = &self.normalizer {
            out.part("normalizer", normalizer);
        }
    }

    /// The moments come with the checkpoint, so that a policy can be restored without its data.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("learner", self.learner.as_mut())?;
        self.normalizer = None;
        if from.value("normalized")? {
            let mut normalizer = ObservationNormalizer::new(self.learner.agent().obs_size(), CLIP);
            from.part("normalizer", &mut normalizer)?;
            self.normalizer = Some(normalizer);
        }
        Ok(())
    }
}
