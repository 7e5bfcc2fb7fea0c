//! What can go wrong in this crate.

use std::path::PathBuf;

/// Errors of networks, optimisers and weight files.
#[derive(Debug, thiserror::Error)]
pub enum NnError {
    /// The tensor library refused an operation.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A module was asked for with sizes or values that make no sense.
    #[error("{module}: {reason}")]
    Config {
        /// Name of the module or configuration.
        module: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// An argument has another shape than the module's.
    #[error("{module}: {what} has shape {found:?}, expected {expected}")]
    Shape {
        /// Name of the module.
        module: String,
        /// Which argument.
        what: &'static str,
        /// The shape that came.
        found: Vec<usize>,
        /// The shape that fits.
        expected: String,
    },
    /// Two sets of parameters that should mirror each other differ.
    #[error("{operation}: parameter `{name}` {reason}")]
    Mismatch {
        /// The operation that compared them.
        operation: &'static str,
        /// Name of the first parameter that differs.
        name: String,
        /// How it differs.
        reason: String,
    },
    /// A gradient is infinite or not a number; the parameters were left as they were.
    #[error(
        "the gradient norm is {norm}, so the step was refused; lower the learning rate or look for an infinite loss"
    )]
    NotFinite {
        /// The norm over all gradients.
        norm: f64,
    },
    /// A weight file is missing, damaged or of another model.
    #[error("{path}: {reason}")]
    WeightFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, naming the tensor where there is one.
        reason: String,
    },
    /// A weight file could not be written.
    #[error(transparent)]
    Checkpoint(#[from] telos_checkpoint::CheckpointError),
}
