//! Durable state: the [`Checkpoint`] trait, its binary format and atomic file writes.
//!
//! Everything in telos whose past decides its future (worlds, environments, random generators,
//! replay, optimisers, reward models, loops) implements [`Checkpoint`], so that a run killed at any
//! instant and resumed is byte-equal to the run that was not. Fields are named in the file, so a
//! checkpoint that does not fit is refused with the name of the field.
//!
//! ```
//! use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
//!
//! struct Counter {
//!     steps: u64,
//!     history: Vec<f32>,
//! }
//!
//! impl Checkpoint for Counter {
//!     fn save(&self, out: &mut Writer) {
//!         out.value("steps", &self.steps);
//!         out.f32s("history", &self.history);
//!     }
//!     fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
//!         self.steps = from.value("steps")?;
//!         self.history = from.f32_vec("history")?;
//!         Ok(())
//!     }
//! }
//!
//! let counter = Counter { steps: 3, history: vec![0.5, 0.25] };
//! let bytes = telos_checkpoint::to_bytes(&counter);
//! let mut restored = Counter { steps: 0, history: vec![] };
//! telos_checkpoint::from_bytes(&mut restored, &bytes)?;
//! assert_eq!((restored.steps, restored.history), (3, vec![0.5, 0.25]));
//! # Ok::<(), CheckpointError>(())
//! ```

mod atomic;
mod codec;
mod file;
mod hash;

pub use atomic::{atomic_write, publish, sync_directory};
pub use codec::{Reader, Writer};
pub use file::{read_file, write_file};
pub use hash::fnv1a;

/// State that survives a process.
///
/// `load` restores a value that was built from the same configuration; it must leave every later
/// result bit-equal to that of the value that was saved.
pub trait Checkpoint {
    /// Writes everything that later results depend on.
    fn save(&self, out: &mut Writer);

    /// Restores what [`save`](Checkpoint::save) wrote.
    ///
    /// # Errors
    /// When the bytes end early or hold another field, shape or type than expected. The value may
    /// then be partly restored and must be discarded.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError>;
}

/// Encodes a value in memory; the in-memory form of a snapshot.
pub fn to_bytes(value: &(impl Checkpoint + ?Sized)) -> Vec<u8> {
    let mut out = Writer::new();
    value.save(&mut out);
    out.into_bytes()
}

/// Restores a value from the bytes of [`to_bytes`].
///
/// # Errors
/// As [`Checkpoint::load`], and when bytes are left over.
pub fn from_bytes(value: &mut (impl Checkpoint + ?Sized), bytes: &[u8]) -> Result<(), CheckpointError> {
    let mut from = Reader::new(bytes);
    value.load(&mut from)?;
    from.finish()
}

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The operating system refused a file operation.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a telos checkpoint.
    #[error("{path}: not a telos checkpoint; pass the run directory that `telos train` wrote")]
    Foreign {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The file was written by an incompatible version.
    #[error(
        "{path}: checkpoint format {found}, but this telos reads format {expected}; resume with the version that wrote it"
    )]
    Version {
        /// The file.
        path: std::path::PathBuf,
        /// Format number in the file.
        found: u32,
        /// Format number of this build.
        expected: u32,
    },
    /// The file is shorter than its header says, or its checksum differs.
    #[error("{path}: damaged checkpoint ({reason}); delete it to fall back to the previous one")]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A field is missing, or has another name, type or length than this program expects.
    #[error("checkpoint field `{field}`: {reason}")]
    Field {
        /// Dotted name of the field.
        field: String,
        /// What is wrong.
        reason: String,
    },
}
