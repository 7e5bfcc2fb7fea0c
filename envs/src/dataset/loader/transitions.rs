//! Uniform batches of transitions, for learners that bootstrap.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::BatchSource;
use crate::{dataset::Dataset, episode_seed};

/// Keeps transitions apart from chunks drawn with the same seed.
const STREAM: u64 = 0;

/// Transitions; columns are row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransitionBatch {
    /// Number of transitions.
    pub rows: usize,
    /// `[rows, obs]`
    pub obs: Vec<f32>,
    /// `[rows, act]`
    pub actions: Vec<f32>,
    /// `[rows]`
    pub rewards: Vec<f32>,
    /// `[rows, obs]`
    pub next_obs: Vec<f32>,
    /// `[rows]`: whether `next_obs` has no future.
    pub terminated: Vec<bool>,
}

/// Draws transitions uniformly with replacement.
pub struct Transitions {
    dataset: Arc<Dataset>,
    /// `[steps]`: the episode that each transition belongs to.
    episode_of: Vec<u32>,
    /// `[steps]`: whether it ended its task.
    terminated: Vec<bool>,
    rows: usize,
    seed: u64,
}

impl Transitions {
    /// Batches of `rows` transitions.
    ///
    /// # Panics
    /// When there are 2^32 episodes or more.
    pub fn new(dataset: Arc<Dataset>, rows: usize, seed: u64) -> Self {
        let mut episode_of = Vec::with_capacity(dataset.steps());
        let mut terminated = vec![false; dataset.steps()];
        for (index, episode) in dataset.episodes().enumerate() {
            let index = u32::try_from(index).expect("fewer than 2^32 episodes");
            episode_of.resize(episode_of.len() + episode.steps, index);
            terminated[episode_of.len() - 1] = episode.terminated;
        }
        Self { dataset, episode_of, terminated, rows, seed }
    }
}

impl BatchSource for Transitions {
    type Batch = TransitionBatch;

    fn fill(&self, index: u64, batch: &mut TransitionBatch) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(episode_seed(self.seed, STREAM, index));
        let (o, a) = (self.dataset.info().obs_size, self.dataset.info().action_size());
        let (obs, actions, rewards) = self.dataset.columns();
        batch.rows = self.rows;
        batch.obs.resize(self.rows * o, 0.0);
        batch.actions.resize(self.rows * a, 0.0);
        batch.rewards.resize(self.rows, 0.0);
        batch.next_obs.resize(self.rows * o, 0.0);
        batch.terminated.resize(self.rows, false);
        for i in 0..self.rows {
            let row = rng.random_range(0..self.episode_of.len());
            // Every episode before has one observation more than it has steps.
            let (before, after) = obs[(row + self.episode_of[row] as usize) * o..][..2 * o].split_at(o);
            batch.obs[i * o..][..o].copy_from_slice(before);
            batch.next_obs[i * o..][..o].copy_from_slice(after);
            batch.actions[i * a..][..a].copy_from_slice(&actions[row * a..][..a]);
            batch.rewards[i] = rewards[row];
            batch.terminated[i] = self.terminated[row];
        }
    }
}
