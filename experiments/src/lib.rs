//! Trains robots from preferences, sentences, demonstrations and data: the telos command line.
//!
//! Everything behind the binary `telos` is here, so that a program of one's own can do what a command
//! does: read a [`config::Config`], make a [`RunDirectory`], train.

mod checkpoint_series;
pub mod config;
pub mod device;
pub mod error;
pub mod host;
pub mod interrupt;
pub mod loops;
pub mod manifest;
pub mod metrics;
pub mod progress;
pub mod run_directory;
pub mod statistics;
mod tensorboard;

pub use error::TelosError;
pub use interrupt::Interrupt;
pub use progress::Progress;
pub use run_directory::RunDirectory;
