//! What can be wrong with recorded data; the messages name the file, the column and the row.

use std::path::{Path, PathBuf};

/// Why data could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or directory is not what it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A column is missing, or of another type or length.
    #[error("{}, column `{column}`: {reason}", path.display())]
    Column {
        /// The file or directory.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// One row of a column has a value that no learner can use.
    #[error("{}, column `{column}`, row {row}: {reason}", path.display())]
    Row {
        /// The file or directory.
        path: PathBuf,
        /// The column.
        column: String,
        /// The row, from 0, within the column.
        row: usize,
        /// What is wrong.
        reason: String,
    },
}

impl DatasetError {
    /// A refusal of the system about `path`.
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// `path` is not what it should be.
    pub(super) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: reason.into() }
    }

    /// A column of `path` is not what it should be.
    pub(super) fn column(path: &Path, column: &str, reason: impl Into<String>) -> Self {
        Self::Column { path: path.to_owned(), column: column.into(), reason: reason.into() }
    }

    /// A row of a column of `path` is not what it should be.
    pub(super) fn row(path: &Path, column: &str, row: usize, reason: impl Into<String>) -> Self {
        Self::Row { path: path.to_owned(), column: column.into(), row, reason: reason.into() }
    }
}

impl From<telos_checkpoint::CheckpointError> for DatasetError {
    /// Of atomic writes, which fail for no other reason than the system.
    fn from(error: telos_checkpoint::CheckpointError) -> Self {
        match error {
            telos_checkpoint::CheckpointError::Io { path, source } => Self::Io { path, source },
            other => Self::File { path: PathBuf::new(), reason: other.to_string() },
        }
    }
}
