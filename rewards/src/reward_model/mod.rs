//! Models of what a teacher wants.

mod config;

pub use config::RewardEnsembleConfig;
