//! Rewards that need no teacher.

mod config;

pub use config::StateEntropyConfig;
