//! Play: an expert that is disturbed and sent elsewhere, so that the data covers more than one way to do
//! the task, as the maze and kitchen data of D4RL does (Fu et al. 2020, arXiv 2004.07219, section 5).

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_agents::{ActMode, AgentError, Policy};
use telos_envs::{EnvSpec, episode_seed};

use crate::{TelosError, config::EnvConfig};

/// Keeps the disturbances of a collection apart from its initial states.
const STREAM: u64 = 0x2545_f491_4f6c_dd1d;
/// Goals to choose from: those of that many episodes of the task.
const GOALS: u64 = 256;

/// How a policy is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayConfig {
    /// Standard deviation of the noise on each action, relative to half its range. Default 0.2.
    pub noise: f32,
    /// Where the observation holds a goal, show the policy another one, drawn anew with this chance at
    /// each step; 0 leaves it its own. Default 0.01. The reward stays that of the true goal.
    pub new_goal: f32,
}

impl Default for PlayConfig {
    fn default() -> Self {
        Self { noise: 0.2, new_goal: 0.01 }
    }
}

/// A policy, disturbed.
pub struct Play<'a> {
    policy: Box<dyn Policy + 'a>,
    config: PlayConfig,
    low: Vec<f32>,
    high: Vec<f32>,
    obs_size: usize,
    /// Where the goal is, if goals are replaced.
    goal: Option<Range<usize>>,
    /// `[GOALS, goal]`.
    goals: Vec<f32>,
    /// The present goal of each row.
    chosen: Vec<usize>,
    shown: Vec<f32>,
    /// The actions before noise.
    intended: Vec<f32>,
    rng: Xoshiro256PlusPlus,
}

impl<'a> Play<'a> {
    /// Disturbs `policy` in `env`.
    ///
    /// # Errors
    /// When the environment cannot be built or a number is out of its range.
    pub fn new(
        policy: Box<dyn Policy + 'a>,
        config: PlayConfig,
        env: &EnvConfig,
        seed: u64,
    ) -> Result<Self, TelosError> {
        if !(config.noise.is_finite() && config.noise >= 0.0) {
            return Err(TelosError::Usage(format!("--noise is {}; use 0 or more", config.noise)));
        }
        if !(0.0..=1.0).contains(&config.new_goal) {
            return Err(TelosError::Usage(format!("--new-goal is {}; use 0 to 1", config.new_goal)));
        }
        let mut env = env.make()?;
        let EnvSpec { observation, action, goal, .. } = env.spec().clone();
        let goal = goal.filter(|_| config.new_goal > 0.0).map(|goal| goal.desired);
        let mut obs = vec![0.0; observation.size()];
        let mut goals = Vec::new();
        if let Some(range) = &goal {
            for episode in 0..GOALS {
                env.reset(episode_seed(seed ^ STREAM, 0, episode), &mut obs);
                goals.extend_from_slice(&obs[range.clone()]);
            }
        }
        Ok(Self {
            policy,
            config,
            low: action.low,
            high: action.high,
            obs_size: observation.size(),
            goal,
            goals,
            chosen: Vec::new(),
            shown: Vec::new(),
            intended: Vec::new(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed ^ STREAM),
        })
    }
}

impl Policy for Play<'_> {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.shown.clear();
        self.shown.extend_from_slice(obs);
        if let Some(range) = &self.goal {
            while self.chosen.len() < rows {
                self.chosen.push(self.rng.random_range(0..GOALS) as usize);
            }
            for (row, chosen) in self.shown.chunks_exact_mut(self.obs_size).zip(&mut self.chosen) {
                if self.rng.random::<f32>() < self.config.new_goal {
                    *chosen = self.rng.random_range(0..GOALS) as usize;
                }
                row[range.clone()].copy_from_slice(&self.goals[*chosen * range.len()..][..range.len()]);
            }
        }
        self.policy.act(&self.shown, rows, mode, actions)?;
        self.intended.clear();
        self.intended.extend_from_slice(actions);
        if self.config.noise > 0.0 {
            for row in actions.chunks_exact_mut(self.low.len()) {
                for ((action, low), high) in row.iter_mut().zip(&self.low).zip(&self.high) {
                    let noise: f32 = StandardNormal.sample(&mut self.rng);
                    let scale = self.config.noise * 0.5 * (high - low);
                    *action = (*action + scale * noise).clamp(*low, *high);
                }
            }
        }
        Ok(())
    }

    fn episode_ended(&mut self, row: usize) {
        self.policy.episode_ended(row);
    }

    fn intended(&self) -> Option<&[f32]> {
        Some(&self.intended)
    }
}
