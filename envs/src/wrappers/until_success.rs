//! Truncation at the first success.

use std::any::Any;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{Env, EnvError, EnvSpec, Transition, branch};

/// Sets `truncated` on a step that ends in a success, unless that step terminates: for demonstrations, which end
/// when there is nothing left to show.
#[derive(Clone, Debug)]
pub struct UntilSuccess<E> {
    inner: E,
}

impl<E: Env> UntilSuccess<E> {
    /// Wraps an environment. One that does not judge success stays as it is.
    pub fn new(inner: E) -> Self {
        Self { inner }
    }
}

impl<E: Env> Env for UntilSuccess<E> {
    fn spec(&self) -> &EnvSpec {
        self.inner.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.inner.reset(seed, obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let mut transition = self.inner.step(action, obs);
        transition.truncated |= self.inner.success() == Some(true) && !transition.terminated;
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
        match (other as &dyn Any).downcast_ref::<Self>() {
            Some(other) => self.inner.branch_from(&other.inner),
            None => branch::through_bytes(self, other),
        }
    }
}

impl<E: Env> Checkpoint for UntilSuccess<E> {
    fn save(&self, out: &mut Writer) {
        out.part("inner", &self.inner);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("inner", &mut self.inner)
    }
}
