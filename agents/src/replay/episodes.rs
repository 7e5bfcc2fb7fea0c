//! What a replay knows about the episodes of its transitions: which one came next, and what the
//! episode returned from there on.

use telos_checkpoint::{CheckpointError, Reader, Writer};
use telos_envs::{StepBatch, dataset::EpisodeView};

use super::{Replay, ReplayBatch};
use crate::AgentError;

/// Columns beside those of a [`Replay`], row by row with them.
pub(super) struct Episodes {
    gamma: f32,
    /// Rows from a transition to the next one of its episode.
    pub(super) stride: usize,
    /// `[capacity]`: the episode ended with this transition.
    pub(super) ends: Vec<bool>,
    /// `[capacity]`: discounted return from this transition on; `-inf` before the episode has ended.
    returns: Vec<f32>,
}

impl Episodes {
    fn new(gamma: f32, capacity: usize) -> Self {
        Self { gamma, stride: 1, ends: vec![false; capacity], returns: vec![f32::NEG_INFINITY; capacity] }
    }

    pub(super) fn save(&self, len: usize, out: &mut Writer) {
        out.value("stride", &self.stride);
        out.value("ends", &self.ends[..len]);
        out.f32s("returns", &self.returns[..len]);
    }

    pub(super) fn load(&mut self, len: usize, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.stride = from.value("stride")?;
        let ends: Vec<bool> = from.value("ends")?;
        if ends.len() != len || self.stride == 0 || !self.ends.len().is_multiple_of(self.stride) {
            let reason = format!("{} rows of {} environments, expected {len} rows", ends.len(), self.stride);
            return Err(from.wrong("ends", &reason));
        }
        self.ends[..len].copy_from_slice(&ends);
        from.f32s("returns", &mut self.returns[..len])
    }

    pub(super) fn rotate_left(&mut self, len: usize, by: usize) {
        self.ends[..len].rotate_left(by);
        self.returns[..len].rotate_left(by);
    }
}

impl Replay {
    /// The transitions of whole episodes, in their order, as rewarded by the data set, remembering
    /// episodes with returns discounted by `gamma`. A ring that is full: what is pushed replaces the
    /// first rows.
    ///
    /// # Errors
    /// When there is no transition, or an episode's columns have other lengths than its steps and these
    /// sizes make.
    pub fn from_episodes<'a>(
        obs_size: usize,
        action_size: usize,
        gamma: f32,
        episodes: impl IntoIterator<Item = EpisodeView<'a>>,
    ) -> Result<Self, AgentError> {
        let mut replay = Self {
            capacity: 0,
            obs_size,
            action_size,
            len: 0,
            next: 0,
            obs: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
            next_obs: Vec::new(),
            terminated: Vec::new(),
            episodes: None,
        };
        let mut ends = Vec::new();
        for episode in episodes {
            let steps = episode.steps;
            AgentError::check_length("obs", episode.obs.len(), (steps + 1) * obs_size)?;
            AgentError::check_length("actions", episode.actions.len(), steps * action_size)?;
            AgentError::check_length("rewards", episode.rewards.len(), steps)?;
            replay.obs.extend_from_slice(&episode.obs[..steps * obs_size]);
            replay.next_obs.extend_from_slice(&episode.obs[obs_size..]);
            replay.actions.extend_from_slice(episode.actions);
            replay.rewards.extend_from_slice(episode.rewards);
            replay.terminated.extend((1..=steps).map(|step| step == steps && episode.terminated));
            ends.extend((1..=steps).map(|step| step == steps));
        }
        if ends.is_empty() {
            return Err(AgentError::NoData);
        }
        (replay.len, replay.capacity) = (ends.len(), ends.len());
        let returns = vec![0.0; ends.len()];
        replay.episodes = Some(Episodes { gamma, stride: 1, ends, returns });
        replay.refresh_returns();
        Ok(replay)
    }

    /// Makes batches carry returns, discounted by `gamma`, and next actions.
    ///
    /// The return of an episode that was cut off is that of its rewards up to the cut; where all of them
    /// were equal, as in a task that rewards nothing but reaching a goal, they are taken to go on for
    /// ever (as Nakamoto et al. do for their sparse tasks, arXiv 2303.05479).
    ///
    /// # Panics
    /// When transitions were stored already.
    pub fn remember_episodes(&mut self, gamma: f32) {
        assert!(self.is_empty(), "episodes are remembered from the first transition on");
        self.episodes = Some(Episodes::new(gamma, self.capacity));
    }

    /// Records which of the transitions that were just pushed ended their episodes.
    pub(super) fn note_ends(&mut self, step: &StepBatch) {
        let (rows, capacity) = (step.len(), self.capacity);
        let Some(Episodes { stride, ends, returns, .. }) = &mut self.episodes else { return };
        assert!(capacity.is_multiple_of(rows), "{capacity} transitions of {rows} environments");
        *stride = rows;
        let first = (self.next + capacity - rows) % capacity;
        for i in 0..rows {
            ends[first + i] = step.done(i);
            returns[first + i] = f32::NEG_INFINITY;
        }
        (0..rows).filter(|i| step.done(*i)).for_each(|i| self.fill_returns(first + i));
    }

    /// Computes all returns anew, after rewards have changed.
    pub(super) fn refresh_returns(&mut self) {
        for row in 0..self.len {
            if self.episodes.as_ref().is_some_and(|episodes| episodes.ends[row]) {
                self.fill_returns(row);
            }
        }
    }

    /// Sums of the rewards of whole episodes that were stored one after the other, as
    /// [`from_episodes`](Self::from_episodes) does.
    pub(crate) fn episode_totals(&self) -> impl Iterator<Item = f64> + '_ {
        let ends = self.episodes.iter().flat_map(|episodes| &episodes.ends[..self.len]);
        let mut sum = 0.0;
        self.rewards.iter().zip(ends).filter_map(move |(reward, end)| {
            sum += f64::from(*reward);
            end.then(|| std::mem::take(&mut sum))
        })
    }

    /// Computes the returns of the episode that ended with the transition in row `end`.
    fn fill_returns(&mut self, end: usize) {
        let Some(Episodes { gamma, stride, ends, returns }) = &mut self.episodes else { return };
        let (gamma, stride, capacity) = (*gamma, *stride, self.capacity);
        // Rows of the episode from its end to its start, or to where the ring has overwritten it.
        let back = |row: usize| (row + capacity - stride) % capacity;
        let mut steps = 1;
        let mut row = back(end);
        while steps < self.len / stride && !ends[row] {
            (steps, row) = (steps + 1, back(row));
        }
        let rows = || std::iter::successors(Some(end), |row| Some(back(*row))).take(steps);

        let reward = self.rewards[end];
        let goes_on = !self.terminated[end] && gamma < 1.0 && rows().all(|row| self.rewards[row] == reward);
        let mut sum = if goes_on { reward / (1.0 - gamma) } else { 0.0 };
        for row in rows() {
            sum = self.rewards[row] + gamma * sum;
            returns[row] = sum;
        }
    }

    /// Transitions stored after that in row `at`, of all environments.
    pub(super) fn age(&self, at: usize) -> usize {
        (self.next + self.capacity - 1 - at) % self.capacity
    }

    /// The episode columns of row `i` of a batch of `rows` rows.
    pub(super) fn copy_episode_columns(&self, at: usize, i: usize, rows: usize, batch: &mut ReplayBatch) {
        let a = self.action_size;
        let Some(Episodes { stride, ends, returns, .. }) = &self.episodes else {
            batch.returns.clear();
            batch.next_actions.clear();
            batch.last.clear();
            return;
        };
        batch.returns.resize(rows, 0.0);
        batch.next_actions.resize(rows * a, 0.0);
        batch.last.resize(rows, false);
        // What comes after the latest rows is not stored yet.
        let last = ends[at] || self.age(at) < *stride;
        batch.returns[i] = returns[at];
        batch.last[i] = last;
        let next_action = &mut batch.next_actions[i * a..][..a];
        if last {
            next_action.fill(0.0);
        } else {
            let after = (at + stride) % self.capacity;
            next_action.copy_from_slice(&self.actions[after * a..][..a]);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// An episode whose observations count from `first` and whose actions are minus that.
    struct Recorded {
        obs: Vec<f32>,
        actions: Vec<f32>,
        rewards: Vec<f32>,
        terminated: bool,
    }

    impl Recorded {
        fn new(first: usize, rewards: &[f32], terminated: bool) -> Self {
            let steps = rewards.len();
            Self {
                obs: (first..=first + steps).map(|k| k as f32).collect(),
                actions: (first..first + steps).map(|k| -(k as f32)).collect(),
                rewards: rewards.to_vec(),
                terminated,
            }
        }

        fn view(&self) -> EpisodeView<'_> {
            EpisodeView {
                steps: self.rewards.len(),
                obs: &self.obs,
                actions: &self.actions,
                rewards: &self.rewards,
                factors: &[],
                success: &[],
                terminated: self.terminated,
            }
        }
    }

    fn batch_by_obs(replay: &Replay, obs: f32) -> (f32, f32, bool, f32) {
        let mut batch = ReplayBatch::default();
        replay.sample(&mut Xoshiro256PlusPlus::seed_from_u64(0), 500, &mut batch);
        let row = batch.obs.iter().position(|x| *x == obs).unwrap();
        (batch.returns[row], batch.next_actions[row], batch.last[row], batch.next_obs[row])
    }

    #[test]
    fn recorded_episodes_keep_their_order_returns_and_next_actions() {
        let recorded = [
            Recorded::new(10, &[1.0, 2.0, 4.0], true),
            Recorded::new(20, &[0.0, 8.0], false),
            Recorded::new(30, &[-1.0, -1.0], false),
        ];
        let mut replay = Replay::from_episodes(1, 1, 0.5, recorded.iter().map(Recorded::view)).unwrap();
        assert_eq!(batch_by_obs(&replay, 10.0), (3.0, -11.0, false, 11.0));
        assert_eq!(batch_by_obs(&replay, 12.0), (4.0, 0.0, true, 13.0));
        assert_eq!(batch_by_obs(&replay, 20.0), (4.0, -21.0, false, 21.0));
        assert_eq!(batch_by_obs(&replay, 21.0), (8.0, 0.0, true, 22.0));
        // Cut off, with the same reward all along: -1 for ever is -2 at a discount of one half.
        assert_eq!(batch_by_obs(&replay, 30.0).0, -2.0);

        // Returns follow their rewards.
        replay
            .relabel(|obs, _, _, out| -> Result<(), AgentError> {
                out.copy_from_slice(obs);
                Ok(())
            })
            .unwrap();
        assert_eq!(batch_by_obs(&replay, 10.0).0, 10.0 + 11.0 / 2.0 + 12.0 / 4.0);
        replay.rewrite_rewards(|rewards| rewards.iter_mut().for_each(|r| *r *= 2.0));
        assert_eq!(batch_by_obs(&replay, 20.0).0, 40.0 + 42.0 / 2.0);
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        let recorded = Recorded::new(0, &[1.0, 2.0], true);
        let short = EpisodeView { obs: &recorded.obs[1..], ..recorded.view() };
        let error = Replay::from_episodes(1, 1, 0.5, [short]).err().unwrap().to_string();
        assert_eq!(error, "`obs` holds 2 numbers, expected 3");
        assert!(matches!(Replay::from_episodes(1, 1, 0.5, []), Err(AgentError::NoData)));
    }

    /// Pushes step `k` of two environments whose episodes last 3 steps, the second one step behind.
    fn push(replay: &mut Replay, k: usize) {
        let k = k as f32;
        let done = |phase: f32| (k + phase) as usize % 3 == 2;
        let step = StepBatch {
            final_obs: vec![k + 1.0, 1001.0 + k],
            reward: vec![0.0; 2],
            terminated: vec![done(0.0), done(2.0)],
            truncated: vec![false; 2],
            ..StepBatch::default()
        };
        replay.push(&[k, 1000.0 + k], &[-k, -1000.0 - k], &[1.0, 10.0], &step);
    }

    #[test]
    fn episodes_of_several_environments_do_not_mix_in_the_ring() {
        let mut replay = Replay::new(14, 1, 1);
        replay.remember_episodes(0.5);
        (0..20).for_each(|k| push(&mut replay, k));
        // The first environment: 15, 16, 17 end together; 19 is still under way, and nothing follows it.
        assert_eq!(batch_by_obs(&replay, 15.0), (1.75, -16.0, false, 16.0));
        assert_eq!(batch_by_obs(&replay, 17.0), (1.0, 0.0, true, 18.0));
        assert_eq!(batch_by_obs(&replay, 18.0), (f32::NEG_INFINITY, -19.0, false, 19.0));
        assert_eq!(batch_by_obs(&replay, 19.0), (f32::NEG_INFINITY, 0.0, true, 20.0));
        // The second: an episode that begins with the oldest row, and the end of one.
        assert_eq!(batch_by_obs(&replay, 1013.0).0, 17.5);
        assert_eq!(batch_by_obs(&replay, 1018.0), (10.0, 0.0, true, 1019.0));

        let bytes = telos_checkpoint::to_bytes(&replay);
        let mut restored = Replay::new(14, 1, 1);
        restored.remember_episodes(0.5);
        telos_checkpoint::from_bytes(&mut restored, &bytes).unwrap();
        for replay in [&mut replay, &mut restored] {
            (20..26).for_each(|k| push(replay, k));
        }
        assert_eq!(batch_by_obs(&restored, 21.0), batch_by_obs(&replay, 21.0));
        assert_eq!(telos_checkpoint::to_bytes(&restored), telos_checkpoint::to_bytes(&replay));
    }
}
