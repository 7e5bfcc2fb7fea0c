//! What can go wrong in this crate.

use std::{io, path::PathBuf};

use crate::{
    feedback::{Ask, QueryId},
    judge::JudgeError,
};

/// Why feedback could not be stored or read, or a reward could not be learned or computed.
#[derive(Debug, thiserror::Error)]
pub enum RewardError {
    /// A configuration value is out of its range.
    #[error("`{key}` = {value}: {reason}")]
    Config {
        /// The configuration key.
        key: &'static str,
        /// The value found.
        value: String,
        /// The range, and what to do.
        reason: &'static str,
    },
    /// The operating system refused a file operation.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the ledger open.
    #[error("{path}: another process is writing this feedback ledger; stop it first")]
    Busy {
        /// The ledger file.
        path: PathBuf,
    },
    /// There is no ledger to read.
    #[error("{path}: there is no feedback ledger here (no ledger.jsonl)")]
    NoLedger {
        /// The directory.
        path: PathBuf,
    },
    /// A ledger is about another task.
    #[error("{path}: this feedback is about `{found}`, not about `{expected}`")]
    OtherTask {
        /// The ledger's directory.
        path: PathBuf,
        /// The task at hand.
        expected: String,
        /// The task of the ledger.
        found: String,
    },
    /// An acknowledged row of a ledger can no longer be read.
    #[error(
        "{path}:{line}: damaged feedback row ({reason}); restore the file from a copy, or delete this row to lose only its answer"
    )]
    DamagedRow {
        /// The ledger file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A segment that a ledger row refers to can no longer be read.
    #[error("{path}: segment record {record}: {reason}; restore the file from a copy")]
    DamagedSegment {
        /// The segment file.
        path: PathBuf,
        /// Number of the record, from 0.
        record: usize,
        /// What is wrong.
        reason: String,
    },
    /// An answer does not answer its query.
    #[error("answer to query {query}: {reason}")]
    Answer {
        /// The query.
        query: QueryId,
        /// What is wrong.
        reason: String,
    },
    /// Somebody is asked what they cannot answer.
    #[error("expected {expected} to be asked for, found {found}")]
    Ask {
        /// What can be answered.
        expected: Ask,
        /// What is asked.
        found: Ask,
    },
    /// Questions for people can no longer be read.
    #[error("{path}: damaged questions ({reason}); restore the file from a copy, all others are still asked")]
    DamagedBatch {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two things that must have the same size do not.
    #[error("{what}: expected {expected} numbers, found {found}")]
    Shape {
        /// The column or buffer.
        what: &'static str,
        /// The size required.
        expected: usize,
        /// The size found.
        found: usize,
    },
    /// A reward names a factor that the environment does not report.
    #[error("`{env}` has no factor `{name}`; it has: {known}")]
    UnknownFactor {
        /// The name asked for.
        name: String,
        /// The environment.
        env: String,
        /// The names it has.
        known: String,
    },
    /// A model of pictures and sentences cannot be read from its directory.
    #[error("{path}: {reason}")]
    Vision {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to get.
        reason: String,
    },
    /// A model cannot read a sentence.
    #[error("the sentence `{sentence}`: {reason}")]
    Sentence {
        /// The sentence.
        sentence: String,
        /// Why not.
        reason: String,
    },
    /// A judge cannot be asked.
    #[error(transparent)]
    Judge(Box<JudgeError>),
    /// There is not enough data for the request.
    #[error("{0}")]
    NotEnoughData(String),
    /// A network could not be built, evaluated or trained.
    #[error(transparent)]
    Network(#[from] telos_nn::NnError),
    /// A checkpoint could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] telos_checkpoint::CheckpointError),
}

impl From<telos_nn::TensorError> for RewardError {
    fn from(error: telos_nn::TensorError) -> Self {
        Self::Network(error.into())
    }
}

impl From<JudgeError> for RewardError {
    fn from(error: JudgeError) -> Self {
        Self::Judge(Box::new(error))
    }
}

impl RewardError {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn vision(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Self::Vision { path: path.to_owned(), reason: reason.into() }
    }
}

/// Checks that a column has the length that its use requires.
pub(crate) fn expect_len(what: &'static str, found: usize, expected: usize) -> Result<(), RewardError> {
    if found == expected { Ok(()) } else { Err(RewardError::Shape { what, expected, found }) }
}

/// Checks a configuration value.
pub(crate) fn require(
    holds: bool,
    key: &'static str,
    value: impl ToString,
    reason: &'static str,
) -> Result<(), RewardError> {
    if holds { Ok(()) } else { Err(RewardError::Config { key, value: value.to_string(), reason }) }
}
