//! The directory of one run.
//!
//! ```text
//! config.toml       the configuration, every key
//! manifest.json     who wrote it: version, format, seed, device, checksum of the configuration
//! metrics.jsonl     numbers over time, byte-equal for equal runs
//! timing.jsonl      the same for what depends on the machine
//! tensorboard/      metrics.jsonl as TensorBoard events
//! checkpoints/      step-<n>.ckpt, the latest few
//! best/             the checkpoint of the best evaluation, where the configuration asks for it
//! feedback/         the ledger of questions and answers; people/ what people are asked and answer
//! videos/           final.mp4, an episode of a policy that was trained by a sentence
//! result.json       the final evaluation
//! ```

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use serde::Serialize;
use telos_checkpoint::{Checkpoint, atomic_write};

use crate::{
    TelosError,
    best_checkpoint::BestCheckpoint,
    checkpoint_series::CheckpointSeries,
    config::{Config, ConfigError},
    device::DeviceChoice,
    manifest::Manifest,
    metrics::{MetricsPosition, MetricsWriter},
};

/// An open run directory. Whoever writes holds a lock on it until it is dropped.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    config: Config,
    manifest: Manifest,
    lock: Option<File>,
}

impl RunDirectory {
    /// Makes a new run directory.
    ///
    /// # Errors
    /// When `path` exists and is not empty, or cannot be written.
    pub fn create(path: &Path, config: &Config, device: DeviceChoice) -> Result<Self, TelosError> {
        if path.exists() && !is_unfinished(path)? {
            let reason = "exists already; pass --resume to go on with it, or another --out";
            return Err(TelosError::run(path, reason));
        }
        fs::create_dir_all(path).map_err(|source| TelosError::io(path, source))?;
        let manifest = Manifest::new(config, device);
        atomic_write(&path.join("config.toml"), config.to_toml().as_bytes())?;
        // The manifest comes last: a directory that has one is complete.
        atomic_write(&path.join("manifest.json"), json(&manifest).as_bytes())?;
        let mut run = Self { path: path.to_owned(), config: config.clone(), manifest, lock: None };
        run.lock()?;
        Ok(run)
    }

    /// Opens a run to read it; nothing in it will be changed.
    ///
    /// # Errors
    /// When `path` is no run directory, or one of another layout, or its configuration was changed.
    pub fn open(path: &Path) -> Result<Self, TelosError> {
        let manifest = Manifest::read(path)?;
        let config_path = path.join("config.toml");
        let text = fs::read_to_string(&config_path)
            .map_err(|source| ConfigError::Read { path: config_path.clone(), source })?;
        let config = Config::parse(&config_path, &text, &[])?;
        // Of the text, which need not name keys that came later.
        if Config::digest_of(&text).is_none_or(|digest| digest != manifest.config_digest) {
            let reason =
                "was changed after the run began (the checksum in manifest.json differs); restore it";
            return Err(TelosError::run(&config_path, reason));
        }
        Ok(Self { path: path.to_owned(), config, manifest, lock: None })
    }

    /// Goes on with the run at `path`; makes it when there is none yet, or when a process was
    /// killed while it made it.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the run has another configuration or device than asked
    /// for, another version of telos wrote it, or another process is writing it.
    pub fn resume(path: &Path, config: &Config, device: DeviceChoice) -> Result<Self, TelosError> {
        if !path.exists() || is_unfinished(path)? {
            return Self::create(path, config, device);
        }
        let mut run = Self::open(path)?;
        if let Some(difference) = run.config.difference(config) {
            let reason = format!(
                "`{}` is {} in this run, but {} in the configuration given; a resumed run cannot change it",
                difference.key, difference.first, difference.second
            );
            return Err(TelosError::run(&path.join("config.toml"), reason));
        }
        run.manifest.check_resume(path, device)?;
        // Only the number of threads can differ, and no result depends on it.
        run.config.env.threads = config.env.threads;
        run.lock()?;
        Ok(run)
    }

    /// The run `name` inside this one, with a configuration of its own: made, or gone on with.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn nested(&self, name: &str, config: &Config) -> Result<Self, TelosError> {
        Self::resume(&self.path.join(name), config, self.manifest.device)
    }

    /// Where the run lives.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration of the run.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The manifest of the run.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the feedback ledger lives; whoever writes it makes the directory.
    pub fn feedback(&self) -> PathBuf {
        self.path.join("feedback")
    }

    /// Where videos of the policy live; the directory is made.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn videos(&self) -> Result<PathBuf, TelosError> {
        let path = self.path.join("videos");
        fs::create_dir_all(&path).map_err(|source| TelosError::io(&path, source))?;
        Ok(path)
    }

    /// Opens the metrics files.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn metrics(&self) -> Result<MetricsWriter, TelosError> {
        MetricsWriter::open(&self.path)
    }

    /// Writes a checkpoint of everything at `step`, then deletes all but the latest few.
    ///
    /// # Errors
    /// When the system refuses; older checkpoints then stay.
    pub fn save(
        &self,
        step: u64,
        state: &(impl Checkpoint + ?Sized),
        metrics: &MetricsWriter,
    ) -> Result<(), TelosError> {
        metrics.sync()?;
        self.checkpoints().save(step, metrics.position(), state, self.config.checkpoint.keep)
    }

    /// Restores the latest intact checkpoint, cuts the metrics back to it and returns its step.
    /// Without any checkpoint the metrics are emptied, `state` stays as it is, and the answer is
    /// `None`: the run begins anew.
    ///
    /// # Errors
    /// When there are checkpoints but none is intact, or the latest intact one does not fit `state`.
    pub fn restore(
        &self,
        state: &mut (impl Checkpoint + ?Sized),
        metrics: &mut MetricsWriter,
    ) -> Result<Option<u64>, TelosError> {
        let (step, position) = match self.checkpoints().load_latest(state)? {
            Some((step, position)) => (Some(step), position),
            None => (None, MetricsPosition::default()),
        };
        metrics.rewind(position)?;
        Ok(step)
    }

    /// Keeps `state` as the best of the run if `mean_return` is above all before.
    ///
    /// # Errors
    /// When the system refuses; the best before then stays.
    pub(crate) fn save_if_best(
        &self,
        mean_return: f64,
        step: u64,
        state: &(impl Checkpoint + ?Sized),
        metrics: &MetricsWriter,
    ) -> Result<(), TelosError> {
        self.best().offer(mean_return, step, metrics.position(), state)
    }

    /// Restores the best checkpoint.
    ///
    /// # Errors
    /// When it is damaged or does not fit `state`.
    pub(crate) fn restore_best(
        &self,
        state: &mut (impl Checkpoint + ?Sized),
    ) -> Result<Option<u64>, TelosError> {
        self.best().load(state)
    }

    /// Restores the checkpoint that the run stands for, for reading only: with `checkpoint.best` the best, else the
    /// latest intact one.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), and when there is no checkpoint.
    pub fn read_latest(&self, state: &mut (impl Checkpoint + ?Sized)) -> Result<u64, TelosError> {
        self.check_one_seed()?;
        if self.config.checkpoint.best
            && let Some(step) = self.best().load(state)?
        {
            return Ok(step);
        }
        match self.checkpoints().load_latest(state)? {
            Some((step, _)) => Ok(step),
            None => {
                Err(TelosError::run(&self.path, "has no checkpoint yet; let `telos train` write one first"))
            }
        }
    }

    /// Restores the checkpoint of `step`, for reading only.
    ///
    /// # Errors
    /// When there is none, or it is damaged; the message lists those that exist.
    pub fn read_step(&self, step: u64, state: &mut (impl Checkpoint + ?Sized)) -> Result<(), TelosError> {
        self.check_one_seed()?;
        let known = self.checkpoints().steps()?;
        if !known.contains(&step) {
            let known: Vec<String> = known.iter().map(u64::to_string).collect();
            let reason = format!("has no checkpoint of step {step}; it has those of {}", known.join(", "));
            return Err(TelosError::run(&self.path, reason));
        }
        self.checkpoints().load(step, state)
    }

    /// Steps of the checkpoints that there are now, ascending.
    ///
    /// # Errors
    /// When the system refuses to list them.
    pub fn checkpoint_steps(&self) -> Result<Vec<u64>, TelosError> {
        self.checkpoints().steps()
    }

    /// Writes `result.json`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write_result(&self, result: &impl Serialize) -> Result<(), TelosError> {
        atomic_write(&self.path.join("result.json"), json(result).as_bytes())?;
        Ok(())
    }

    /// Refuses to read a policy from the directory of several seeds, each of which has one.
    fn check_one_seed(&self) -> Result<(), TelosError> {
        let Some(seed) = self.config.seeds.first() else { return Ok(()) };
        let reason = format!(
            "holds one run for each seed; name one of them, such as {}/seed-{seed}",
            self.path.display()
        );
        Err(TelosError::run(&self.path, reason))
    }

    fn best(&self) -> BestCheckpoint {
        BestCheckpoint::new(self.path.join("best"))
    }

    fn checkpoints(&self) -> CheckpointSeries {
        CheckpointSeries::new(self.path.join("checkpoints"))
    }

    fn lock(&mut self) -> Result<(), TelosError> {
        let path = self.path.join("manifest.json");
        let file = File::open(&path).map_err(|source| TelosError::io(&path, source))?;
        match file.try_lock() {
            Ok(()) => self.lock = Some(file),
            Err(TryLockError::WouldBlock) => {
                return Err(TelosError::run(
                    &self.path,
                    "another process is writing this run; wait for it, or stop it",
                ));
            }
            // Some network file systems have no locks; the run works without.
            Err(TryLockError::Error(error)) => tracing::warn!("{}: no lock: {error}", path.display()),
        }
        Ok(())
    }
}

/// Whether `path` holds nothing but what [`RunDirectory::create`] writes before the manifest, so
/// that a process killed there leaves nothing in the way.
fn is_unfinished(path: &Path) -> Result<bool, TelosError> {
    for entry in fs::read_dir(path).map_err(|source| TelosError::io(path, source))? {
        let name = entry.map_err(|source| TelosError::io(path, source))?.file_name();
        let name = name.to_string_lossy();
        let temporary = ["config.toml.", "manifest.json."].iter().any(|start| name.starts_with(start));
        let ours = match &*name {
            "config.toml" => fs::read(path.join("config.toml"))
                .map_err(|source| TelosError::io(path, source))?
                .starts_with(Config::RESOLVED_HEADER.as_bytes()),
            name => temporary && name.ends_with(".tmp"),
        };
        if !ours {
            return Ok(false);
        }
    }
    Ok(true)
}

fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("results and manifests have string keys");
    text.push('\n');
    text
}
