//! Models of what a teacher wants.
//!
//! [`RewardModelConfig::build`] makes one: an objective, that is a logit and a loss
//! ([`RewardObjective`]), in the training and prediction that all have in common ([`LearnedReward`]).

mod behaviour;
mod bradley_terry;
mod config;
mod input_scale;
mod learned;
mod model;
mod objective;
mod partial_return;
mod preference_data;
mod training;

pub use behaviour::Behaviour;
pub use bradley_terry::bradley_terry_loss;
pub use config::{RewardModelConfig, RewardModelKind};
pub use input_scale::InputScale;
pub use learned::LearnedReward;
pub use model::{PreferenceModel, RewardLearner, RewardModel};
pub use objective::{Batch, BatchLoss, RewardObjective, StepSizes};
pub use partial_return::{PartialReturn, RewardEnsemble};
pub use preference_data::PreferenceData;
pub use training::{Epoch, Session};
