//! Wrappers as a configuration names them.

use serde::{Deserialize, Serialize};

use super::{
    ActionRepeat, GoalRegion, GoalRegionConfig, Pixels, PixelsConfig, Randomization, RandomizationConfig,
    ResetFree, ResetFreeConfig, SuccessFact,
};
use crate::{Env, EnvError};

/// What to put around an environment, from the inside out: a goal region, a fact that is success, randomised
/// dynamics, repeated actions, goals that take turns without a reset, and pictures in place of observations.
///
/// ```
/// use telos_envs::{Env, RandomizationConfig, Wrapping, registry};
///
/// let randomization = RandomizationConfig { mass: [0.8, 1.2], ..RandomizationConfig::default() };
/// let wrapping =
///     Wrapping { action_repeat: 2, randomization: Some(randomization), ..Wrapping::default() };
/// let mut env = wrapping.wrap(registry::make("cheetah-run")?)?;
/// env.reset(3, &mut vec![0.0; env.spec().observation.size()]);
/// assert!(env.hidden().is_some_and(|hidden| (0.8..=1.2).contains(&hidden.mass)));
/// # Ok::<(), telos_envs::EnvError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wrapping {
    /// Environment steps that each action lasts. Default 1.
    pub action_repeat: usize,
    /// Another robot in every episode. Default none.
    pub randomization: Option<RandomizationConfig>,
    /// A goal in place of the task's reward. Default none.
    pub goal: Option<GoalRegionConfig>,
    /// What is true of a state that is a success, by its key among [`captions`](crate::captions), in place of
    /// what the task or the goal region calls success. Default none.
    pub fact: Option<String>,
    /// Two goals in turn, without a reset in between. Default none.
    pub reset_free: Option<ResetFreeConfig>,
    /// Pictures in place of observations. Default none.
    pub pixels: Option<PixelsConfig>,
}

impl Default for Wrapping {
    fn default() -> Self {
        Self { action_repeat: 1, randomization: None, goal: None, fact: None, reset_free: None, pixels: None }
    }
}

impl Wrapping {
    /// Puts the wrappers around an environment.
    ///
    /// # Errors
    /// When a setting is impossible, or does not fit the environment.
    pub fn wrap(&self, mut env: Box<dyn Env>) -> Result<Box<dyn Env>, EnvError> {
        if let Some(goal) = &self.goal {
            env = Box::new(GoalRegion::new(env, goal.clone())?);
        }
        if let Some(fact) = &self.fact {
            env = Box::new(SuccessFact::new(env, fact)?);
        }
        if let Some(randomization) = &self.randomization {
            env = Box::new(Randomization::new(env, randomization.clone())?);
        }
        if self.action_repeat != 1 {
            env = Box::new(ActionRepeat::new(env, self.action_repeat)?);
        }
        if let Some(reset_free) = &self.reset_free {
            env = Box::new(ResetFree::new(env, reset_free.clone())?);
        }
        if let Some(pixels) = &self.pixels {
            env = Box::new(Pixels::new(env, pixels)?);
        }
        Ok(env)
    }
}
