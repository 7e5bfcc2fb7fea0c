//! `answers.jsonl`: what people answered and took back, on disk before it is acknowledged.
//!
//! The labelling page is its only writer, the training only reads it. Lines are never changed or removed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use telos_checkpoint::sync_directory;

use crate::{
    RewardError,
    feedback::{
        Choice, QueryId,
        lock::LockedFile,
        sealed_line::{seal, unseal_lines, whole_lines},
        segment_file::write_at,
    },
};

/// One person's answer to one query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalAnswer {
    /// What was asked.
    pub query: QueryId,
    /// What was answered.
    pub choice: Choice,
    /// Who answered.
    pub annotator: String,
    /// When, in Unix milliseconds of the page's server.
    pub at_ms: u64,
    /// Milliseconds between showing the query and the answer.
    pub latency_ms: u64,
    /// How many people are to answer this query, at least 1. The first standing answer decides.
    pub wanted: u32,
    /// Chosen by the browser, the same when it repeats a request whose reply was lost.
    pub key: String,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AnswerEvent {
    /// Somebody answered.
    Answer(PersonalAnswer),
    /// Somebody took back their standing answer.
    Undo {
        /// What had been answered.
        query: QueryId,
        /// By whom.
        annotator: String,
        /// When it was taken back, in Unix milliseconds.
        at_ms: u64,
    },
}

impl AnswerEvent {
    /// When it happened, in Unix milliseconds.
    pub fn at_ms(&self) -> u64 {
        match self {
            Self::Answer(answer) => answer.at_ms,
            Self::Undo { at_ms, .. } => *at_ms,
        }
    }
}

/// The log, open for writing. Only one process at a time can have it.
pub struct AnswerLog {
    path: PathBuf,
    file: LockedFile,
    /// Bytes that are on the disk.
    length: u64,
    /// Lines that wait for [`commit`](Self::commit).
    staged: String,
    /// Whether an append has failed, after which nobody knows what is on the disk.
    failed: bool,
}

impl AnswerLog {
    /// Opens or creates the log of the people's directory `people`, and returns it with its events and
    /// the offsets at which their lines end. What a kill cut off in the middle of a line is removed.
    ///
    /// # Errors
    /// When another process has it open, an acknowledged line is damaged (nothing is changed then), or
    /// the system refuses.
    pub fn open(people: &Path) -> Result<(Self, Vec<(u64, AnswerEvent)>), RewardError> {
        fs::create_dir_all(people).map_err(RewardError::io(people))?;
        let path = path(people);
        let mut file = LockedFile::open(&path)?;
        let mut bytes = Vec::new();
        file.0.read_to_end(&mut bytes).map_err(RewardError::io(&path))?;
        let whole = whole_lines(&bytes);
        let events = unseal_lines(&path, 0, whole)?;
        let length = whole.len() as u64;
        // Whole lines of an append that was killed before it was acknowledged count from now on.
        file.0.set_len(length).and_then(|()| file.0.sync_data()).map_err(RewardError::io(&path))?;
        sync_directory(&path)?;
        Ok((Self { path, file, length, staged: String::new(), failed: false }, events))
    }

    /// Prepares an event for the next [`commit`](Self::commit) and returns where its line will end.
    pub fn stage(&mut self, event: &AnswerEvent) -> u64 {
        self.staged.push_str(&seal(event));
        self.length + self.staged.len() as u64
    }

    /// Makes everything staged durable, with one wait for the disk.
    ///
    /// # Errors
    /// When the system refuses. What was staged is then not acknowledged, though some of it may be on the
    /// disk, and the log takes nothing more: opening it anew shows what it holds.
    pub fn commit(&mut self) -> Result<(), RewardError> {
        if self.failed {
            return Err(RewardError::Io {
                path: self.path.clone(),
                source: io::Error::other("an earlier write failed; restart after making room on the disk"),
            });
        }
        if self.staged.is_empty() {
            return Ok(());
        }
        if let Err(source) = write_at(&mut self.file.0, self.length, self.staged.as_bytes()) {
            self.failed = true;
            return Err(RewardError::Io { path: self.path.clone(), source });
        }
        self.length += self.staged.len() as u64;
        self.staged.clear();
        Ok(())
    }
}

/// The events in whole lines from byte `from` on, each with the offset at which its line ends, without
/// locking the log.
///
/// # Errors
/// When a whole line is damaged, or the system refuses.
pub fn read_events(people: &Path, from: u64) -> Result<Vec<(u64, AnswerEvent)>, RewardError> {
    let path = path(people);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(RewardError::Io { path, source }),
    };
    let mut bytes = Vec::new();
    // A line may be seen before its writer has made it durable.
    file.sync_data()
        .and_then(|()| file.seek(SeekFrom::Start(from)))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(RewardError::io(&path))?;
    unseal_lines(&path, from, whole_lines(&bytes))
}

/// Length of the log in bytes; 0 before the first answer.
pub(super) fn length(people: &Path) -> u64 {
    fs::metadata(path(people)).map_or(0, |metadata| metadata.len())
}

/// The answers that were not taken back, in order, each with the offset at which its line ends.
pub fn standing(events: Vec<(u64, AnswerEvent)>) -> Vec<(u64, PersonalAnswer)> {
    let mut answers = Vec::<Option<(u64, PersonalAnswer)>>::new();
    let mut last = BTreeMap::<(QueryId, String), usize>::new();
    for (end, event) in events {
        match event {
            AnswerEvent::Answer(answer) => {
                last.insert((answer.query, answer.annotator.clone()), answers.len());
                answers.push(Some((end, answer)));
            }
            AnswerEvent::Undo { query, annotator, .. } => {
                if let Some(at) = last.remove(&(query, annotator)) {
                    answers[at] = None;
                }
            }
        }
    }
    answers.into_iter().flatten().collect()
}

fn path(people: &Path) -> PathBuf {
    people.join("answers.jsonl")
}
