//! Datasets are written once, from front to back, and appear when they are complete.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use telos_checkpoint::atomic_write;

use super::{
    Dataset, DatasetError, DatasetInfo, EpisodeView, PICTURE_SIDES,
    column::hexadecimal,
    manifest::{ColumnEntry, ElementType, FORMAT, MANIFEST, Manifest, file_name},
    scratch::Scratch,
};

/// Writes a dataset into a hidden directory beside its place, and moves it there at the end: whatever
/// happens before, there is no dataset. A writer that is dropped takes its directory along; one that is
/// killed leaves it, and nothing takes it for a dataset.
pub struct DatasetWriter {
    place: PathBuf,
    scratch: Scratch,
    info: DatasetInfo,
    obs: ColumnFile,
    actions: ColumnFile,
    rewards: ColumnFile,
    factors: Option<ColumnFile>,
    success: Option<ColumnFile>,
    pictures: Option<ColumnFile>,
    episode_steps: ColumnFile,
    episode_terminated: ColumnFile,
    /// Begun with the first episode, if that has a seed.
    episode_seed: Option<ColumnFile>,
    episodes: usize,
    steps: usize,
}

impl DatasetWriter {
    /// Begins a dataset that will appear at `path`.
    ///
    /// # Errors
    /// When `path` exists, the description makes no sense, or the system refuses.
    pub fn create(path: &Path, info: DatasetInfo) -> Result<Self, DatasetError> {
        check(path, &info)?;
        let scratch = Scratch::beside(path)?;
        let column = |name, element, width| ColumnFile::create(scratch.path(), name, element, width);
        let f = info.factors.len();
        Ok(Self {
            obs: column("obs", ElementType::F32, info.obs_size)?,
            actions: column("actions", ElementType::F32, info.action_size())?,
            rewards: column("rewards", ElementType::F32, 1)?,
            factors: (f > 0).then(|| column("factors", ElementType::F32, f)).transpose()?,
            success: info.success.then(|| column("success", ElementType::U8, 1)).transpose()?,
            pictures: (info.picture_size() > 0)
                .then(|| column("pictures", ElementType::U8, info.picture_size()))
                .transpose()?,
            episode_steps: column("episode_steps", ElementType::U64, 1)?,
            episode_terminated: column("episode_terminated", ElementType::U8, 1)?,
            episode_seed: None,
            place: path.to_owned(),
            scratch,
            info,
            episodes: 0,
            steps: 0,
        })
    }

    /// What the data is about.
    pub fn info(&self) -> &DatasetInfo {
        &self.info
    }

    /// Transitions so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Sets what returns are measured against.
    pub fn set_reference(&mut self, reference: super::ReferenceScores) {
        self.info.reference = Some(reference);
    }

    /// Appends pictures, `[rows, side, side, 3]`: in the end as many as there are steps.
    ///
    /// # Errors
    /// When the dataset is said to have none, they are of another size, or the system refuses.
    pub fn push_pictures(&mut self, pictures: &[u8]) -> Result<(), DatasetError> {
        match &mut self.pictures {
            Some(column) if pictures.len().is_multiple_of(column.entry.width) => column.append(pictures),
            _ => {
                let reason = format!("{} bytes are no pictures of the size that it has", pictures.len());
                Err(DatasetError::column(&self.place, "pictures", reason))
            }
        }
    }

    /// Appends an episode that began with a reset of its environment with this seed, so that it can be played
    /// again. Either all episodes of a dataset have a seed, or none.
    ///
    /// # Errors
    /// As [`push`](Self::push), and when earlier episodes have no seed.
    pub fn push_seeded(&mut self, episode: EpisodeView<'_>, seed: u64) -> Result<(), DatasetError> {
        if self.episode_seed.is_none() && self.episodes == 0 {
            self.episode_seed =
                Some(ColumnFile::create(self.scratch.path(), "episode_seed", ElementType::U64, 1)?);
        }
        if self.episode_seed.is_none() {
            let reason = format!("episode {} has a seed, but those before have none", self.episodes);
            return Err(DatasetError::column(&self.place, "episode_seed", reason));
        }
        self.append(episode)?;
        match &mut self.episode_seed {
            Some(column) => column.append(&seed.to_le_bytes()),
            None => Ok(()),
        }
    }

    /// Appends an episode.
    ///
    /// # Errors
    /// When its columns are not of `steps` rows, it has no step, a number is not finite (rows count from
    /// the start of the dataset's column), or the system refuses. What was pushed before stays.
    pub fn push(&mut self, episode: EpisodeView<'_>) -> Result<(), DatasetError> {
        if self.episode_seed.is_some() {
            let reason = format!("episode {} has no seed, but those before have one", self.episodes);
            return Err(DatasetError::column(&self.place, "episode_seed", reason));
        }
        self.append(episode)
    }

    fn append(&mut self, episode: EpisodeView<'_>) -> Result<(), DatasetError> {
        let EpisodeView { steps, obs, actions, rewards, factors, success, terminated } = episode;
        if steps == 0 {
            let reason = format!("episode {} has no steps", self.episodes);
            return Err(DatasetError::file(&self.place, reason));
        }
        let info = &self.info;
        let (o, a, f) = (info.obs_size, info.action_size(), info.factors.len());
        let judged = if info.success { steps } else { 0 };
        self.check_length("obs", obs.len(), (steps + 1) * o)?;
        self.check_length("actions", actions.len(), steps * a)?;
        self.check_length("rewards", rewards.len(), steps)?;
        self.check_length("factors", factors.len(), steps * f)?;
        self.check_length("success", success.len(), judged)?;
        self.check_finite("obs", obs, o, self.steps + self.episodes)?;
        self.check_finite("actions", actions, a, self.steps)?;
        self.check_finite("rewards", rewards, 1, self.steps)?;
        self.check_finite("factors", factors, f, self.steps)?;
        self.obs.append(bytemuck::cast_slice(obs))?;
        self.actions.append(bytemuck::cast_slice(actions))?;
        self.rewards.append(bytemuck::cast_slice(rewards))?;
        if let Some(column) = &mut self.factors {
            column.append(bytemuck::cast_slice(factors))?;
        }
        if let Some(column) = &mut self.success {
            column.append(bytemuck::cast_slice(success))?;
        }
        self.episode_steps.append(&(steps as u64).to_le_bytes())?;
        self.episode_terminated.append(&[u8::from(terminated)])?;
        self.episodes += 1;
        self.steps += steps;
        Ok(())
    }

    /// Makes the dataset appear, durably, and opens it.
    ///
    /// # Errors
    /// When there is no episode, the place was taken meanwhile, or the system refuses.
    pub fn finish(self) -> Result<Dataset, DatasetError> {
        if self.episodes == 0 {
            return Err(DatasetError::file(&self.place, "has no episodes; a dataset needs at least one"));
        }
        if let Some(column) = &self.pictures
            && column.bytes != self.steps * column.entry.width
        {
            let reason = format!(
                "has {} pictures for {} steps; one belongs before each action",
                column.bytes / column.entry.width,
                self.steps
            );
            return Err(DatasetError::column(&self.place, "pictures", reason));
        }
        let columns = [Some(self.obs), Some(self.actions), Some(self.rewards), self.factors, self.success]
            .into_iter()
            .chain([
                self.pictures,
                Some(self.episode_steps),
                Some(self.episode_terminated),
                self.episode_seed,
            ])
            .flatten()
            .map(ColumnFile::finish)
            .collect::<Result<_, _>>()?;
        let manifest =
            Manifest { format: FORMAT, episodes: self.episodes, steps: self.steps, info: self.info, columns };
        let mut text = serde_json::to_string_pretty(&manifest).expect("a manifest has string keys");
        text.push('\n');
        atomic_write(&self.scratch.path().join(MANIFEST), text.as_bytes())?;
        self.scratch.persist()?;
        Dataset::open(&self.place)
    }

    fn check_length(&self, column: &str, found: usize, expected: usize) -> Result<(), DatasetError> {
        if found == expected {
            return Ok(());
        }
        let reason = format!("episode {} brings {found} numbers, where {expected} belong", self.episodes);
        Err(DatasetError::column(&self.place, column, reason))
    }

    fn check_finite(
        &self,
        column: &str,
        values: &[f32],
        width: usize,
        first: usize,
    ) -> Result<(), DatasetError> {
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => {
                let reason = format!("is {} (episode {}); learners need numbers", values[at], self.episodes);
                Err(DatasetError::row(&self.place, column, first + at / width, reason))
            }
        }
    }
}

fn check(path: &Path, info: &DatasetInfo) -> Result<(), DatasetError> {
    let wrong = |column: &str, reason: &str| Err(DatasetError::column(path, column, reason));
    let bounds = info.action.low.iter().chain(&info.action.high);
    if info.obs_size == 0 {
        return wrong("obs", "has no components");
    }
    if info.action.size() == 0 || info.action.low.len() != info.action.high.len() {
        return wrong("actions", "need one low and one high bound per component");
    }
    if !bounds.into_iter().all(|bound| bound.is_finite()) {
        return wrong("actions", "need finite bounds");
    }
    if info.picture_side.is_some_and(|side| !PICTURE_SIDES.contains(&side)) {
        return wrong("pictures", "need 8 to 256 pixels per side");
    }
    if !(info.dt.is_finite() && info.dt > 0.0) {
        return Err(DatasetError::file(path, "the time step `dt` must be a positive number of seconds"));
    }
    Ok(())
}

/// A column that grows.
struct ColumnFile {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
    entry: ColumnEntry,
    bytes: usize,
}

impl ColumnFile {
    fn create(
        directory: &Path,
        name: &'static str,
        element: ElementType,
        width: usize,
    ) -> Result<Self, DatasetError> {
        let path = directory.join(file_name(name, element));
        let file = File::create_new(&path).map_err(|source| DatasetError::io(&path, source))?;
        let entry = ColumnEntry { name: name.into(), element, width, rows: 0, sha256: String::new() };
        Ok(Self { path, file: BufWriter::new(file), hasher: Sha256::new(), entry, bytes: 0 })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len();
        self.file.write_all(bytes).map_err(|source| DatasetError::io(&self.path, source))
    }

    fn finish(self) -> Result<ColumnEntry, DatasetError> {
        let Self { path, file, hasher, entry, bytes } = self;
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .map_err(|source| DatasetError::io(&path, source))?;
        let rows = bytes / (entry.width * entry.element.size());
        Ok(ColumnEntry { rows, sha256: hexadecimal(hasher), ..entry })
    }
}
