//! Learned rewards: feedback, teachers, queries, reward models and intrinsic rewards.

pub mod feedback;
pub mod intrinsic;
pub mod query;
pub mod reward_model;
pub mod teacher;

mod error;
mod source;

pub use error::RewardError;
pub use source::{GoldReward, RewardSource, Transitions, WeightedFactors};
