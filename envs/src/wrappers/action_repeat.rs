//! Every action for several environment steps.

use std::any::Any;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{Env, EnvError, EnvSpec, Transition, branch};

/// Steps its environment `times` times with each action, or until the episode ends, and adds up the
/// rewards, as the repeat of Mnih et al. (2015, Nature 518) does. Observation, factors and success are
/// those of the last of these steps. In the spec, `dt` grows and `horizon` shrinks accordingly.
#[derive(Clone, Debug)]
pub struct ActionRepeat<E> {
    inner: E,
    spec: EnvSpec,
    times: usize,
}

impl<E: Env> ActionRepeat<E> {
    /// Wraps an environment.
    ///
    /// # Errors
    /// When `times` is zero.
    pub fn new(inner: E, times: usize) -> Result<Self, EnvError> {
        if times == 0 {
            return Err(EnvError::Zero { what: "steps that an action lasts" });
        }
        let mut spec = inner.spec().clone();
        spec.dt *= times as f32;
        spec.horizon = spec.horizon.div_ceil(times);
        Ok(Self { inner, spec, times })
    }
}

impl<E: Env> Env for ActionRepeat<E> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.inner.reset(seed, obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let mut sum = self.inner.step(action, obs);
        for _ in 1..self.times {
            if sum.terminated || sum.truncated {
                break;
            }
            let transition = self.inner.step(action, obs);
            sum = Transition { reward: sum.reward + transition.reward, ..transition };
        }
        sum
    }

    fn factors(&self, out: &mut [f32]) {
        self.inner.factors(out);
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        // A sum over states that the two do not tell, unless there is only one.
        if self.times == 1 { self.inner.goal_reward(achieved, desired) } else { None }
    }

    pass_on!(inner);
    pass_on_hidden!(inner);

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        match (other as &dyn Any).downcast_ref::<Self>().filter(|other| other.spec == self.spec) {
            Some(other) => self.inner.branch_from(&other.inner),
            None => branch::through_bytes(self, other),
        }
    }
}

impl<E: Env> Checkpoint for ActionRepeat<E> {
    fn save(&self, out: &mut Writer) {
        out.part("inner", &self.inner);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("inner", &mut self.inner)
    }
}
