//! Policies, replay and learners.
//!
//! A learner is one file that reads from top to bottom in the symbols of its paper.
//! It never asks where a reward comes from: the training loop writes the reward column of
//! [`Replay`] or of a rollout, and relabels it when a reward model changes.

mod action_range;
mod error;
mod observation_normalizer;
mod policy;
mod ppo;
mod replay;
mod running_moments;
mod sac;

pub use action_range::ActionRange;
pub use error::AgentError;
pub use observation_normalizer::ObservationNormalizer;
pub use policy::{ActMode, Policy, RandomPolicy};
pub use ppo::PpoConfig;
pub use replay::{Replay, ReplayBatch};
pub use running_moments::RunningMoments;
pub use sac::{Sac, SacConfig, SacMetrics};
