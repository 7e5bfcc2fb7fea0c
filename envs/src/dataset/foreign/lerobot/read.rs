//! Reading LeRobot.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{ACTION, FACTORS, FINAL_STATE, Footage, REWARD, STATE, SUCCESS, TERMINATED, footage::Camera};
use crate::dataset::{
    Dataset, DatasetError, DatasetWriter, EpisodeView,
    foreign::{Findings, Format, ImportOptions, parquet::ParquetFile, table::Table},
};

/// Reads the LeRobot dataset at `path`, and writes it as the dataset `out`, which appears when it is complete.
/// Observations are the features that are named, or `observation.state`, and with `footage` there are the pictures
/// of a camera. An episode that telos did not write ends with its last observation, and the action after it goes,
/// because nobody knows what it led to.
///
/// # Errors
/// As [`import`](crate::dataset::import), and when a video is missing, ends too soon or cannot be decoded.
pub fn import(
    path: &Path,
    options: &ImportOptions,
    footage: Option<&Footage<'_>>,
    out: &Path,
) -> Result<Dataset, DatasetError> {
    let description = Description::read(&path.join("meta/info.json"))?;
    let keys = match options.observations.as_slice() {
        [] => vec![STATE.to_owned()],
        keys => keys.to_vec(),
    };
    keys.iter().chain([&ACTION.to_owned()]).try_for_each(|key| description.check_vector(key))?;
    let mut files = Vec::new();
    for file in parquet_files(&path.join("data"))? {
        files.push(Frames::read(&ParquetFile::open(&file)?, &description, &keys)?);
    }
    let found: usize = files.iter().map(|frames| frames.actions.rows).sum();
    if found != description.frames {
        let reason = format!("counts {} frames, but the files in data/ hold {found}", description.frames);
        return Err(DatasetError::file(&description.path, reason));
    }
    let ends = Ends::read(path, &description)?;
    let mut camera = footage.map(|footage| Camera::find(path, &description, footage)).transpose()?;
    let findings = Findings {
        format: Format::Lerobot,
        env: description.robot.clone(),
        obs_size: files.first().map_or(0, |frames| frames.obs.width),
        action: None,
        dt: Some((1.0 / description.rate) as f32),
        factors: description.factors.clone(),
        success: description.has(SUCCESS),
    };
    let mut info = findings.describe(path, options, files.iter().map(|frames| &frames.actions))?;
    info.picture_side = footage.map(|footage| footage.side);
    let mut writer = DatasetWriter::create(out, info)?;
    let mut number = 0;
    for frames in &files {
        let mut start = 0;
        while start < frames.episode.len() {
            let episode = frames.episode[start];
            if episode != number as i64 {
                let reason = format!("is of episode {episode}, but episode {number} comes next");
                return Err(DatasetError::row(&frames.path, "episode_index", start, reason));
            }
            let rows = frames.episode[start..].iter().take_while(|other| **other == episode).count();
            let (state, terminated) = ends.of(number);
            let steps = if state.is_some() { rows } else { rows - 1 };
            let mut obs = frames.obs.slice(start..start + rows).to_vec();
            obs.extend_from_slice(state.unwrap_or_default());
            if steps > 0 {
                if let Some(camera) = &mut camera {
                    writer.push_pictures(camera.pictures(number, rows, steps)?)?;
                }
                let part = start..start + steps;
                writer.push(EpisodeView {
                    steps,
                    obs: &obs,
                    actions: frames.actions.slice(part.clone()),
                    rewards: frames.rewards.slice(part.clone()),
                    factors: frames.factors.as_ref().map_or(&[], |factors| factors.slice(part.clone())),
                    success: frames.success.get(part).unwrap_or_default(),
                    terminated,
                })?;
            }
            start += rows;
            number += 1;
        }
    }
    if number != description.episodes {
        let reason =
            format!("counts {} episodes, but the files in data/ hold {number}", description.episodes);
        return Err(DatasetError::file(&description.path, reason));
    }
    writer.finish()
}

/// What `meta/info.json` says.
pub(super) struct Description {
    pub(super) path: PathBuf,
    features: Value,
    robot: Option<String>,
    pub(super) episodes: usize,
    frames: usize,
    /// Frames per second.
    pub(super) rate: f64,
    factors: Vec<String>,
    /// Where the video of a camera lies, with `{video_key}`, `{chunk_index:03d}` and `{file_index:03d}`.
    pub(super) video_path: Option<String>,
}

impl Description {
    fn read(path: &Path) -> Result<Self, DatasetError> {
        let text = fs::read_to_string(path).map_err(|source| DatasetError::io(path, source))?;
        let wrong = |reason: String| DatasetError::file(path, reason);
        let value: Value =
            serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        let version = value["codebase_version"].as_str().unwrap_or("none");
        if !version.starts_with("v3.") {
            return Err(wrong(format!(
                "`codebase_version` is {version}; telos reads v3: convert it with LeRobot's own script for that"
            )));
        }
        let count = |key: &str| {
            let count = value[key].as_u64().and_then(|count| usize::try_from(count).ok());
            count.ok_or_else(|| wrong(format!("`{key}` is missing, or no whole number")))
        };
        let rate = value["fps"].as_f64().filter(|rate| rate.is_finite() && *rate > 0.0);
        let names = value["features"][FACTORS]["names"].as_array();
        let factors = names.into_iter().flatten().map(|name| name.as_str().unwrap_or_default().to_owned());
        Ok(Self {
            path: path.to_owned(),
            robot: value["robot_type"].as_str().map(str::to_owned),
            episodes: count("total_episodes")?,
            frames: count("total_frames")?,
            rate: rate.ok_or_else(|| wrong("`fps` is missing, or no positive number".into()))?,
            factors: factors.collect(),
            features: value["features"].clone(),
            video_path: value["video_path"].as_str().map(str::to_owned),
        })
    }

    fn has(&self, feature: &str) -> bool {
        self.features.get(feature).is_some()
    }

    /// Refuses a feature that is no video.
    pub(super) fn check_video(&self, feature: &str) -> Result<(), DatasetError> {
        let is_video = |value: &Value| value["dtype"].as_str() == Some("video");
        if is_video(&self.features[feature]) {
            return Ok(());
        }
        let known = self.features.as_object().into_iter().flatten().filter(|(_, value)| is_video(value));
        let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        let reason = match known.as_slice() {
            [] => "is no video; the dataset has none".into(),
            known => format!("is no video; there are {}", known.join(", ")),
        };
        Err(DatasetError::column(&self.path, feature, reason))
    }

    /// Refuses a feature that is no vector of numbers.
    fn check_vector(&self, feature: &str) -> Result<(), DatasetError> {
        let wrong = |reason: String| Err(DatasetError::column(&self.path, feature, reason));
        match self.features[feature]["dtype"].as_str() {
            None => {
                let known: Vec<&str> = self
                    .features
                    .as_object()
                    .into_iter()
                    .flat_map(|map| map.keys())
                    .map(String::as_str)
                    .collect();
                wrong(format!("is missing among the features; there are {}", known.join(", ")))
            }
            Some("video") => wrong("holds pictures, not numbers; take them by --camera".into()),
            Some("image") => wrong("holds pictures, not numbers".into()),
            Some("string") => wrong("holds texts; telos takes vectors of numbers".into()),
            Some(_) => Ok(()),
        }
    }
}

/// `<directory>/chunk-*/file-*.parquet`, in order.
pub(super) fn parquet_files(directory: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let list = |path: &Path| -> Result<Vec<PathBuf>, DatasetError> {
        let entries = fs::read_dir(path).map_err(|source| DatasetError::io(path, source))?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()).map_err(|source| DatasetError::io(path, source)))
            .collect::<Result<Vec<_>, _>>()?;
        paths.sort();
        Ok(paths)
    };
    let mut files = Vec::new();
    for chunk in list(directory)?.into_iter().filter(|path| path.is_dir()) {
        let parquet = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
        files.extend(list(&chunk)?.into_iter().filter(parquet));
    }
    if files.is_empty() {
        return Err(DatasetError::file(directory, "holds no chunk-*/file-*.parquet"));
    }
    Ok(files)
}

/// The frames of one file.
struct Frames {
    path: PathBuf,
    episode: Vec<i64>,
    obs: Table,
    actions: Table,
    rewards: Table,
    factors: Option<Table>,
    success: Vec<bool>,
}

impl Frames {
    fn read(file: &ParquetFile, description: &Description, keys: &[String]) -> Result<Self, DatasetError> {
        let path = file.path();
        let episode = file.whole_numbers("episode_index")?;
        let table = |column: &str| -> Result<Table, DatasetError> {
            let table = file.table(column)?;
            table.check_rows(path, column, episode.len(), "episode_index")?;
            table.check_finite(path, column)?;
            Ok(table)
        };
        let observations = keys.iter().map(|key| table(key)).collect::<Result<Vec<_>, _>>()?;
        let rewards = match description.has(REWARD) {
            true => table(REWARD)?,
            false => Table { rows: episode.len(), width: 1, values: vec![0.0; episode.len()] },
        };
        if rewards.width != 1 {
            return Err(DatasetError::column(path, REWARD, "has several values per row; one is needed"));
        }
        let factors = (!description.factors.is_empty()).then(|| table(FACTORS)).transpose()?;
        let success = match description.has(SUCCESS) {
            true => table(SUCCESS)?.values.iter().map(|value| *value != 0.0).collect(),
            false => Vec::new(),
        };
        let actions = table(ACTION)?;
        Ok(Self {
            path: path.to_owned(),
            obs: Table::beside(&observations),
            actions,
            rewards,
            factors,
            success,
            episode,
        })
    }
}

/// How episodes ended, where telos wrote them.
struct Ends {
    states: Option<Table>,
    terminated: Vec<bool>,
}

impl Ends {
    fn read(path: &Path, description: &Description) -> Result<Self, DatasetError> {
        let mut ends = Self { states: None, terminated: Vec::new() };
        for file in parquet_files(&path.join("meta/episodes"))? {
            let file = ParquetFile::open(&file)?;
            if !(file.has(FINAL_STATE) && file.has(TERMINATED)) {
                continue;
            }
            let states = file.table(FINAL_STATE)?;
            states.check_finite(file.path(), FINAL_STATE)?;
            let terminated = file.table(TERMINATED)?;
            states.check_rows(file.path(), FINAL_STATE, terminated.rows, TERMINATED)?;
            ends.terminated.extend(terminated.values.iter().map(|value| *value != 0.0));
            match &mut ends.states {
                None => ends.states = Some(states),
                Some(all) if all.width == states.width => {
                    all.rows += states.rows;
                    all.values.extend(states.values);
                }
                Some(all) => {
                    let reason =
                        format!("has {} components, the files before have {}", states.width, all.width);
                    return Err(DatasetError::column(file.path(), FINAL_STATE, reason));
                }
            }
        }
        match &ends.states {
            Some(states) if states.rows != description.episodes => {
                let reason = format!(
                    "counts {} episodes, but meta/episodes ends {}",
                    description.episodes, states.rows
                );
                Err(DatasetError::file(&description.path, reason))
            }
            _ => Ok(ends),
        }
    }

    /// The observation after the last action of an episode, where it is known, and whether its task ended.
    fn of(&self, episode: usize) -> (Option<&[f32]>, bool) {
        match &self.states {
            Some(states) if episode < states.rows => (Some(states.row(episode)), self.terminated[episode]),
            _ => (None, false),
        }
    }
}
