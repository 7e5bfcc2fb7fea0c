//! Trains robots from preferences, sentences, demonstrations and data: the telos command line.
//!
//! The binary `telos` is [`cli::run`]; everything behind it is here, so that a program of one's own
//! can do what a command does: read a [`config::Config`], make a [`RunDirectory`], [`loops::train`].

pub mod audit;
mod best_checkpoint;
mod checkpoint_series;
pub mod cli;
pub mod config;
pub mod device;
pub mod error;
pub mod host;
pub mod interrupt;
pub mod label;
pub mod loops;
pub mod manifest;
pub mod metrics;
pub mod metrics_log;
mod number;
pub mod progress;
pub mod report;
pub mod run_directory;
pub mod run_record;
pub mod seeds;
pub mod statistics;
pub mod sweep;
mod tensorboard;
pub mod video;
pub mod vision;
pub mod watch;

pub use error::TelosError;
pub use interrupt::Interrupt;
pub use progress::Progress;
pub use run_directory::RunDirectory;

pub use telos_agents as agents;
pub use telos_checkpoint as checkpoint;
pub use telos_envs as envs;
pub use telos_nn as nn;
pub use telos_rewards as rewards;
pub use telos_sim as sim;

/// Compiles and runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
