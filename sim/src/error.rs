//! Why a robot could not be loaded or looked up.

use std::path::PathBuf;

/// Errors of this crate. Each says where the cause is and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A robot file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A robot file is not well-formed XML.
    #[error("{file}:{line}: {reason}")]
    Xml {
        /// The file, or the name given to an embedded model.
        file: String,
        /// Line, from 1.
        line: u32,
        /// What the XML parser met.
        reason: String,
    },
    /// A robot file is XML, but asks for something that is wrong or that cannot be honoured.
    #[error("{file}:{line}: <{element}>: {reason}")]
    Robot {
        /// The file, or the name given to an embedded model.
        file: String,
        /// Line, from 1.
        line: u32,
        /// Tag of the element.
        element: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A model has no part of this name.
    #[error("model `{model}` has no {kind} named `{name}`; it has: {known}")]
    UnknownName {
        /// Name of the model.
        model: String,
        /// `joint`, `body`, `geom` or `actuator`.
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A picture of this size cannot be drawn.
    #[error(
        "cannot draw {width} x {height} pixels with {samples} x {samples} rays each; sides go from 1 to \
         {largest} rays, and rays per side of a pixel from 1 to 8"
    )]
    PictureSize {
        /// Columns asked for.
        width: usize,
        /// Rows asked for.
        height: usize,
        /// Rays per side of a pixel.
        samples: usize,
        /// The most rays along a side of the picture.
        largest: usize,
    },
    /// A model needs more than the simulator can represent.
    #[error("model `{model}`: {reason}")]
    Model {
        /// Name of the model.
        model: String,
        /// What is wrong and what to do.
        reason: String,
    },
}
