//! Append-only storage of the most recent episodes, for drawing segments.

use std::collections::VecDeque;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use super::{Origin, Segment, SegmentRef, SegmentView};
use crate::{EnvError, EnvSpec, StepBatch, dataset::EpisodeView};

/// The last `episodes` finished episodes of `n` environments, and the `n` that are under way.
///
/// Each episode occupies one slot of `horizon` rows in flat columns that are allocated once, so
/// every segment is contiguous and pushing allocates nothing. When a slot is needed and none is
/// free, the episode that finished first is dropped as a whole. Like PEBBLE (Lee et al. 2021), a
/// small store prefers recent behaviour; size it by episodes.
pub struct TrajectoryStore {
    columns: Columns,
    slots: Vec<Slot>,
    /// Slot that each environment's current episode is written to.
    open: Vec<usize>,
    /// Slots of finished episodes, in the order in which they finished.
    finished: VecDeque<usize>,
    /// Slots that have never held an episode.
    unused: VecDeque<usize>,
    next_episode: u64,
}

struct Columns {
    horizon: usize,
    obs_size: usize,
    action_size: usize,
    factor_count: usize,
    /// `[slots, horizon + 1, obs]`: row `len` of a slot is where its last transition led.
    obs: Vec<f32>,
    /// `[slots, horizon, act]`.
    actions: Vec<f32>,
    /// `[slots, horizon]`.
    gold: Vec<f32>,
    /// `[slots, horizon, F]`.
    factors: Vec<f32>,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Slot {
    episode: u64,
    len: usize,
    /// Place of the environment and its own number of the episode; `None` where the first row is not
    /// the episode's first transition.
    began: Option<(u64, u64)>,
    /// Whether the last transition ended the episode because of the state that it led to.
    terminated: bool,
}

impl Columns {
    /// Observation rows of a slot.
    fn obs_rows(&self) -> usize {
        self.horizon + 1
    }

    /// Transitions `start .. start + len` of a slot.
    fn view(&self, slot: usize, start: usize, len: usize, terminated: bool) -> SegmentView<'_> {
        let (o, a, f) = (self.obs_size, self.action_size, self.factor_count);
        let (row, obs_row) = (slot * self.horizon + start, slot * self.obs_rows() + start);
        SegmentView {
            obs: &self.obs[obs_row * o..][..len * o],
            actions: &self.actions[row * a..][..len * a],
            gold: &self.gold[row..][..len],
            factors: &self.factors[row * f..][..len * f],
            final_obs: &self.obs[(obs_row + len) * o..][..o],
            terminated,
            len,
        }
    }
}

impl TrajectoryStore {
    /// A store for `n_envs` environments of this spec that keeps `episodes` finished episodes.
    ///
    /// # Errors
    /// When a count is zero.
    pub fn new(spec: &EnvSpec, n_envs: usize, episodes: usize) -> Result<Self, EnvError> {
        for (count, what) in
            [(n_envs, "environments"), (episodes, "stored episodes"), (spec.horizon, "steps per episode")]
        {
            if count == 0 {
                return Err(EnvError::Zero { what });
            }
        }
        let slots = n_envs + episodes;
        let (horizon, rows) = (spec.horizon, slots * spec.horizon);
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        let factor_count = spec.factors.len();
        Ok(Self {
            columns: Columns {
                horizon,
                obs_size,
                action_size,
                factor_count,
                obs: vec![0.0; (rows + slots) * obs_size],
                actions: vec![0.0; rows * action_size],
                gold: vec![0.0; rows],
                factors: vec![0.0; rows * factor_count],
            },
            slots: (0..slots).map(|i| Slot { episode: i as u64, ..Slot::default() }).collect(),
            open: (0..n_envs).collect(),
            finished: VecDeque::with_capacity(slots),
            unused: (n_envs..slots).collect(),
            next_episode: n_envs as u64,
        })
    }

    /// Appends one transition of every environment: what each saw (`[n, obs]`), what it did
    /// (`[n, act]`) and what came of it. An episode longer than the horizon continues as another.
    ///
    /// # Panics
    /// When the columns are not those of `n_envs` environments.
    pub fn push(&mut self, obs_before: &[f32], actions: &[f32], batch: &StepBatch) {
        self.push_with(obs_before, actions, batch, |_| ());
    }

    /// As [`push`](Self::push), and shows each episode that ends with this transition to `ended`, as
    /// one segment.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub fn push_with(
        &mut self,
        obs_before: &[f32],
        actions: &[f32],
        batch: &StepBatch,
        mut ended: impl FnMut(SegmentView<'_>),
    ) {
        let n = self.open.len();
        let Columns { obs_size, action_size, factor_count, horizon, .. } = self.columns;
        assert_eq!(batch.len(), n, "one transition per environment");
        assert_eq!(obs_before.len(), n * obs_size, "one observation per environment");
        assert_eq!(actions.len(), n * action_size, "one action per environment");
        for i in 0..n {
            let slot = self.open[i];
            let len = self.slots[slot].len;
            let (row, obs_row) = (slot * horizon + len, slot * self.columns.obs_rows() + len);
            let columns = &mut self.columns;
            columns.obs[obs_row * obs_size..][..obs_size]
                .copy_from_slice(&obs_before[i * obs_size..][..obs_size]);
            columns.obs[(obs_row + 1) * obs_size..][..obs_size]
                .copy_from_slice(&batch.final_obs[i * obs_size..][..obs_size]);
            columns.actions[row * action_size..][..action_size]
                .copy_from_slice(&actions[i * action_size..][..action_size]);
            columns.gold[row] = batch.reward[i];
            columns.factors[row * factor_count..][..factor_count]
                .copy_from_slice(&batch.factors[i * factor_count..][..factor_count]);
            if len == 0 && batch.episode_length[i] == 1 {
                self.slots[slot].began = Some((i as u64, batch.episode_index[i]));
            }
            self.slots[slot].len += 1;
            self.slots[slot].terminated = batch.terminated[i];
            if batch.done(i) || self.slots[slot].len == horizon {
                ended(self.columns.view(slot, 0, len + 1, batch.terminated[i]));
                self.finished.push_back(slot);
                self.open[i] = self.claim();
            }
        }
    }

    /// Appends a recorded episode, at most the horizon's steps of it. Where its factors were not recorded,
    /// they are zero.
    ///
    /// # Panics
    /// When its columns have other sizes.
    pub fn push_episode(&mut self, episode: &EpisodeView<'_>) {
        let slot = self.claim();
        let Columns { obs_size, action_size, factor_count, horizon, .. } = self.columns;
        let steps = episode.steps.min(horizon);
        let (row, obs_row) = (slot * horizon, slot * self.columns.obs_rows());
        let columns = &mut self.columns;
        let seen = (steps + 1) * obs_size;
        columns.obs[obs_row * obs_size..][..seen].copy_from_slice(&episode.obs[..seen]);
        columns.actions[row * action_size..][..steps * action_size]
            .copy_from_slice(&episode.actions[..steps * action_size]);
        columns.gold[row..][..steps].copy_from_slice(&episode.rewards[..steps]);
        let factors = &mut columns.factors[row * factor_count..][..steps * factor_count];
        match episode.factors.get(..factors.len()) {
            Some(recorded) => factors.copy_from_slice(recorded),
            None => factors.fill(0.0),
        }
        self.slots[slot].len = steps;
        self.slots[slot].terminated = episode.terminated && steps == episode.steps;
        self.finished.push_back(slot);
    }

    /// Ends the current episodes without a transition, when the environments are reset from outside.
    pub fn cut(&mut self) {
        for i in 0..self.open.len() {
            if self.slots[self.open[i]].len > 0 {
                self.finished.push_back(self.open[i]);
                self.open[i] = self.claim();
            }
        }
    }

    /// An empty slot: one never used, else that of the oldest finished episode.
    fn claim(&mut self) -> usize {
        let slot = self.unused.pop_front().or_else(|| self.finished.pop_front());
        let slot = slot.expect("there are more slots than environments");
        self.slots[slot] = Slot { episode: self.next_episode, ..Slot::default() };
        self.next_episode += 1;
        slot
    }

    /// Number of stored transitions.
    pub fn len(&self) -> usize {
        self.live().map(|slot| self.slots[slot].len).sum()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of stored episodes that have ended.
    pub fn finished_episodes(&self) -> usize {
        self.finished.len()
    }

    /// Slots that hold episodes, the oldest finished first, those under way last.
    fn live(&self) -> impl Iterator<Item = usize> {
        self.finished.iter().chain(&self.open).copied()
    }

    /// Number of segments of `len` transitions that exist; they may overlap.
    pub fn segments(&self, len: usize) -> usize {
        self.live().map(|slot| self.starts(slot, len)).sum()
    }

    fn starts(&self, slot: usize, len: usize) -> usize {
        (self.slots[slot].len + 1).saturating_sub(len)
    }

    /// Draws uniformly among all segments of `len` transitions, episodes under way included. `None`
    /// when there is none, or `len` is 0.
    pub fn sample_segment(&self, rng: &mut Xoshiro256PlusPlus, len: usize) -> Option<SegmentRef> {
        let total = self.segments(len);
        if total == 0 || len == 0 {
            return None;
        }
        let mut start = rng.random_range(0..total as u64) as usize;
        for slot in self.live() {
            let starts = self.starts(slot, len);
            if start < starts {
                return Some(SegmentRef { episode: self.slots[slot].episode, start, len, slot });
            }
            start -= starts;
        }
        None
    }

    /// The numbers of a segment, in place. `None` when its episode has been dropped.
    pub fn view(&self, segment: SegmentRef) -> Option<SegmentView<'_>> {
        self.locate(segment).ok()
    }

    /// As [`view`](Self::view), with the reason where there is no such segment.
    ///
    /// # Errors
    /// When the segment's episode has been dropped, or ends within the segment.
    pub fn locate(&self, segment: SegmentRef) -> Result<SegmentView<'_>, EnvError> {
        let SegmentRef { episode, start, len, slot } = segment;
        let none = |reason| EnvError::NoSegment { episode, reason };
        let held = self.slots.get(slot).filter(|held| held.episode == episode);
        let held = held.ok_or_else(|| none("has been dropped: more recent ones took its place".into()))?;
        let end = start.saturating_add(len);
        if end > held.len {
            let reason = format!(
                "has {} steps, and a segment of steps {start} to {end} would cross its end",
                held.len
            );
            return Err(none(reason));
        }
        Ok(self.columns.view(slot, start, len, held.terminated && end == held.len))
    }

    /// A copy of a segment. `None` when its episode has been dropped.
    pub fn segment(&self, segment: SegmentRef) -> Option<Segment> {
        self.view(segment).map(SegmentView::to_segment)
    }

    /// Where a segment comes from. `None` when its episode has been dropped, or was not recorded from its
    /// first transition on.
    pub fn origin(&self, segment: SegmentRef) -> Option<Origin> {
        self.view(segment)?;
        let SegmentRef { start, len, slot, .. } = segment;
        let (env, episode) = self.slots[slot].began?;
        let Columns { action_size, horizon, .. } = self.columns;
        let first = slot * horizon;
        let actions = &self.columns.actions[first * action_size..(first + start + len) * action_size];
        Some(Origin { env, episode, start, actions: actions.to_vec() })
    }
}

impl Checkpoint for TrajectoryStore {
    fn save(&self, out: &mut Writer) {
        out.value("slots", &self.slots);
        out.value("open", &self.open);
        out.value("finished", &self.finished);
        out.value("unused", &self.unused);
        out.value("next_episode", &self.next_episode);
        let Columns { horizon, obs_size, action_size, factor_count, .. } = self.columns;
        for slot in self.live() {
            let (first, last) = (slot * horizon, slot * horizon + self.slots[slot].len);
            // One row more than transitions: where the last one led.
            let obs = slot * self.columns.obs_rows() * obs_size;
            out.f32s("obs", &self.columns.obs[obs..][..(last - first + 1) * obs_size]);
            out.f32s("actions", &self.columns.actions[first * action_size..last * action_size]);
            out.f32s("gold", &self.columns.gold[first..last]);
            out.f32s("factors", &self.columns.factors[first * factor_count..last * factor_count]);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let slots: Vec<Slot> = from.value("slots")?;
        let open: Vec<usize> = from.value("open")?;
        let finished: VecDeque<usize> = from.value("finished")?;
        let unused: VecDeque<usize> = from.value("unused")?;
        let Columns { horizon, obs_size, action_size, factor_count, .. } = self.columns;
        if slots.len() != self.slots.len() || open.len() != self.open.len() {
            let reason = "was saved with another number of environments or episodes";
            return Err(from.wrong("slots", reason));
        }
        if slots.iter().any(|slot| slot.len > horizon) {
            return Err(from.wrong("slots", "was saved with a longer horizon"));
        }
        let mut places: Vec<usize> = open.iter().chain(&finished).chain(&unused).copied().collect();
        places.sort_unstable();
        if !places.into_iter().eq(0..slots.len()) {
            return Err(from.wrong("open", "the slots in use contradict each other"));
        }
        (self.slots, self.open, self.finished, self.unused) = (slots, open, finished, unused);
        self.next_episode = from.value("next_episode")?;
        for slot in self.finished.iter().chain(&self.open).copied() {
            let (first, last) = (slot * horizon, slot * horizon + self.slots[slot].len);
            let obs = slot * self.columns.obs_rows() * obs_size;
            from.f32s("obs", &mut self.columns.obs[obs..][..(last - first + 1) * obs_size])?;
            from.f32s("actions", &mut self.columns.actions[first * action_size..last * action_size])?;
            from.f32s("gold", &mut self.columns.gold[first..last])?;
            let factors = first * factor_count..last * factor_count;
            from.f32s("factors", &mut self.columns.factors[factors])?;
        }
        Ok(())
    }
}
