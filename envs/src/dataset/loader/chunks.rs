//! Contiguous stretches of episodes, for sequence models and policies that answer with several actions.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::BatchSource;
use crate::{GoalSpec, dataset::Dataset, episode_seed};

/// Keeps chunks apart from transitions drawn with the same seed.
const STREAM: u64 = 1;

/// Chunks; columns are row-major. Where a chunk reaches beyond the end of its episode, the last step is
/// repeated and `valid` is false, as LeRobot pads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChunkBatch {
    /// Number of chunks.
    pub rows: usize,
    /// Steps of each.
    pub len: usize,
    /// `[rows, len, obs]`: before each action.
    pub obs: Vec<f32>,
    /// `[rows, len, act]`
    pub actions: Vec<f32>,
    /// `[rows, len]`; 0 in the padding, so that sums are those of the episode.
    pub rewards: Vec<f32>,
    /// `[rows, len]`: whether the step exists.
    pub valid: Vec<bool>,
    /// `[rows]`: the episode of each chunk.
    pub episode: Vec<usize>,
    /// `[rows]`: its first step in that episode.
    pub start: Vec<usize>,
}

/// Draws chunks whose first step is uniform among all steps, with replacement.
pub struct Chunks {
    dataset: Arc<Dataset>,
    /// `[episodes + 1]`: first step of each episode among all, and their total.
    starts: Vec<usize>,
    rows: usize,
    len: usize,
    seed: u64,
    hindsight: Option<Hindsight>,
}

/// Goals of recorded actions that were not asked for, but reached: for data whose purpose was another one, or
/// none.
#[derive(Clone, Debug, PartialEq)]
pub struct Hindsight {
    /// Where the observation holds what was reached and what is wanted.
    pub goal: GoalSpec,
    /// Share of the chunks that get such a goal.
    pub share: f64,
    /// Steps after the chunk's first observation within which the goal is reached.
    pub window: usize,
}

impl Chunks {
    /// Batches of `rows` chunks of `len` steps.
    ///
    /// # Panics
    /// When `len` is 0.
    pub fn new(dataset: Arc<Dataset>, rows: usize, len: usize, seed: u64) -> Self {
        assert!(len > 0, "a chunk has at least one step");
        let mut starts = vec![0];
        for episode in dataset.episodes() {
            starts.push(starts.last().expect("it begins with 0") + episode.steps);
        }
        Self { dataset, starts, rows, len, seed, hindsight: None }
    }

    /// Lets a share of the chunks pursue what their episode came to later: the achieved components of one of the
    /// next observations, uniform among them, take the place of the desired ones (Andrychowicz et al. 2017,
    /// "Hindsight Experience Replay", arXiv 1707.01495; for actions that are imitated, Lynch et al. 2019,
    /// "Learning Latent Plans from Play", arXiv 1903.01973). Rewards stay as recorded.
    ///
    /// # Panics
    /// When the goals lie outside the observation, or the window is 0.
    #[must_use]
    pub fn in_hindsight(mut self, hindsight: Hindsight) -> Self {
        let (obs_size, goal) = (self.dataset.info().obs_size, &hindsight.goal);
        let inside =
            goal.achieved.len() == goal.desired.len() && goal.achieved.end.max(goal.desired.end) <= obs_size;
        assert!(inside && hindsight.window > 0, "{hindsight:?} in observations of {obs_size} components");
        self.hindsight = (hindsight.share > 0.0).then_some(hindsight);
        self
    }
}

impl BatchSource for Chunks {
    type Batch = ChunkBatch;

    fn fill(&self, index: u64, batch: &mut ChunkBatch) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(episode_seed(self.seed, STREAM, index));
        let (o, a, len) = (self.dataset.info().obs_size, self.dataset.info().action_size(), self.len);
        let cells = self.rows * len;
        (batch.rows, batch.len) = (self.rows, len);
        batch.obs.resize(cells * o, 0.0);
        batch.actions.resize(cells * a, 0.0);
        batch.rewards.resize(cells, 0.0);
        batch.valid.resize(cells, false);
        batch.episode.resize(self.rows, 0);
        batch.start.resize(self.rows, 0);
        for i in 0..self.rows {
            let row = rng.random_range(0..self.dataset.steps());
            let number = self.starts.partition_point(|start| *start <= row) - 1;
            let episode = self.dataset.episode(number);
            let start = row - self.starts[number];
            let steps = len.min(episode.steps - start);
            (batch.episode[i], batch.start[i]) = (number, start);
            let cell = i * len;
            fill(&mut batch.obs[cell * o..][..len * o], &episode.obs[start * o..][..steps * o], o);
            if let Some(Hindsight { goal, share, window }) = &self.hindsight
                && rng.random_range(0.0..1.0) < *share
            {
                let later = rng.random_range(start + 1..=episode.steps.min(start + window));
                let reached = &episode.obs[later * o..][goal.achieved.clone()];
                for obs in batch.obs[cell * o..][..len * o].chunks_exact_mut(o) {
                    obs[goal.desired.clone()].copy_from_slice(reached);
                }
            }
            fill(&mut batch.actions[cell * a..][..len * a], &episode.actions[start * a..][..steps * a], a);
            batch.rewards[cell..][..steps].copy_from_slice(&episode.rewards[start..][..steps]);
            batch.rewards[cell + steps..cell + len].fill(0.0);
            batch.valid[cell..][..steps].fill(true);
            batch.valid[cell + steps..cell + len].fill(false);
        }
    }
}

/// Copies the rows that exist, of this width, and repeats the last to the end.
fn fill(target: &mut [f32], source: &[f32], width: usize) {
    let (head, tail) = target.split_at_mut(source.len());
    head.copy_from_slice(source);
    let last = &source[source.len() - width..];
    tail.chunks_exact_mut(width).for_each(|row| row.copy_from_slice(last));
}
