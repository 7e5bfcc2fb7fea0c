//! Who chooses the actions of a robot.

use telos::{
    RunDirectory,
    agents::{ActMode, Policy, RandomPolicy},
    envs::{EnvSpec, registry},
    loops::Scripted,
};

use super::run_pilot::RunPilot;
use crate::ViewerError;

/// Chooses actions for one kind of environment.
pub enum Pilot {
    /// The middle of the action space.
    Idle(RandomPolicy),
    /// Anything at all.
    Random(RandomPolicy),
    /// The task's scripted expert.
    Scripted(Box<Scripted>),
    /// The policy of a run.
    Run(Box<RunPilot>),
    /// A person at the keyboard: the action that the keys say.
    Keys(Vec<f32>),
}

impl Pilot {
    /// Motors at rest.
    ///
    /// # Errors
    /// When the action space has no bounds.
    pub fn idle(spec: &EnvSpec) -> Result<Self, ViewerError> {
        Ok(Self::Idle(RandomPolicy::new(spec, 0)?))
    }

    /// Uniformly random actions.
    ///
    /// # Errors
    /// When the action space has no bounds.
    pub fn random(spec: &EnvSpec, seed: u64) -> Result<Self, ViewerError> {
        Ok(Self::Random(RandomPolicy::new(spec, seed)?))
    }

    /// The scripted expert of a task.
    ///
    /// # Errors
    /// When it has none.
    pub fn scripted(spec: &EnvSpec) -> Result<Self, ViewerError> {
        let expert = registry::expert(&spec.id);
        let expert = expert.ok_or_else(|| {
            ViewerError::Usage(format!("`{}` has no scripted expert; use --policy random", spec.id))
        })?;
        Ok(Self::Scripted(Box::new(Scripted::new(expert, spec))))
    }

    /// The policy of a run at its latest checkpoint.
    ///
    /// # Errors
    /// When the run has none.
    pub fn run(run: RunDirectory) -> Result<Self, ViewerError> {
        Ok(Self::Run(Box::new(RunPilot::open(run)?)))
    }

    /// Writes the actions `[rows, act]` for the observations `[rows, obs]`.
    ///
    /// # Errors
    /// When the policy does not fit them.
    pub fn act(&mut self, obs: &[f32], rows: usize, actions: &mut [f32]) -> Result<(), ViewerError> {
        match self {
            Self::Idle(policy) => policy.act(obs, rows, ActMode::Mode, actions)?,
            Self::Random(policy) => policy.act(obs, rows, ActMode::Sample, actions)?,
            Self::Scripted(policy) => policy.act(obs, rows, ActMode::Mode, actions)?,
            Self::Run(pilot) => pilot.policy().act(obs, rows, ActMode::Mode, actions)?,
            Self::Keys(action) => {
                actions.chunks_exact_mut(action.len()).for_each(|row| row.copy_from_slice(action))
            }
        }
        Ok(())
    }

    /// Says that the episode of robot `row` is over.
    pub fn episode_ended(&mut self, row: usize) {
        match self {
            Self::Scripted(policy) => policy.episode_ended(row),
            Self::Run(pilot) => pilot.policy().episode_ended(row),
            Self::Idle(_) | Self::Random(_) | Self::Keys(_) => {}
        }
    }

    /// What people read.
    pub fn describe(&self) -> String {
        match self {
            Self::Idle(_) => "motors at rest".into(),
            Self::Random(_) => "random actions".into(),
            Self::Scripted(_) => "scripted expert".into(),
            Self::Run(pilot) => pilot.describe(),
            Self::Keys(_) => "you, by keyboard".into(),
        }
    }
}
