//! Everything that can keep the viewer from showing what it was asked for.

use std::path::PathBuf;

use telos::{
    TelosError,
    agents::AgentError,
    envs::{EnvError, dataset::DatasetError},
    error::exit_code,
    rewards::RewardError,
    sim::SimError,
};

/// Why something cannot be shown. The message says what to do, on the terminal and in the window.
#[derive(Debug, thiserror::Error)]
pub enum ViewerError {
    /// What was named is neither an environment, a run nor a dataset.
    #[error("`{name}` cannot be shown: {reason}")]
    Input {
        /// As the user wrote it.
        name: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A combination of options that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is nothing to draw with.
    #[error("{0}")]
    Display(String),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A run or a film cannot be used.
    #[error(transparent)]
    Telos(#[from] TelosError),
}

impl ViewerError {
    /// An input that cannot be shown.
    pub(crate) fn input(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Input { name: name.into(), reason: reason.into() }
    }

    /// The exit code of a program that stopped for this reason: 2 where the user can change it.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Input { .. } | Self::Usage(_) | Self::Display(_) => exit_code::INPUT,
            Self::Io { .. } => exit_code::FAULT,
            Self::Telos(error) => error.exit_code(),
        }
    }
}

macro_rules! from_telos {
    ($($error:ty),*) => {$(
        impl From<$error> for ViewerError {
            fn from(error: $error) -> Self {
                Self::Telos(error.into())
            }
        }
    )*};
}

from_telos!(AgentError, DatasetError, EnvError, RewardError, SimError);
