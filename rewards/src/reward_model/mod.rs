//! Models of what a teacher wants.

mod config;
mod model;

pub use config::RewardEnsembleConfig;
pub use model::{PreferenceModel, RewardModel};
