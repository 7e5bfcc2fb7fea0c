//! The reward model of a finished preference run as the source of rewards of another run.

use std::path::Path;

use telos_envs::EnvSpec;
use telos_rewards::reward_model::RewardModel;

use super::{build, driver::TrainingLoop};
use crate::{RunDirectory, TelosError};

/// A reward model, with the loop that trained it, which owns it.
pub(super) struct LearnedReward {
    training: Box<dyn TrainingLoop>,
    /// Which checkpoint of which configuration it is.
    pub(super) digest: String,
}

impl LearnedReward {
    /// The reward model of the run at `path`, which `key` names, at its latest checkpoint, for environments
    /// of `spec`.
    ///
    /// # Errors
    /// When there is no such run or checkpoint, its robot is another one, or it has no reward model yet.
    pub(super) fn read(key: &str, path: &Path, spec: &EnvSpec) -> Result<Self, TelosError> {
        let wrong = |reason: &str| TelosError::run(path, format!("`{key}`: {reason}"));
        let run = RunDirectory::open(path)?;
        let theirs = run.config().env.make()?;
        if (theirs.spec().observation.size(), theirs.spec().action.size())
            != (spec.observation.size(), spec.action.size())
        {
            return Err(wrong("was trained on another robot or task"));
        }
        let mut training = build(run.config(), run.manifest().device, None)?;
        let step = run.read_latest(training.as_mut())?;
        if training.policy_and_reward_model().1.is_none() {
            return Err(wrong(
                "has no reward model; name a run with loop = \"preferences\" that has asked already",
            ));
        }
        Ok(Self { training, digest: format!("reward {} at step {step}\n", run.config().digest()) })
    }

    /// The model.
    pub(super) fn model(&mut self) -> Option<&dyn RewardModel> {
        self.training.policy_and_reward_model().1
    }

    /// Writes the reward of each of `rows` transitions.
    ///
    /// # Errors
    /// When a column has the wrong size.
    pub(super) fn predict(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        out: &mut [f32],
    ) -> Result<(), TelosError> {
        let model = self.model().expect("a run without a model is not read");
        Ok(model.predict(obs, actions, rows, out)?)
    }
}
