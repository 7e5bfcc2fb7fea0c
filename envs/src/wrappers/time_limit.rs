//! Truncation at the horizon.

use std::any::Any;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{Env, EnvError, EnvSpec, Transition, branch};

/// Sets `truncated` on the step that reaches `spec().horizon`, unless that step terminates.
#[derive(Clone, Debug)]
pub struct TimeLimit<E> {
    inner: E,
    steps: usize,
}

impl<E: Env> TimeLimit<E> {
    /// Wraps an environment that does not watch the clock itself.
    pub fn new(inner: E) -> Self {
        Self { inner, steps: 0 }
    }

    /// The environment inside.
    pub fn inner(&self) -> &E {
        &self.inner
    }
}

impl<E: Env> Env for TimeLimit<E> {
    fn spec(&self) -> &EnvSpec {
        self.inner.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.steps = 0;
        self.inner.reset(seed, obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let mut transition = self.inner.step(action, obs);
        self.steps += 1;
        transition.truncated |= self.steps >= self.inner.spec().horizon && !transition.terminated;
        transition
    }

    fn factors(&self, out: &mut [f32]) {
        self.inner.factors(out);
    }

    pass_on!(inner);
    pass_on_hidden!(inner);

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        self.inner.goal_reward(achieved, desired)
    }

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else {
            return branch::through_bytes(self, other);
        };
        self.inner.branch_from(&other.inner)?;
        self.steps = other.steps;
        Ok(())
    }
}

impl<E: Env> Checkpoint for TimeLimit<E> {
    fn save(&self, out: &mut Writer) {
        out.value("steps", &self.steps);
        out.part("inner", &self.inner);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.steps = from.value("steps")?;
        from.part("inner", &mut self.inner)
    }
}
