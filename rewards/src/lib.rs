//! Learned rewards: feedback, teachers, queries, reward models and intrinsic rewards.

pub mod feedback;
pub mod intrinsic;
pub mod query;
pub mod reward_model;
pub mod teacher;

mod error;

pub use error::RewardError;
