//! Trying a plan out on a copy of the environment.

use telos_envs::{Env, EnvError, EnvSpec};

use crate::ActionRange;

/// What one thread needs to roll plans out.
pub(super) struct Probe {
    /// The state that plans start from.
    origin: Box<dyn Env>,
    /// Where they are tried.
    trial: Box<dyn Env>,
    obs: Vec<f32>,
    action: Vec<f32>,
}

impl Probe {
    pub(super) fn new(origin: Box<dyn Env>, trial: Box<dyn Env>) -> Self {
        let (obs, action) = (origin.spec().observation.size(), origin.spec().action.size());
        Self { origin, trial, obs: vec![0.0; obs], action: vec![0.0; action] }
    }

    pub(super) fn spec(&self) -> &EnvSpec {
        self.origin.spec()
    }

    /// Plans start from the state of `env` from now on.
    pub(super) fn look(&mut self, env: &dyn Env) -> Result<(), EnvError> {
        self.origin.branch_from(env)
    }

    /// Sum of the gold rewards of a plan whose actions are held for `hold` steps each, up to the end of
    /// the episode.
    pub(super) fn value(&mut self, plan: &[f32], range: &ActionRange, hold: usize) -> f32 {
        self.trial.branch_from(self.origin.as_ref()).expect("both were built by the same constructor");
        let mut value = 0.0;
        for unit in plan.chunks_exact(self.action.len()) {
            self.action.copy_from_slice(unit);
            range.to_env(&mut self.action);
            for _ in 0..hold {
                let transition = self.trial.step(&self.action, &mut self.obs);
                value += transition.reward;
                if transition.terminated || transition.truncated {
                    return value;
                }
            }
        }
        value
    }
}
