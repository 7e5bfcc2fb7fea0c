//! Models of what a teacher wants.

mod bradley_terry;
mod config;
mod ensemble;
mod input_scale;
mod model;
mod preference_data;
mod training;

pub use bradley_terry::bradley_terry_loss;
pub use config::RewardEnsembleConfig;
pub use ensemble::RewardEnsemble;
pub use model::{PreferenceModel, RewardModel};
pub use preference_data::PreferenceData;
pub use training::{Epoch, Session};
