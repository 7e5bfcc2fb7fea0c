//! The memory of a learner that sees stacks of pictures.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{StackShape, StepBatch};

/// The last pictures of every environment, each stored once, as bytes, whatever the number of stacks that show
/// it: a transition takes `3 side^2` bytes for its picture and `4 act + 10` for the rest, and an episode one
/// picture more than it has transitions. That is 7 GB for a million pictures of 48 pixels a side; memory is
/// taken as it fills.
///
/// The stack that a transition leads to is that of its own episode, also where the episode ended there, so
/// that a truncated transition bootstraps from its own future. Only termination ends a return. A transition
/// is drawn as long as all pictures of its stack are stored.
pub struct PictureReplay {
    shape: StackShape,
    action_size: usize,
    rings: Vec<Ring>,
}

/// Transitions drawn from a [`PictureReplay`]; meant to be reused from draw to draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PictureBatch {
    /// Number of transitions.
    pub rows: usize,
    /// `[rows, frames, side, side, 3]`
    pub obs: Vec<u8>,
    /// `[rows, act]`, in the units of the environment.
    pub actions: Vec<f32>,
    /// `[rows]`
    pub rewards: Vec<f32>,
    /// `[rows, frames, side, side, 3]`
    pub next_obs: Vec<u8>,
    /// `[rows]`: whether `next_obs` has no future.
    pub terminated: Vec<bool>,
}

/// The last pictures of one environment, with what was done in them.
struct Ring {
    /// Place of the oldest picture, and the number of pictures.
    start: usize,
    len: usize,
    /// `[slots, side, side, 3]`
    frames: Vec<u8>,
    /// Number of the picture in its episode, from 0.
    ages: Vec<u32>,
    /// Whether something was done in it, so that the columns below say what, and the next picture what came of it.
    left: Vec<bool>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    terminated: Vec<bool>,
    /// Whether the newest picture is the present one of an episode that goes on.
    open: bool,
}

impl PictureReplay {
    /// Memory for `capacity` pictures of `envs` environments together, rounded up to the same number for each
    /// and to what one transition takes.
    ///
    /// # Panics
    /// When there is no environment, or no picture in a stack.
    pub fn new(capacity: usize, envs: usize, shape: StackShape, action_size: usize) -> Self {
        assert!(envs > 0 && shape.size() > 0, "a replay of no pictures");
        let slots = capacity.div_ceil(envs).max(shape.frames + 1);
        let rings = (0..envs).map(|_| Ring::new(slots, shape.frame(), action_size)).collect();
        Self { shape, action_size, rings }
    }

    /// Stores one transition per environment: `obs` `[n, frames, side, side, 3]`, in levels from 0 to 255, as
    /// it was before the step, `actions` `[n, act]`, `rewards` `[n]` (of whatever origin), and what the step
    /// led to. Where a ring is full, its oldest pictures go.
    ///
    /// # Panics
    /// When the columns have other numbers of rows.
    pub fn push(&mut self, obs: &[f32], actions: &[f32], rewards: &[f32], step: &StepBatch) {
        let (rows, o, a) = (self.rings.len(), self.shape.size(), self.action_size);
        assert_eq!(step.len(), rows, "one step per environment");
        assert_eq!(obs.len(), rows * o, "one stack per environment");
        assert_eq!(step.final_obs.len(), rows * o, "one final stack per environment");
        assert_eq!(actions.len(), rows * a, "one action per environment");
        assert_eq!(rewards.len(), rows, "one reward per environment");
        let frame = self.shape.frame();
        let newest = |i: usize| (i + 1) * o - frame..(i + 1) * o;
        for (i, ring) in self.rings.iter_mut().enumerate() {
            if !ring.open {
                ring.append(&obs[newest(i)], 0);
            }
            let age = ring.leave(&actions[i * a..][..a], rewards[i], step.terminated[i]);
            ring.append(&step.final_obs[newest(i)], age + 1);
            ring.open = !step.done(i);
        }
    }

    /// Fills `batch` with `rows` transitions drawn uniformly with replacement.
    ///
    /// # Panics
    /// When nothing is stored.
    pub fn sample(&self, rng: &mut Xoshiro256PlusPlus, rows: usize, batch: &mut PictureBatch) {
        assert!(!self.is_empty(), "sampling needs at least one stored transition");
        let (o, a) = (self.shape.size(), self.action_size);
        batch.rows = rows;
        batch.obs.resize(rows * o, 0);
        batch.next_obs.resize(rows * o, 0);
        batch.actions.resize(rows * a, 0.0);
        batch.rewards.resize(rows, 0.0);
        batch.terminated.resize(rows, false);
        for i in 0..rows {
            let (ring, at) = self.draw(rng);
            let slot = ring.slot(at);
            ring.stack(at, self.shape, &mut batch.obs[i * o..][..o]);
            ring.stack(at + 1, self.shape, &mut batch.next_obs[i * o..][..o]);
            batch.actions[i * a..][..a].copy_from_slice(&ring.actions[slot * a..][..a]);
            batch.rewards[i] = ring.rewards[slot];
            batch.terminated[i] = ring.terminated[slot];
        }
    }

    /// One of all transitions: uniform over the pictures, until one is met that a transition begins in.
    fn draw(&self, rng: &mut Xoshiro256PlusPlus) -> (&Ring, usize) {
        let all: usize = self.rings.iter().map(|ring| ring.len).sum();
        loop {
            let mut at = rng.random_range(0..all);
            for ring in &self.rings {
                if at < ring.len {
                    if ring.begins(at, self.shape.frames) {
                        return (ring, at);
                    }
                    break;
                }
                at -= ring.len;
            }
        }
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.rings[0].len == 0
    }
}

impl Ring {
    fn new(slots: usize, frame: usize, action_size: usize) -> Self {
        Self {
            start: 0,
            len: 0,
            frames: vec![0; slots * frame],
            ages: vec![0; slots],
            left: vec![false; slots],
            actions: vec![0.0; slots * action_size],
            rewards: vec![0.0; slots],
            terminated: vec![false; slots],
            open: false,
        }
    }

    fn slots(&self) -> usize {
        self.ages.len()
    }

    /// Where the picture is that `at` others are older than.
    fn slot(&self, at: usize) -> usize {
        (self.start + at) % self.slots()
    }

    fn append(&mut self, levels: &[f32], age: u32) {
        if self.len == self.slots() {
            self.start = self.slot(1);
            self.len -= 1;
        }
        let (slot, size) = (self.slot(self.len), levels.len());
        for (byte, level) in self.frames[slot * size..][..size].iter_mut().zip(levels) {
            *byte = *level as u8;
        }
        self.ages[slot] = age;
        self.left[slot] = false;
        self.len += 1;
    }

    /// Notes what was done in the newest picture, and returns its age.
    fn leave(&mut self, action: &[f32], reward: f32, terminated: bool) -> u32 {
        let (slot, a) = (self.slot(self.len - 1), action.len());
        self.left[slot] = true;
        self.actions[slot * a..][..a].copy_from_slice(action);
        self.rewards[slot] = reward;
        self.terminated[slot] = terminated;
        self.ages[slot]
    }

    /// Pictures of the stack at `at` that are older than its newest: none from before the episode.
    fn older(&self, at: usize, frames: usize) -> usize {
        (frames - 1).min(self.ages[self.slot(at)] as usize)
    }

    /// Whether a transition begins at `at` whose stack is still there.
    fn begins(&self, at: usize, frames: usize) -> bool {
        self.left[self.slot(at)] && self.older(at, frames) <= at
    }

    /// The stack whose newest picture is at `at`; the first of an episode stands for those before it.
    fn stack(&self, at: usize, shape: StackShape, out: &mut [u8]) {
        let (older, size) = (self.older(at, shape.frames), shape.frame());
        for (f, out) in out.chunks_exact_mut(size).enumerate() {
            let slot = self.slot(at - (shape.frames - 1 - f).min(older));
            out.copy_from_slice(&self.frames[slot * size..][..size]);
        }
    }

    /// The stored part of a column of `width` numbers per picture, the oldest first.
    fn in_order<T: Copy>(&self, column: &[T], width: usize) -> Vec<T> {
        let first = self.len.min(self.slots() - self.start);
        let mut ordered = column[self.start * width..][..first * width].to_vec();
        ordered.extend_from_slice(&column[..(self.len - first) * width]);
        ordered
    }
}

/// The oldest picture comes first, so that a memory goes on alike wherever its rings begin, and a larger one
/// can go on from a smaller one.
impl Checkpoint for Ring {
    fn save(&self, out: &mut Writer) {
        let (frame, action) = (self.frames.len() / self.slots(), self.actions.len() / self.slots());
        out.value("len", &self.len);
        out.bytes("frames", &self.in_order(&self.frames, frame));
        out.value("ages", &self.in_order(&self.ages, 1));
        out.value("left", &self.in_order(&self.left, 1));
        out.f32s("actions", &self.in_order(&self.actions, action));
        out.f32s("rewards", &self.in_order(&self.rewards, 1));
        out.value("terminated", &self.in_order(&self.terminated, 1));
        out.value("open", &self.open);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let (frame, action) = (self.frames.len() / self.slots(), self.actions.len() / self.slots());
        let len: usize = from.value("len")?;
        if len > self.slots() {
            let reason = format!("{len} pictures do not fit a ring of {}", self.slots());
            return Err(from.wrong("len", &reason));
        }
        (self.start, self.len) = (0, len);
        let frames = from.bytes("frames")?;
        fill(from, "frames", frames, &mut self.frames[..len * frame])?;
        let ages: Vec<u32> = from.value("ages")?;
        fill(from, "ages", &ages, &mut self.ages[..len])?;
        let left: Vec<bool> = from.value("left")?;
        fill(from, "left", &left, &mut self.left[..len])?;
        from.f32s("actions", &mut self.actions[..len * action])?;
        from.f32s("rewards", &mut self.rewards[..len])?;
        let terminated: Vec<bool> = from.value("terminated")?;
        fill(from, "terminated", &terminated, &mut self.terminated[..len])?;
        self.open = from.value("open")?;
        Ok(())
    }
}

fn fill<T: Copy>(
    from: &Reader<'_>,
    name: &str,
    values: &[T],
    column: &mut [T],
) -> Result<(), CheckpointError> {
    if values.len() != column.len() {
        let reason = format!("holds {} numbers, expected {}", values.len(), column.len());
        return Err(from.wrong(name, &reason));
    }
    column.copy_from_slice(values);
    Ok(())
}

impl Checkpoint for PictureReplay {
    fn save(&self, out: &mut Writer) {
        self.rings.iter().for_each(|ring| out.part("ring", ring));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.rings.iter_mut().try_for_each(|ring| from.part("ring", ring))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SHAPE: StackShape = StackShape { frames: 3, side: 1 };
    /// Transitions of an episode of environment 0 and of environment 1; the second one's end by termination.
    const LENGTHS: [usize; 2] = [5, 2];

    /// The picture of step `age` of an episode: its levels tell environment, episode and step.
    fn frame(env: usize, episode: usize, age: usize) -> [f32; 3] {
        [env as f32, episode as f32, age as f32]
    }

    fn stack(env: usize, episode: usize, age: usize) -> Vec<f32> {
        [2, 1, 0].iter().flat_map(|back| frame(env, episode, age.saturating_sub(*back))).collect()
    }

    /// Pushes step number `t` of two environments.
    fn push(replay: &mut PictureReplay, t: usize) {
        let place = [0, 1].map(|env| (t / LENGTHS[env], t % LENGTHS[env]));
        let ends = [0, 1].map(|env| place[env].1 + 1 == LENGTHS[env]);
        let column = |next: usize| -> Vec<f32> {
            (0..2).flat_map(|env| stack(env, place[env].0, place[env].1 + next)).collect()
        };
        let step = StepBatch {
            obs: vec![f32::NAN; 18],
            final_obs: column(1),
            reward: vec![f32::NAN; 2],
            terminated: vec![false, ends[1]],
            truncated: vec![ends[0], false],
            ..StepBatch::default()
        };
        let t = t as f32;
        replay.push(&column(0), &[10.0 * t, 10.0 * t + 1.0], &[t, -t], &step);
    }

    fn sampled(replay: &PictureReplay, seed: u64, rows: usize) -> PictureBatch {
        let mut batch = PictureBatch::default();
        replay.sample(&mut Xoshiro256PlusPlus::seed_from_u64(seed), rows, &mut batch);
        batch
    }

    /// Checks every column of every row, and returns the steps drawn of each environment.
    fn check(batch: &PictureBatch) -> [Vec<usize>; 2] {
        let mut seen = [Vec::new(), Vec::new()];
        let bytes = |levels: Vec<f32>| levels.into_iter().map(|level| level as u8).collect::<Vec<_>>();
        for i in 0..batch.rows {
            let newest = &batch.obs[9 * i + 6..][..3];
            let [env, episode, age] = [0, 1, 2].map(|k| usize::from(newest[k]));
            let t = episode * LENGTHS[env] + age;
            assert_eq!(batch.obs[9 * i..][..9], bytes(stack(env, episode, age)));
            assert_eq!(batch.next_obs[9 * i..][..9], bytes(stack(env, episode, age + 1)));
            assert_eq!(batch.actions[i], (10 * t + env) as f32);
            assert_eq!(batch.rewards[i], if env == 0 { t as f32 } else { -(t as f32) });
            assert_eq!(batch.terminated[i], env == 1 && age == 1, "truncation is not termination");
            seen[env].push(t);
        }
        seen.each_mut().map(|seen| {
            seen.sort_unstable();
            seen.dedup();
            std::mem::take(seen)
        })
    }

    #[test]
    fn stacks_never_cross_an_episode_and_every_whole_transition_is_drawn() {
        let mut replay = PictureReplay::new(2 * 16, 2, SHAPE, 1);
        for t in 0..40 {
            push(&mut replay, t);
            let [first, second] = check(&sampled(&replay, t as u64, 600));
            if t == 39 {
                // 16 pictures: 6 of each of the last two episodes, and 4 of the one before, of whose stacks
                // the first two are cut.
                assert_eq!(first, Vec::from_iter(29..40));
                // 5 episodes of 3 pictures, and the last picture of another.
                assert_eq!(second, Vec::from_iter(30..40));
            }
        }
    }

    #[test]
    fn sampling_is_uniform() {
        let mut replay = PictureReplay::new(2 * 64, 2, SHAPE, 1);
        (0..10).for_each(|t| push(&mut replay, t));
        let batch = sampled(&replay, 1, 20_000);
        let mut counts = [0.0f64; 20];
        batch.actions.iter().for_each(|a| counts[(*a as usize) / 10 * 2 + *a as usize % 10] += 1.0);
        let chi_square: f64 = counts.iter().map(|c| (c - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_square < 43.8, "the 99.9 % quantile with 19 degrees of freedom; got {chi_square}");
    }

    #[test]
    fn a_restored_memory_goes_on_byte_for_byte_also_in_a_larger_one() {
        for pushed in [3, 5, 33] {
            let mut replay = PictureReplay::new(2 * 16, 2, SHAPE, 1);
            (0..pushed).for_each(|t| push(&mut replay, t));
            let bytes = telos_checkpoint::to_bytes(&replay);
            for slots in [16, 20] {
                let mut restored = PictureReplay::new(2 * slots, 2, SHAPE, 1);
                telos_checkpoint::from_bytes(&mut restored, &bytes).unwrap();
                assert_eq!(sampled(&replay, 2, 50), sampled(&restored, 2, 50));
                if slots == 16 {
                    let mut whole = PictureReplay::new(2 * 16, 2, SHAPE, 1);
                    (0..pushed + 7).for_each(|t| push(&mut whole, t));
                    (pushed..pushed + 7).for_each(|t| push(&mut restored, t));
                    assert!(telos_checkpoint::to_bytes(&whole) == telos_checkpoint::to_bytes(&restored));
                    check(&sampled(&restored, 3, 50));
                }
            }
        }
        let mut replay = PictureReplay::new(2 * 16, 2, SHAPE, 1);
        (0..9).for_each(|t| push(&mut replay, t));
        let bytes = telos_checkpoint::to_bytes(&replay);
        let mut smaller = PictureReplay::new(2 * 4, 2, SHAPE, 1);
        let error = telos_checkpoint::from_bytes(&mut smaller, &bytes).unwrap_err().to_string();
        assert!(error.contains("`ring.len`"), "{error}");
    }
}
