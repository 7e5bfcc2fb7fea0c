//! Where the rewards of data and environment come from: from themselves, or from something learned that may
//! go on learning while a policy is trained on it.

use std::path::Path;

use telos_agents::Replay;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, StepBatch, dataset::Dataset};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{
    learned_reward::LearnedReward, means::RunningMeans, report::PreferenceReport,
    reward_learning::RewardLearning, success_learning::SuccessLearning,
};
use crate::{
    TelosError,
    config::{Config, LabelKind},
};

/// Who labels.
pub(super) enum Labels {
    /// Rewards stay as they come.
    Recorded,
    /// The reward model of a finished run.
    Run(LearnedReward),
    /// A reward model that asks about the data first, and then about what the policy does.
    Preferences(Box<RewardLearning>),
    /// A success classifier that learns likewise.
    Success(Box<SuccessLearning>),
}

impl Labels {
    /// What `config` says, before anything was learned; without data, to restore a checkpoint. Answers are
    /// kept in the ledger at `feedback`.
    pub(super) fn new(
        config: &Config,
        spec: &EnvSpec,
        dataset: Option<&Dataset>,
        feedback: Option<&Path>,
        device: &Device,
    ) -> Result<Self, TelosError> {
        match (config.data.labels, &config.data.reward_run, dataset) {
            (LabelKind::Recorded, Some(run), Some(_)) => {
                Ok(Self::Run(LearnedReward::read("data.reward_run", Path::new(run), spec)?))
            }
            (LabelKind::Recorded, ..) => Ok(Self::Recorded),
            (LabelKind::Preferences, ..) => {
                let mut learning = RewardLearning::new(config, spec, feedback, device)?;
                if let Some(dataset) = dataset {
                    learning.begin_with(dataset);
                }
                Ok(Self::Preferences(Box::new(learning)))
            }
            (LabelKind::Success, ..) => {
                Ok(Self::Success(Box::new(SuccessLearning::new(config, spec, dataset, device)?)))
            }
        }
    }

    /// What a run depends on beside its data.
    pub(super) fn digest(&self) -> &str {
        match self {
            Self::Run(learned) => &learned.digest,
            _ => "",
        }
    }

    /// Whether labels can change.
    pub(super) fn learn(&self) -> bool {
        matches!(self, Self::Preferences(_) | Self::Success(_))
    }

    /// The reward model; `None` where rewards stay as they come, or nothing was learned yet.
    pub(super) fn model(&mut self) -> Option<&dyn RewardModel> {
        match self {
            Self::Recorded => None,
            Self::Run(learned) => learned.model(),
            Self::Preferences(learning) => (!learning.exploring()).then_some(&*learning.model as _),
            Self::Success(learning) => Some(&learning.classifier),
        }
    }

    /// Replaces `rewards` `[rows]` of transitions, where they do not stay as they come. Before anything was
    /// learned they are zero.
    pub(super) fn label(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        rewards: &mut [f32],
    ) -> Result<(), TelosError> {
        let stay = matches!(self, Self::Recorded);
        match self.model() {
            Some(model) => Ok(model.predict(obs, actions, rewards.len(), rewards)?),
            None if stay => Ok(()),
            None => {
                rewards.fill(0.0);
                Ok(())
            }
        }
    }

    /// As [`label`](Self::label), for everything that is stored; returns follow.
    pub(super) fn relabel(&mut self, replay: &mut Replay) -> Result<(), TelosError> {
        if matches!(self, Self::Recorded) {
            return Ok(());
        }
        replay.relabel(|obs, actions, _, rewards| self.label(obs, actions, rewards))
    }

    /// Takes in what every environment saw (`[n, obs]`), did (`[n, act]`) and came to.
    pub(super) fn observe(&mut self, obs: &[f32], actions: &[f32], outcome: &StepBatch) {
        match self {
            Self::Recorded | Self::Run(_) => {}
            Self::Preferences(learning) => learning.observe(obs, actions, outcome),
            Self::Success(learning) => learning.observe(outcome),
        }
    }

    /// Asks and learns what is due at `step`; returns whether all rewards given before are stale.
    pub(super) fn advance(&mut self, step: u64, losses: &mut RunningMeans) -> Result<bool, TelosError> {
        match self {
            Self::Recorded | Self::Run(_) => Ok(false),
            Self::Preferences(learning) => learning.advance(step, losses),
            Self::Success(learning) => learning.advance(step, losses),
        }
    }

    /// What is trained, for the weight file.
    pub(super) fn weights(&self) -> Option<&dyn Parameters> {
        match self {
            Self::Recorded | Self::Run(_) => None,
            Self::Preferences(learning) => Some(&*learning.model),
            Self::Success(learning) => Some(&learning.classifier),
        }
    }

    /// What was learned from preferences.
    pub(super) fn report(&self) -> Result<Option<PreferenceReport>, TelosError> {
        match self {
            Self::Preferences(learning) => learning.report().map(Some),
            _ => Ok(None),
        }
    }
}

impl Checkpoint for Labels {
    fn save(&self, out: &mut Writer) {
        match self {
            Self::Recorded | Self::Run(_) => {}
            Self::Preferences(learning) => out.part("preferences", &**learning),
            Self::Success(learning) => out.part("success", &**learning),
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        match self {
            Self::Recorded | Self::Run(_) => Ok(()),
            Self::Preferences(learning) => from.part("preferences", &mut **learning),
            Self::Success(learning) => from.part("success", &mut **learning),
        }
    }
}
