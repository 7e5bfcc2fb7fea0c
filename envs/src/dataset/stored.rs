//! A dataset that is open for reading.

use std::path::{Path, PathBuf};

use super::{
    DatasetError, DatasetInfo, EpisodeView, PICTURE_SIDES,
    column::{self, Column},
    manifest::{ElementType, MANIFEST, Manifest},
};

/// Recorded episodes. Observations, actions, rewards, factors and pictures are mapped: opening reads none of them,
/// and many processes share one copy in memory.
pub struct Dataset {
    path: PathBuf,
    manifest: Manifest,
    obs: Column,
    actions: Column,
    rewards: Column,
    factors: Option<Column>,
    success: Vec<bool>,
    pictures: Option<Column>,
    episodes: Vec<Span>,
    /// Empty where they were not recorded.
    seeds: Vec<u64>,
}

/// Where an episode lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Its first row among all transitions; its first observation is `start` plus the episode's number.
    pub(super) start: usize,
    pub(super) steps: usize,
    pub(super) terminated: bool,
}

impl Dataset {
    /// Opens the dataset at `path`. Sizes are checked, contents are not: see [`verify`](Self::verify).
    ///
    /// # Errors
    /// When there is no dataset, or its files contradict the manifest.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let manifest = Manifest::read(path)?;
        let (steps, count) = (manifest.steps, manifest.episodes);
        let info = &manifest.info;
        let inconsistent = |reason: &str| Err(DatasetError::file(&path.join(MANIFEST), reason));
        if info.action.low.len() != info.action.high.len() {
            return inconsistent("the actions have another number of lower bounds than of upper bounds");
        }
        if info.picture_side.is_some_and(|side| !PICTURE_SIDES.contains(&side)) {
            return inconsistent("has pictures of fewer than 8 or more than 256 pixels per side");
        }
        let Some(observations) = steps.checked_add(count) else {
            return inconsistent("holds an absurd number of steps");
        };
        let mapped = |name: &str, width: usize, rows: usize| {
            Column::open(path, manifest.column(path, name, ElementType::F32, width, rows)?)
        };
        let bytes = |name: &str, element: ElementType, rows: usize| {
            column::read(path, manifest.column(path, name, element, 1, rows)?)
        };
        let lengths = bytes("episode_steps", ElementType::U64, count)?;
        let terminated =
            flags(path, "episode_terminated", bytes("episode_terminated", ElementType::U8, count)?)?;
        let success = if info.success {
            flags(path, "success", bytes("success", ElementType::U8, steps)?)?
        } else {
            Vec::new()
        };
        let seeds = match manifest.has("episode_seed") {
            true => numbers(&bytes("episode_seed", ElementType::U64, count)?),
            false => Vec::new(),
        };
        let factors = info.factors.len();
        let pictures = match info.picture_size() {
            0 => None,
            size => {
                let entry = manifest.column(path, "pictures", ElementType::U8, size, steps)?;
                Some(Column::open(path, entry)?)
            }
        };
        Ok(Self {
            pictures,
            path: path.to_owned(),
            obs: mapped("obs", info.obs_size, observations)?,
            actions: mapped("actions", info.action_size(), steps)?,
            rewards: mapped("rewards", 1, steps)?,
            factors: (factors > 0).then(|| mapped("factors", factors, steps)).transpose()?,
            success,
            episodes: spans(path, &numbers(&lengths), &terminated, steps)?,
            seeds,
            manifest,
        })
    }

    /// What the data is about.
    pub fn info(&self) -> &DatasetInfo {
        &self.manifest.info
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Transitions of all episodes.
    pub fn steps(&self) -> usize {
        self.manifest.steps
    }

    /// All episodes, in the order in which they were written.
    pub fn episodes(&self) -> impl ExactSizeIterator<Item = EpisodeView<'_>> {
        (0..self.episodes.len()).map(|index| self.episode(index))
    }

    /// Episode number `index`.
    ///
    /// # Panics
    /// When there are not as many.
    pub fn episode(&self, index: usize) -> EpisodeView<'_> {
        let Span { start, steps, terminated } = self.episodes[index];
        let rows = |width: usize| start * width..(start + steps) * width;
        let (o, a, f) = (self.info().obs_size, self.info().action_size(), self.info().factors.len());
        EpisodeView {
            steps,
            obs: &self.obs.f32s()[(start + index) * o..(start + index + steps + 1) * o],
            actions: &self.actions.f32s()[rows(a)],
            rewards: &self.rewards.f32s()[rows(1)],
            factors: self.factors.as_ref().map_or(&[], |factors| &factors.f32s()[rows(f)]),
            success: if self.info().success { &self.success[rows(1)] } else { &[] },
            terminated,
        }
    }

    /// The pictures of episode number `index`, `[steps, side, side, 3]`, each before an action; `None` where there are
    /// none.
    ///
    /// # Panics
    /// When there are not as many episodes.
    pub fn pictures(&self, index: usize) -> Option<&[u8]> {
        let (Span { start, steps, .. }, size) = (self.episodes[index], self.info().picture_size());
        self.pictures.as_ref().map(|column| &column.bytes()[start * size..(start + steps) * size])
    }

    /// What the environment of episode number `index` was reset with, where it was recorded.
    pub fn seed(&self, index: usize) -> Option<u64> {
        self.seeds.get(index).copied()
    }

    /// Observations `[steps + episodes, obs]`, actions `[steps, act]` and rewards `[steps]` of all episodes.
    pub(super) fn columns(&self) -> (&[f32], &[f32], &[f32]) {
        (self.obs.f32s(), self.actions.f32s(), self.rewards.f32s())
    }

    /// Reads every column once and compares it with its hash.
    ///
    /// # Errors
    /// Names the first column that was changed since it was written.
    pub fn verify(&self) -> Result<(), DatasetError> {
        self.manifest.columns.iter().try_for_each(|entry| column::verify(&self.path, entry))
    }

    /// Names of the columns with the SHA-256 of their files.
    pub fn hashes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.manifest.columns.iter().map(|entry| (entry.name.as_str(), entry.sha256.as_str()))
    }
}

/// Bytes as flags.
fn flags(path: &Path, column: &str, bytes: Vec<u8>) -> Result<Vec<bool>, DatasetError> {
    let flag = |(row, byte)| match byte {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(DatasetError::row(path, column, row, format!("is {other}, neither 0 nor 1"))),
    };
    bytes.into_iter().enumerate().map(flag).collect()
}

/// Bytes as numbers.
fn numbers(bytes: &[u8]) -> Vec<u64> {
    let (numbers, _) = bytes.as_chunks::<8>();
    numbers.iter().map(|number| u64::from_le_bytes(*number)).collect()
}

/// Lengths of episodes as their places.
fn spans(path: &Path, lengths: &[u64], terminated: &[bool], total: usize) -> Result<Vec<Span>, DatasetError> {
    let mut start = 0;
    let mut spans = Vec::with_capacity(lengths.len());
    for (row, (length, terminated)) in lengths.iter().zip(terminated).enumerate() {
        let left = total - start;
        match usize::try_from(*length) {
            Ok(steps) if (1..=left).contains(&steps) => {
                spans.push(Span { start, steps, terminated: *terminated });
                start += steps;
            }
            _ => {
                let reason = format!("an episode of {length} steps, where 1 to {left} would fit");
                return Err(DatasetError::row(path, "episode_steps", row, reason));
            }
        }
    }
    if start == total {
        return Ok(spans);
    }
    let reason = format!("its episodes add up to {start} steps, but {total} are stored");
    Err(DatasetError::column(path, "episode_steps", reason))
}
