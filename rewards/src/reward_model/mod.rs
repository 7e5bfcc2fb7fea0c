//! Models of what a teacher wants.
//!
//! [`RewardModelConfig::build`] makes one: an objective, that is a logit and a loss
//! ([`RewardObjective`]), in the training and prediction that all have in common ([`LearnedReward`]).

mod advantage;
mod aggregation;
mod behaviour;
mod bradley_terry;
mod config;
mod data_smoothing;
mod decorrelated;
#[cfg(test)]
mod gradient_check;
mod hindsight;
mod input_scale;
mod learned;
mod model;
mod objective;
mod partial_return;
mod preference_data;
mod pseudo_labels;
mod ties;
mod training;
mod user_answers;
mod user_latent;
mod weight_averaging;
mod world_model;

pub use advantage::{Advantage, AdvantageConfig, greedy_actions};
pub use aggregation::Aggregation;
pub use behaviour::Behaviour;
pub use bradley_terry::bradley_terry_loss;
pub use config::{RewardModelConfig, RewardModelKind};
pub use decorrelated::{Decorrelated, DecorrelatedConfig, Nuisance};
pub use hindsight::{Hindsight, HindsightConfig};
pub use input_scale::InputScale;
pub use learned::LearnedReward;
pub use model::{PreferenceModel, RewardLearner, RewardModel};
pub use objective::{Batch, BatchLoss, RewardObjective, StepSizes};
pub use partial_return::{PartialReturn, RewardEnsemble};
pub use preference_data::PreferenceData;
pub use pseudo_labels::PseudoLabelConfig;
pub use ties::{Ties, TiesConfig, ties_loss};
pub use training::{Epoch, Session};
pub use user_latent::{UserLatent, UserLatentConfig};
