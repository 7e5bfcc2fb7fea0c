//! Everything that can stop the `telos` command, and the exit code that says whose fault it was.

use std::path::{Path, PathBuf};

use telos_agents::AgentError;
use telos_checkpoint::CheckpointError;
use telos_envs::{EnvError, dataset::DatasetError};
use telos_nn::NnError;
use telos_rewards::RewardError;
use telos_sim::SimError;

use crate::config::ConfigError;

/// Exit codes of the command line.
pub mod exit_code {
    /// Done.
    pub const DONE: i32 = 0;
    /// Our fault.
    pub const FAULT: i32 = 1;
    /// The user's input is wrong.
    pub const INPUT: i32 = 2;
    /// Interrupted, and resumable with `--resume`.
    pub const INTERRUPTED: i32 = 3;
}

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub enum TelosError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A flag or an argument cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A run directory cannot be used.
    #[error("{}: {reason}", path.display())]
    Run {
        /// The directory or the file in it.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A robot cannot be built.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// An environment cannot be built or stepped.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// Recorded data cannot be read or written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A network failed.
    #[error(transparent)]
    Nn(#[from] NnError),
    /// A learner failed.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// Feedback or a learned reward failed.
    #[error(transparent)]
    Reward(#[from] RewardError),
    /// A picture or video cannot be encoded.
    #[error("{}: {reason}", path.display())]
    Encoding {
        /// The file that was to be written.
        path: PathBuf,
        /// What the encoder said.
        reason: String,
    },
    /// The system refused.
    #[error("{doing}: {source}")]
    Io {
        /// The file or the activity.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl TelosError {
    /// A refusal of the system about `path`.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { doing: path.display().to_string(), source }
    }

    /// A run directory, or a file in it, that cannot be used.
    pub fn run(path: &Path, reason: impl Into<String>) -> Self {
        Self::Run { path: path.to_owned(), reason: reason.into() }
    }

    /// What the system refused, where that is behind it.
    pub(crate) fn refusal(&self) -> Option<&std::io::Error> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(refusal) = error.downcast_ref() {
                return Some(refusal);
            }
            cause = error.source();
        }
        None
    }

    /// What to do about it, where the message alone does not say.
    pub fn advice(&self) -> Option<&'static str> {
        use std::io::ErrorKind;
        match self.refusal()?.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Some("make room and repeat the command; what is written is kept")
            }
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                Some("make it writable for this user, or name another directory")
            }
            _ => None,
        }
    }

    /// The exit code of a command that stopped for this reason.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::Run { .. } | Self::Sim(_) => exit_code::INPUT,
            Self::Env(EnvError::UnknownId { .. } | EnvError::Zero { .. }) => exit_code::INPUT,
            Self::Agent(AgentError::Config { .. }) => exit_code::INPUT,
            Self::Checkpoint(CheckpointError::Io { .. }) | Self::Dataset(DatasetError::Io { .. }) => {
                exit_code::FAULT
            }
            Self::Dataset(_) => exit_code::INPUT,
            Self::Checkpoint(_) => exit_code::INPUT,
            Self::Reward(
                RewardError::Config { .. }
                | RewardError::Busy { .. }
                | RewardError::NoLedger { .. }
                | RewardError::OtherTask { .. }
                | RewardError::UnknownFactor { .. }
                | RewardError::Answer { .. }
                | RewardError::DamagedRow { .. }
                | RewardError::DamagedSegment { .. }
                | RewardError::DamagedBatch { .. }
                | RewardError::Vision { .. }
                | RewardError::Sentence { .. }
                | RewardError::Judge(_)
                | RewardError::NotEnoughData(_),
            ) => exit_code::INPUT,
            Self::Env(_)
            | Self::Nn(_)
            | Self::Agent(_)
            | Self::Reward(_)
            | Self::Encoding { .. }
            | Self::Io { .. } => exit_code::FAULT,
        }
    }
}
