//! Attempts: every process that tries a trial has a run directory of its own, and goes on from the
//! furthest checkpoint of those before it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use telos_checkpoint::{atomic_write, sync_directory};

use super::{
    digest,
    store::{Store, json, make_directory, parse},
    trial::Trial,
};
use crate::{
    RunDirectory, TelosError, checkpoint_series::CheckpointSeries, config::Config, device::DeviceChoice,
};

/// How an attempt ended; `attempts/<number>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case", deny_unknown_fields)]
pub enum End {
    /// Its result is the trial's, or has the same bytes.
    Done,
    /// It finished with another result than the one that was published before.
    Differs,
    /// It was asked to stop, and wrote a checkpoint.
    Interrupted,
    /// The training returned an error. Trainings are deterministic, so another attempt would too.
    Failed {
        /// The message.
        error: String,
    },
    /// The machine refused something, such as room on the disk; another attempt may succeed.
    Refused {
        /// The message.
        error: String,
    },
}

/// One attempt as its files tell.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// Its run directory.
    pub path: PathBuf,
    /// How it ended; `None` while it runs, or when it was killed.
    pub end: Option<End>,
    /// The step that it began at, once it began.
    start: Option<u64>,
    /// The step of its latest checkpoint.
    pub step: Option<u64>,
}

/// `attempts/<number>.start.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    step: u64,
}

impl Attempt {
    /// Whether another attempt like this one is a waste: it ended, or vanished, no further than it
    /// had begun. An attempt that was preempted after a checkpoint is none, however often.
    fn is_fruitless(&self) -> bool {
        match self.end {
            Some(End::Done | End::Differs | End::Refused { .. }) => false,
            Some(End::Failed { .. }) => true,
            Some(End::Interrupted) | None => match self.start {
                Some(start) => self.step.is_none_or(|step| step <= start),
                None => true,
            },
        }
    }
}

/// Every attempt of a trial, in order.
///
/// # Errors
/// When the directory cannot be read.
pub fn attempts(store: &Store, id: &str) -> Result<Vec<Attempt>, TelosError> {
    let directory = store.trial_path(id).join("attempts");
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TelosError::io(&directory, source)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|source| TelosError::io(&directory, source))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    numbers
        .into_iter()
        .map(|number| {
            let path = run_path(&directory, number);
            Ok(Attempt {
                end: read(&end_path(&directory, number))?,
                start: read::<Start>(&start_path(&directory, number))?.map(|start| start.step),
                step: CheckpointSeries::new(path.join("checkpoints")).steps()?.last().copied(),
                number,
                path,
            })
        })
        .collect()
}

/// Why a trial with these attempts is not tried again, if so: it failed, or `most` attempts came
/// to nothing.
pub fn given_up(attempts: &[Attempt], most: usize) -> Option<String> {
    let failed = attempts.iter().find_map(|attempt| match &attempt.end {
        Some(End::Failed { error }) => Some(error.clone()),
        _ => None,
    });
    let fruitless = attempts.iter().filter(|attempt| attempt.is_fruitless()).count();
    failed.or_else(|| {
        (fruitless >= most).then(|| format!("{fruitless} attempts ended without a new checkpoint"))
    })
}

/// A new attempt, ready to train.
pub(super) struct Begun {
    number: u32,
    directory: PathBuf,
    pub(super) run: RunDirectory,
}

/// Makes the next attempt's run directory, with what can be gone on from in it.
///
/// # Errors
/// When the system refuses, or the checkpoint of the parent is nowhere.
pub(super) fn begin(store: &Store, trial: &Trial, config: &Config) -> Result<Begun, TelosError> {
    let before = attempts(store, &trial.id)?;
    let directory = store.trial_path(&trial.id).join("attempts");
    make_directory(&directory)?;
    let number = claim(&directory, before.last().map_or(0, |attempt| attempt.number) + 1)?;
    let path = run_path(&directory, number);
    // The earliest of those that got furthest.
    let furthest =
        before.iter().filter(|attempt| attempt.step.is_some()).rev().max_by_key(|attempt| attempt.step);
    let staging = directory.join(format!("{number:04}.seeding"));
    match (furthest, &trial.parent) {
        (Some(attempt), _) => copy_run(&attempt.path, &staging)?,
        (None, Some(parent)) => {
            let checkpoint = find_checkpoint(store, &parent.trial, &parent.checkpoint)?;
            drop(RunDirectory::create(&staging, config, DeviceChoice::default())?);
            inherit(&checkpoint, &staging)?;
        }
        (None, None) => {}
    }
    if staging.is_dir() {
        // Over the empty directory that this process claimed: complete or not there.
        fs::rename(&staging, &path).map_err(|source| TelosError::io(&path, source))?;
    }
    let run = RunDirectory::resume(&path, config, DeviceChoice::default())?;
    let step = CheckpointSeries::new(path.join("checkpoints")).steps()?.last().copied().unwrap_or(0);
    atomic_write(&start_path(&directory, number), json(&Start { step }).as_bytes())?;
    Ok(Begun { number, directory, run })
}

impl Begun {
    /// The attempt's number.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Records how it ended.
    pub(super) fn end(&self, end: &End) -> Result<(), TelosError> {
        Ok(atomic_write(&end_path(&self.directory, self.number), json(end).as_bytes())?)
    }
}

/// The last checkpoint of a trial that is done, with its digest.
///
/// # Errors
/// When no attempt with the published result has one any more.
pub(super) fn last_checkpoint(store: &Store, id: &str) -> Result<String, TelosError> {
    match checkpoints(store, id)?.first() {
        Some(path) => digest::of_file(path),
        None => Err(lost(store, id)),
    }
}

/// The checkpoint of trial `id` with this digest.
fn find_checkpoint(store: &Store, id: &str, wanted: &str) -> Result<PathBuf, TelosError> {
    for path in checkpoints(store, id)? {
        if digest::of_file(&path)? == wanted {
            return Ok(path);
        }
    }
    Err(lost(store, id))
}

fn lost(store: &Store, id: &str) -> TelosError {
    let reason = "no attempt has the last checkpoint that other trials go on from; restore it, or delete \
                  result.json here and run the sweep again, which repeats the trial";
    TelosError::run(&store.trial_path(id), reason)
}

/// Last checkpoints of the attempts whose result is the published one.
fn checkpoints(store: &Store, id: &str) -> Result<Vec<PathBuf>, TelosError> {
    let result = store.result_path(id);
    let published = fs::read(&result).map_err(|source| TelosError::io(&result, source))?;
    let mut found = Vec::new();
    for attempt in attempts(store, id)? {
        if fs::read(attempt.path.join("result.json")).is_ok_and(|bytes| bytes == published) {
            let series = CheckpointSeries::new(attempt.path.join("checkpoints"));
            found.extend(attempt.step.map(|step| series.path(step)));
        }
    }
    Ok(found)
}

/// Makes the first directory that nobody has, from `number` on.
fn claim(directory: &Path, mut number: u32) -> Result<u32, TelosError> {
    loop {
        let path = run_path(directory, number);
        match fs::create_dir(&path) {
            Ok(()) => return sync_directory(&path).map(|()| number).map_err(TelosError::from),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(TelosError::io(&path, source)),
        }
    }
}

/// Copies what a run needs to go on. The run may be going on itself: checkpoints, which never
/// change, are linked first, and the logs that they refer to, which only grow, come after them.
fn copy_run(from: &Path, to: &Path) -> Result<(), TelosError> {
    fs::create_dir_all(to).map_err(|source| TelosError::io(to, source))?;
    let series = from.join("checkpoints");
    if series.is_dir() {
        fs::create_dir_all(to.join("checkpoints")).map_err(|source| TelosError::io(to, source))?;
        for name in names(&series)?.iter().filter(|name| name.ends_with(".ckpt")) {
            link(&series.join(name), &to.join("checkpoints").join(name))?;
        }
    }
    copy_logs(from, to, &["result.json"])
}

/// Puts the state of a finished parent beside the configuration of its child.
fn inherit(checkpoint: &Path, to: &Path) -> Result<(), TelosError> {
    let series = to.join("checkpoints");
    fs::create_dir_all(&series).map_err(|source| TelosError::io(&series, source))?;
    let lost = "a checkpoint lies in a run directory";
    link(checkpoint, &series.join(checkpoint.file_name().expect(lost)))?;
    let parent = checkpoint.parent().and_then(Path::parent).expect(lost);
    copy_logs(parent, to, &["result.json", "config.toml", "manifest.json"])
}

/// Copies everything but checkpoints, weights, temporary files and `except`.
fn copy_logs(from: &Path, to: &Path, except: &[&str]) -> Result<(), TelosError> {
    for name in names(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            if name != "checkpoints" {
                copy_run(&source, &target)?;
            }
        } else if !except.contains(&name.as_str())
            && !name.ends_with(".tmp")
            && !name.ends_with(".safetensors")
        {
            let io = |error| TelosError::io(&target, error);
            fs::copy(&source, &target).map_err(io)?;
            File::open(&target).and_then(|file| file.sync_all()).map_err(io)?;
        }
    }
    Ok(())
}

/// Links a file that never changes; one that its run has deleted meanwhile is not missed.
fn link(from: &Path, to: &Path) -> Result<(), TelosError> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TelosError::io(to, error)),
        _ => Ok(()),
    }
}

fn names(directory: &Path) -> Result<Vec<String>, TelosError> {
    let io = |source| TelosError::io(directory, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        names.extend(entry.map_err(io)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn run_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("{number:04}"))
}

fn start_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("{number:04}.start.json"))
}

fn end_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("{number:04}.json"))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, TelosError> {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TelosError::io(path, source)),
    }
}
