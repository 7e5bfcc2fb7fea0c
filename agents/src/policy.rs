//! The [`Policy`] trait, and the policy that knows nothing.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;

use crate::{ActionRange, AgentError};

/// How a policy chooses among the actions it finds possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActMode {
    /// Draws from its distribution: for training.
    Sample,
    /// Takes the centre of its distribution and draws nothing: for evaluation.
    Mode,
}

/// What chooses actions for a batch of environments.
pub trait Policy {
    /// Writes the actions `[rows, act]`, in the environment's units and within its bounds, for the
    /// observations `[rows, obs]`.
    ///
    /// # Errors
    /// When a slice has another length, or the device refuses.
    fn act(&mut self, obs: &[f32], rows: usize, mode: ActMode, actions: &mut [f32])
    -> Result<(), AgentError>;

    /// Says that the episode of environment `row` is over and another begins there. Only policies that
    /// remember something between actions, such as the rest of a chunk, have to know.
    fn episode_ended(&mut self, _row: usize) {}

    /// Writes what the policy's critics expect the `rows` observations and actions, in the environment's
    /// units, to lead to: a discounted return in the units of its training. False, and nothing written, where
    /// it has no critics.
    ///
    /// # Errors
    /// When a slice has another length, or the device refuses.
    fn expected_return(
        &mut self,
        _obs: &[f32],
        _actions: &[f32],
        _rows: usize,
        _out: &mut [f32],
    ) -> Result<bool, AgentError> {
        Ok(false)
    }

    /// Draws `count` chunks of actions for one observation into `chunks`, `[count, horizon, act]` in the
    /// environment's units, and returns the horizon; 0 for a policy that chooses one action at a time. Draws
    /// depend on `seed` alone, and what the policy does next is left as it is.
    ///
    /// # Errors
    /// When the observation has another length, or the device refuses.
    fn proposals(
        &mut self,
        _obs: &[f32],
        _count: usize,
        _seed: u64,
        _chunks: &mut Vec<f32>,
    ) -> Result<usize, AgentError> {
        Ok(0)
    }

    /// Tells what the actions chosen last earned, `[rows]`, before any episode is said to have ended.
    /// Only policies that aim at a return have to know.
    fn rewarded(&mut self, _rewards: &[f32]) {}

    /// What the actions chosen last would have been without the noise that was added on purpose, `[rows, act]`;
    /// `None` where none was.
    fn intended(&self) -> Option<&[f32]> {
        None
    }
}

/// Draws every action uniformly from the action space. Its mode is the centre of the space.
pub struct RandomPolicy {
    range: ActionRange,
    rng: Xoshiro256PlusPlus,
}

impl RandomPolicy {
    /// A policy for environments of this spec.
    ///
    /// # Errors
    /// When the action space has no finite bounds.
    pub fn new(spec: &EnvSpec, seed: u64) -> Result<Self, AgentError> {
        Ok(Self { range: ActionRange::new(spec)?, rng: Xoshiro256PlusPlus::seed_from_u64(seed) })
    }
}

impl Policy for RandomPolicy {
    fn act(
        &mut self,
        _obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        AgentError::check_length("actions", actions.len(), rows * self.range.size())?;
        match mode {
            ActMode::Sample => actions.iter_mut().for_each(|x| *x = self.rng.random_range(-1.0..=1.0)),
            ActMode::Mode => actions.fill(0.0),
        }
        self.range.to_env(actions);
        Ok(())
    }
}

impl Checkpoint for RandomPolicy {
    fn save(&self, out: &mut Writer) {
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.rng = from.value("rng")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;

    #[test]
    fn random_actions_fill_the_action_space_evenly() {
        let env = registry::make("pendulum-classic").unwrap();
        let mut policy = RandomPolicy::new(env.spec(), 0).unwrap();
        let mut actions = [0.0; 4000];
        policy.act(&[], 4000, ActMode::Sample, &mut actions).unwrap();
        assert!(actions.iter().all(|x| (-1.0..=1.0).contains(x)));
        let mut quarters = [0; 4];
        actions.iter().for_each(|x| quarters[((x + 1.0) * 1.9999) as usize] += 1);
        assert!(quarters.iter().all(|n| (900..1100).contains(n)), "{quarters:?}");
        policy.act(&[], 4000, ActMode::Mode, &mut actions).unwrap();
        assert!(actions.iter().all(|x| *x == 0.0));
        assert!(policy.act(&[], 2, ActMode::Sample, &mut [0.0; 3]).is_err());
    }
}
