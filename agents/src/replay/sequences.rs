//! Sequences of consecutive transitions, for learners that look at more than one.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Episodes, Replay, ReplayBatch};

impl Replay {
    /// Fills `batch` with `sequences` runs of up to `length` consecutive transitions of one episode, whose
    /// first ones are drawn uniformly with replacement: rows `k * length..` are sequence k. Where the
    /// episode ends, or nothing later is stored, the rest of the sequence is zeros and not `present`.
    ///
    /// # Panics
    /// When nothing is stored, or the replay does not remember episodes.
    pub fn sample_sequences(
        &self,
        rng: &mut Xoshiro256PlusPlus,
        sequences: usize,
        length: usize,
        batch: &mut ReplayBatch,
    ) {
        assert!(self.len > 0, "sampling needs at least one stored transition");
        let episodes = self.episodes.as_ref().expect("sequences need a replay that remembers episodes");
        let rows = sequences * length;
        *batch = ReplayBatch { steps: vec![0; rows], present: vec![false; rows], ..std::mem::take(batch) };
        batch.resize(rows, self.obs_size, self.action_size);
        for row in 0..rows {
            batch.clear_row(row, self.obs_size, self.action_size);
        }
        batch.returns.resize(rows, 0.0);
        for first in (0..rows).step_by(length) {
            let start = rng.random_range(0..self.len);
            let step = self.step_in_episode(episodes, start);
            let stored = std::iter::successors(Some(start), |at| self.after(episodes, *at));
            for (i, at) in stored.take(length).enumerate() {
                self.copy_row(at, first + i, rows, batch);
                batch.steps[first + i] = step + i as u32;
                batch.present[first + i] = true;
            }
        }
    }

    /// The row of the next transition of the same episode.
    fn after(&self, Episodes { stride, ends, .. }: &Episodes, at: usize) -> Option<usize> {
        let last = ends[at] || self.age(at) < *stride;
        (!last).then(|| (at + stride) % self.capacity)
    }

    /// How many transitions of its episode are stored before that in row `at`.
    fn step_in_episode(&self, Episodes { stride, ends, .. }: &Episodes, at: usize) -> u32 {
        let before = |at: usize| {
            let before = (at + self.capacity - stride) % self.capacity;
            (self.age(at) + stride < self.len && !ends[before]).then_some(before)
        };
        std::iter::successors(before(at), |at| before(*at)).count() as u32
    }
}

impl ReplayBatch {
    fn clear_row(&mut self, row: usize, obs_size: usize, action_size: usize) {
        self.obs[row * obs_size..][..obs_size].fill(0.0);
        self.next_obs[row * obs_size..][..obs_size].fill(0.0);
        self.actions[row * action_size..][..action_size].fill(0.0);
        self.rewards[row] = 0.0;
        self.terminated[row] = false;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use telos_envs::StepBatch;

    use super::*;

    #[test]
    fn sequences_follow_their_episode_and_end_with_it() {
        // Two environments side by side; episodes of 4 steps, the second one 2 steps behind.
        let mut replay = Replay::new(20, 1, 1);
        replay.remember_episodes(1.0);
        for k in 0..15 {
            let at = k as f32;
            let step = StepBatch {
                final_obs: vec![at + 1.0, 101.0 + at],
                reward: vec![0.0; 2],
                terminated: vec![k % 4 == 3, k % 4 == 1],
                truncated: vec![false; 2],
                ..StepBatch::default()
            };
            replay.push(&[at, 100.0 + at], &[-at, -at], &[1.0, 1.0], &step);
        }
        let mut batch = ReplayBatch::default();
        replay.sample_sequences(&mut Xoshiro256PlusPlus::seed_from_u64(0), 200, 3, &mut batch);
        assert_eq!(batch.rows, 600);
        let (mut whole, mut cut) = (0, 0);
        for (obs, present) in batch.obs.chunks(3).zip(batch.present.chunks(3)) {
            let first = obs[0] as usize;
            let phase = if first < 100 { first % 4 } else { (first - 100 + 2) % 4 };
            // The ring holds steps 5 to 14, of which the last one has no successor.
            let stored = (15 - first % 100).min(4 - phase).min(3);
            let expected: Vec<bool> = (0..3).map(|i| i < stored).collect();
            assert_eq!(present, expected, "{obs:?}");
            (0..stored).for_each(|i| assert_eq!(obs[i], obs[0] + i as f32));
            assert!(obs[stored..].iter().all(|x| *x == 0.0));
            *if stored == 3 { &mut whole } else { &mut cut } += 1;
        }
        assert!(whole > 0 && cut > 0);
        for (row, step) in batch.steps.iter().enumerate().filter(|(row, _)| batch.present[*row]) {
            let first = batch.obs[row] as usize;
            let phase = if first < 100 { first % 4 } else { (first - 100 + 2) % 4 };
            // Of the episode that the ring has partly overwritten, what is left counts.
            let lost = if first < 100 { 1 } else { 3 };
            let overwritten = first % 100 < if first < 100 { 8 } else { 6 };
            assert_eq!(*step as usize, if overwritten { phase - lost } else { phase }, "{first}");
        }
    }
}
