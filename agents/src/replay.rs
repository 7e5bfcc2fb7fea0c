//! The memory of an off-policy learner: a ring of transitions in flat columns.

use std::ops::Range;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::StepBatch;

mod episodes;
mod sequences;

use episodes::Episodes;

/// Rows per call of the reward function in [`Replay::relabel`]: large enough for efficient matrix
/// products, small enough for its activations to stay in the cache.
const RELABEL_ROWS: usize = 1024;

/// A ring of the last `capacity` transitions.
///
/// `next_obs` is the observation that a transition really led to (`final_obs`), also where the
/// episode ended there, so that a truncated transition bootstraps from its own future. Only
/// termination ends a return.
pub struct Replay {
    capacity: usize,
    obs_size: usize,
    action_size: usize,
    /// Stored rows; the ring is full when this is the capacity.
    len: usize,
    /// The row that the next transition goes to.
    next: usize,
    obs: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    next_obs: Vec<f32>,
    terminated: Vec<bool>,
    /// What the transitions' episodes say about them; `None` for learners that look at single steps.
    episodes: Option<Episodes>,
}

/// Transitions drawn from a [`Replay`]; meant to be reused from draw to draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayBatch {
    /// Number of transitions.
    pub rows: usize,
    /// `[rows, obs]`
    pub obs: Vec<f32>,
    /// `[rows, act]`, in the units of the environment.
    pub actions: Vec<f32>,
    /// `[rows]`
    pub rewards: Vec<f32>,
    /// `[rows, obs]`
    pub next_obs: Vec<f32>,
    /// `[rows]`: whether `next_obs` has no future.
    pub terminated: Vec<bool>,
    /// `[rows]`: discounted sum of the rewards from this transition to the end of its episode, `-inf` as
    /// long as the episode has not ended. Like the two columns below, it is empty unless the replay
    /// [remembers episodes](Replay::remember_episodes).
    pub returns: Vec<f32>,
    /// `[rows, act]`: what was done in `next_obs`, in the units of the environment; zeros where `last`.
    pub next_actions: Vec<f32>,
    /// `[rows]`: whether nothing is known to have been done in `next_obs`.
    pub last: Vec<bool>,
    /// `[rows]`: number of the transition in its episode, from 0. Like the next column, only
    /// [sequences](Replay::sample_sequences) have it.
    pub steps: Vec<u32>,
    /// `[rows]`: false where a sequence was filled up with zeros.
    pub present: Vec<bool>,
}

impl Replay {
    /// Memory for `capacity` transitions of `obs_size` and `action_size` numbers, allocated at once.
    ///
    /// # Panics
    /// When `capacity` is 0.
    pub fn new(capacity: usize, obs_size: usize, action_size: usize) -> Self {
        assert!(capacity > 0, "a replay holds at least one transition");
        Self {
            capacity,
            obs_size,
            action_size,
            len: 0,
            next: 0,
            obs: vec![0.0; capacity * obs_size],
            actions: vec![0.0; capacity * action_size],
            rewards: vec![0.0; capacity],
            next_obs: vec![0.0; capacity * obs_size],
            terminated: vec![false; capacity],
            episodes: None,
        }
    }

    /// Stores one transition per environment: `obs` `[n, obs]` as it was before the step, `actions`
    /// `[n, act]`, `rewards` `[n]` (of whatever origin), and what the step led to. Where the ring is
    /// full, the oldest transitions go.
    ///
    /// # Panics
    /// When the columns have different numbers of rows, or the replay remembers episodes and its capacity
    /// is not a multiple of the number of environments.
    pub fn push(&mut self, obs: &[f32], actions: &[f32], rewards: &[f32], step: &StepBatch) {
        let (rows, o, a) = (step.len(), self.obs_size, self.action_size);
        assert_eq!(obs.len(), rows * o, "one observation per environment");
        assert_eq!(step.final_obs.len(), rows * o, "one final observation per environment");
        assert_eq!(actions.len(), rows * a, "one action per environment");
        assert_eq!(rewards.len(), rows, "one reward per environment");
        for i in 0..rows {
            let at = self.next;
            self.obs[at * o..][..o].copy_from_slice(&obs[i * o..][..o]);
            self.actions[at * a..][..a].copy_from_slice(&actions[i * a..][..a]);
            self.rewards[at] = rewards[i];
            self.next_obs[at * o..][..o].copy_from_slice(&step.final_obs[i * o..][..o]);
            self.terminated[at] = step.terminated[i];
            self.next = (at + 1) % self.capacity;
            self.len = (self.len + 1).min(self.capacity);
        }
        self.note_ends(step);
    }

    /// Fills `batch` with `rows` transitions drawn uniformly with replacement.
    ///
    /// # Panics
    /// When nothing is stored.
    pub fn sample(&self, rng: &mut Xoshiro256PlusPlus, rows: usize, batch: &mut ReplayBatch) {
        self.sample_rows(rng, 0..rows, batch);
    }

    /// Replaces the rows `rows` of `batch`, which afterwards has `rows.end` rows, by transitions drawn
    /// uniformly with replacement: the way to mix several replays in one batch.
    ///
    /// # Panics
    /// When nothing is stored.
    pub fn sample_rows(&self, rng: &mut Xoshiro256PlusPlus, rows: Range<usize>, batch: &mut ReplayBatch) {
        assert!(self.len > 0, "sampling needs at least one stored transition");
        batch.resize(rows.end, self.obs_size, self.action_size);
        for i in rows.clone() {
            self.copy_row(rng.random_range(0..self.len), i, rows.end, batch);
        }
    }

    /// The transition in row `at` becomes row `i` of a batch of `rows` rows.
    fn copy_row(&self, at: usize, i: usize, rows: usize, batch: &mut ReplayBatch) {
        let (o, a) = (self.obs_size, self.action_size);
        batch.obs[i * o..][..o].copy_from_slice(&self.obs[at * o..][..o]);
        batch.actions[i * a..][..a].copy_from_slice(&self.actions[at * a..][..a]);
        batch.rewards[i] = self.rewards[at];
        batch.next_obs[i * o..][..o].copy_from_slice(&self.next_obs[at * o..][..o]);
        batch.terminated[i] = self.terminated[at];
        self.copy_episode_columns(at, i, rows, batch);
    }

    /// Replaces every stored reward by that of `reward(obs [rows, obs], actions [rows, act], rows,
    /// out [rows])`, called on all stored transitions in chunks of a fixed size; returns follow.
    ///
    /// # Errors
    /// The first error of `reward`; the chunks before it then have their new rewards.
    pub fn relabel<E>(
        &mut self,
        mut reward: impl FnMut(&[f32], &[f32], usize, &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (o, a) = (self.obs_size, self.action_size);
        for first in (0..self.len).step_by(RELABEL_ROWS) {
            let rows = RELABEL_ROWS.min(self.len - first);
            let obs = &self.obs[first * o..][..rows * o];
            let actions = &self.actions[first * a..][..rows * a];
            reward(obs, actions, rows, &mut self.rewards[first..][..rows])?;
        }
        self.refresh_returns();
        Ok(())
    }

    /// Lets `rewrite` change all stored rewards, `[len]`, in place, as for a change of scale.
    pub fn rewrite_rewards(&mut self, rewrite: impl FnOnce(&mut [f32])) {
        rewrite(&mut self.rewards[..self.len]);
        self.refresh_returns();
    }

    /// Number of stored transitions.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of transitions that fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// All stored observations, `[len, obs]`, in the order of the ring's rows (not of time once the
    /// ring has wrapped).
    pub fn obs(&self) -> &[f32] {
        &self.obs[..self.len * self.obs_size]
    }

    /// All stored actions, `[len, act]`, row by row with [`obs`](Self::obs).
    pub fn actions(&self) -> &[f32] {
        &self.actions[..self.len * self.action_size]
    }

    /// All stored rewards, `[len]`, row by row with [`obs`](Self::obs).
    pub fn rewards(&self) -> &[f32] {
        &self.rewards[..self.len]
    }
}

impl ReplayBatch {
    fn resize(&mut self, rows: usize, obs_size: usize, action_size: usize) {
        self.rows = rows;
        self.obs.resize(rows * obs_size, 0.0);
        self.actions.resize(rows * action_size, 0.0);
        self.rewards.resize(rows, 0.0);
        self.next_obs.resize(rows * obs_size, 0.0);
        self.terminated.resize(rows, false);
    }
}

impl Checkpoint for Replay {
    fn save(&self, out: &mut Writer) {
        out.value("len", &self.len);
        out.value("next", &self.next);
        out.f32s("obs", self.obs());
        out.f32s("actions", self.actions());
        out.f32s("rewards", self.rewards());
        out.f32s("next_obs", &self.next_obs[..self.len * self.obs_size]);
        out.value("terminated", &self.terminated[..self.len]);
        if let Some(episodes) = &self.episodes {
            episodes.save(self.len, out);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let (o, a) = (self.obs_size, self.action_size);
        let len: usize = from.value("len")?;
        let next: usize = from.value("next")?;
        // A full ring, which may have been a smaller one: a run can go on with more steps.
        let wrapped = next < len;
        if len > self.capacity || next > len || (next == len && len == self.capacity) {
            let reason = format!("{len} rows with the next at {next} do not fit a ring of {}", self.capacity);
            return Err(from.wrong("len", &reason));
        }
        (self.len, self.next) = (len, next);
        from.f32s("obs", &mut self.obs[..len * o])?;
        from.f32s("actions", &mut self.actions[..len * a])?;
        from.f32s("rewards", &mut self.rewards[..len])?;
        from.f32s("next_obs", &mut self.next_obs[..len * o])?;
        let terminated: Vec<bool> = from.value("terminated")?;
        if terminated.len() != len {
            return Err(from.wrong("terminated", &format!("holds {} rows, expected {len}", terminated.len())));
        }
        self.terminated[..len].copy_from_slice(&terminated);
        if let Some(episodes) = &mut self.episodes {
            episodes.load(len, from)?;
        }
        if wrapped && len < self.capacity {
            // The oldest row first, so that the rows to come follow the latest.
            self.obs[..len * o].rotate_left(next * o);
            self.actions[..len * a].rotate_left(next * a);
            self.rewards[..len].rotate_left(next);
            self.next_obs[..len * o].rotate_left(next * o);
            self.terminated[..len].rotate_left(next);
            if let Some(episodes) = &mut self.episodes {
                episodes.rotate_left(len, next);
            }
            self.next = len;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand::SeedableRng;

    use super::*;

    /// Pushes transition number `first`, `first + 1`, ... of `n` environments; every column of
    /// transition `k` is a function of `k`, so rows that get mixed up are noticed.
    fn push(replay: &mut Replay, first: usize, n: usize) {
        let numbers: Vec<f32> = (first..first + n).map(|k| k as f32).collect();
        let column = |f: fn(f32) -> f32| -> Vec<f32> { numbers.iter().map(|&k| f(k)).collect() };
        let step = StepBatch {
            obs: vec![f32::NAN; n * 2],
            final_obs: numbers.iter().flat_map(|&k| [k + 1.0, -k - 1.0]).collect(),
            reward: column(|_| f32::NAN),
            terminated: (first..first + n).map(|k| k.is_multiple_of(3)).collect(),
            truncated: vec![true; n],
            ..StepBatch::default()
        };
        let obs: Vec<f32> = numbers.iter().flat_map(|&k| [k, -k]).collect();
        replay.push(&obs, &column(|k| 10.0 * k), &column(|k| 100.0 * k), &step);
    }

    fn assert_whole(batch: &ReplayBatch, low: usize, high: usize) {
        for i in 0..batch.rows {
            let k = batch.obs[2 * i];
            assert!((low as f32..high as f32).contains(&k), "transition {k} is not among the last ones");
            assert_eq!(batch.obs[2 * i + 1], -k);
            assert_eq!(batch.actions[i], 10.0 * k);
            assert_eq!(batch.rewards[i], 100.0 * k);
            assert_eq!(batch.next_obs[2 * i..][..2], [k + 1.0, -k - 1.0]);
            assert_eq!(batch.terminated[i], (k as usize).is_multiple_of(3), "truncation is not termination");
        }
    }

    #[test]
    fn the_ring_keeps_exactly_the_last_transitions() {
        let mut replay = Replay::new(10, 2, 1);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let mut batch = ReplayBatch::default();
        for round in 0..9 {
            push(&mut replay, round * 3, 3);
            let stored = (round + 1) * 3;
            assert_eq!(replay.len(), stored.min(10));
            replay.sample(&mut rng, 400, &mut batch);
            assert_whole(&batch, stored.saturating_sub(10), stored);
            let mut seen: Vec<usize> = batch.obs.chunks(2).map(|o| o[0] as usize).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), replay.len(), "every stored transition is drawn");
        }
    }

    #[test]
    fn sampling_is_uniform() {
        let mut replay = Replay::new(8, 2, 1);
        push(&mut replay, 0, 8);
        let mut batch = ReplayBatch::default();
        replay.sample(&mut Xoshiro256PlusPlus::seed_from_u64(1), 8000, &mut batch);
        let mut counts = [0.0f64; 8];
        batch.obs.chunks(2).for_each(|o| counts[o[0] as usize] += 1.0);
        let chi_square: f64 = counts.iter().map(|c| (c - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_square < 24.3, "the 99.9 % quantile with 7 degrees of freedom; got {chi_square}");
    }

    #[test]
    fn relabel_is_complete() {
        for (capacity, pushed) in [(10, 7), (10, 25), (3 * RELABEL_ROWS, 2 * RELABEL_ROWS + 5)] {
            let mut replay = Replay::new(capacity, 2, 1);
            (0..pushed).for_each(|k| push(&mut replay, k, 1));
            let mut called = 0;
            let relabelled: Result<(), Infallible> = replay.relabel(|obs, actions, rows, out| {
                assert!(rows <= RELABEL_ROWS && out.len() == rows && actions.len() == rows);
                called += rows;
                (0..rows).for_each(|i| out[i] = obs[2 * i] + actions[i]);
                Ok(())
            });
            relabelled.unwrap();
            assert_eq!(called, replay.len());
            for (obs, &reward) in replay.obs().chunks(2).zip(replay.rewards()) {
                assert_eq!(reward, 11.0 * obs[0]);
            }
        }
    }

    #[test]
    fn a_restored_ring_samples_and_overwrites_alike() {
        for pushed in [4, 27] {
            let mut replay = Replay::new(10, 2, 1);
            (0..pushed).for_each(|k| push(&mut replay, k, 1));
            let mut restored = Replay::new(10, 2, 1);
            telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&replay)).unwrap();
            let (mut a, mut b) = (ReplayBatch::default(), ReplayBatch::default());
            for replay in [&mut replay, &mut restored] {
                (pushed..pushed + 3).for_each(|k| push(replay, k, 1));
            }
            replay.sample(&mut Xoshiro256PlusPlus::seed_from_u64(2), 64, &mut a);
            restored.sample(&mut Xoshiro256PlusPlus::seed_from_u64(2), 64, &mut b);
            assert_eq!(a, b);
            assert_eq!(telos_checkpoint::to_bytes(&replay), telos_checkpoint::to_bytes(&restored));
            let mut smaller = Replay::new(3, 2, 1);
            let bytes = telos_checkpoint::to_bytes(&replay);
            let error = telos_checkpoint::from_bytes(&mut smaller, &bytes).unwrap_err().to_string();
            assert!(error.contains("`len`"), "{error}");
        }
    }

    #[test]
    fn a_larger_ring_goes_on_from_a_smaller_one() {
        for pushed in [4, 10, 27] {
            let mut smaller = Replay::new(10, 2, 1);
            (0..pushed).for_each(|k| push(&mut smaller, k, 1));
            let mut larger = Replay::new(16, 2, 1);
            telos_checkpoint::from_bytes(&mut larger, &telos_checkpoint::to_bytes(&smaller)).unwrap();
            // 10 more than fit: what is left are the latest 16, the first of them from before.
            (pushed..pushed + 10).for_each(|k| push(&mut larger, k, 1));
            let mut stored: Vec<usize> = larger.obs().chunks(2).map(|obs| obs[0] as usize).collect();
            stored.sort_unstable();
            let all = pushed.min(10) + 10;
            assert_eq!(stored, Vec::from_iter(pushed + 10 - all.min(16)..pushed + 10));
        }
    }
}
