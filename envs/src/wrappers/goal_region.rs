//! A goal where the task has none: components of the observation that should take given values.

use std::any::Any;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use super::arrival;
use crate::{Env, EnvError, EnvSpec, GoalSpec, Transition, branch, episode_seed};

/// Sets the draws of this wrapper apart from those of its environment, which has the same seed.
const STREAM: u64 = 2;

/// Which components of the observation have goals, and where these lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalRegionConfig {
    /// The first component that has a goal. As many follow as `low` has numbers.
    pub first: usize,
    /// Least value of each goal, in the unit of its component.
    pub low: Vec<f32>,
    /// Greatest value of each goal.
    pub high: Vec<f32>,
    /// Euclidean distance from the goal that counts as reached.
    pub tolerance: f32,
}

impl GoalRegionConfig {
    /// Checks everything that does not depend on the environment.
    ///
    /// # Errors
    /// When it is impossible; the error names the key.
    pub fn validate(&self) -> Result<(), EnvError> {
        let wrong =
            |key, value: String, reason: &str| Err(EnvError::Config { key, value, reason: reason.into() });
        if self.low.is_empty() || self.low.iter().any(|x| !x.is_finite()) {
            return wrong("low", format!("{:?}", self.low), "must hold one finite number per component");
        }
        let sound = |(low, high): (&f32, &f32)| low <= high && high.is_finite();
        if self.high.len() != self.low.len() || !self.low.iter().zip(&self.high).all(sound) {
            return wrong(
                "high",
                format!("{:?}", self.high),
                "must hold as many numbers as `low`, none smaller",
            );
        }
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            return wrong("tolerance", self.tolerance.to_string(), "must be above 0");
        }
        Ok(())
    }
}

/// Replaces the task of its environment: in every episode a goal is drawn uniformly from the region and
/// appended to the observation, and the reward is 1 in states whose achieved components are within the
/// tolerance of it, else 0. The only factor, `at_goal`, is the reward, and so is success.
#[derive(Clone, Debug)]
pub struct GoalRegion<E> {
    inner: E,
    spec: EnvSpec,
    goal: GoalSpec,
    config: GoalRegionConfig,
    desired: Vec<f32>,
    at_goal: bool,
}

impl<E: Env> GoalRegion<E> {
    /// Wraps an environment.
    ///
    /// # Errors
    /// When the region is impossible, or the observation has no such components.
    pub fn new(inner: E, config: GoalRegionConfig) -> Result<Self, EnvError> {
        config.validate()?;
        let mut spec = inner.spec().clone();
        let (size, goals) = (spec.observation.size(), config.low.len());
        let Some(last) = config.first.checked_add(goals).filter(|last| *last <= size) else {
            let reason = format!("leaves no {goals} components of the {size} that `{}` observes", spec.id);
            return Err(EnvError::Config { key: "first", value: config.first.to_string(), reason });
        };
        let goal = GoalSpec { achieved: config.first..last, desired: size..size + goals };
        spec.observation.low.extend(&config.low);
        spec.observation.high.extend(&config.high);
        spec.factors = vec!["at_goal".into()];
        spec.goal = Some(goal.clone());
        let desired = config.low.clone();
        Ok(Self { inner, spec, goal, config, desired, at_goal: false })
    }

    fn judge(&mut self, obs: &mut [f32]) {
        obs[self.goal.desired.clone()].copy_from_slice(&self.desired);
        self.at_goal =
            arrival::within(self.config.tolerance, &obs[self.goal.achieved.clone()], &self.desired);
    }
}

impl<E: Env> Env for GoalRegion<E> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(episode_seed(seed, STREAM, 0));
        let bounds = self.config.low.iter().zip(&self.config.high);
        for (desired, (low, high)) in self.desired.iter_mut().zip(bounds) {
            *desired = rng.random_range(*low..=*high);
        }
        self.inner.reset(seed, &mut obs[..self.goal.desired.start]);
        self.judge(obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let transition = self.inner.step(action, &mut obs[..self.goal.desired.start]);
        self.judge(obs);
        self.at_goal &= !transition.fault;
        Transition { reward: f32::from(self.at_goal), ..transition }
    }

    fn factors(&self, out: &mut [f32]) {
        out[0] = f32::from(self.at_goal);
    }

    fn success(&self) -> Option<bool> {
        Some(self.at_goal)
    }

    fn caption(&self) -> String {
        arrival::caption(self.at_goal, &self.inner.caption())
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        Some(f32::from(arrival::within(self.config.tolerance, achieved, desired)))
    }

    pass_on_simulation!(inner);
    pass_on_hidden!(inner);

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        match (other as &dyn Any).downcast_ref::<Self>().filter(|other| other.spec == self.spec) {
            Some(other) => {
                self.inner.branch_from(&other.inner)?;
                self.desired.copy_from_slice(&other.desired);
                self.at_goal = other.at_goal;
                Ok(())
            }
            None => branch::through_bytes(self, other),
        }
    }
}

impl<E: Env> Checkpoint for GoalRegion<E> {
    fn save(&self, out: &mut Writer) {
        out.part("inner", &self.inner);
        out.f32s("desired", &self.desired);
        out.value("at_goal", &self.at_goal);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("inner", &mut self.inner)?;
        from.f32s("desired", &mut self.desired)?;
        self.at_goal = from.value("at_goal")?;
        Ok(())
    }
}
