//! Policies, replay and learners.
//!
//! A learner is one file that reads from top to bottom in the symbols of its paper.
//! It never asks where a reward comes from: the training loop writes the reward column of
//! [`Replay`] or of a rollout, and relabels it when a reward model changes.

mod error;
mod observation_normalizer;
mod ppo;
mod replay;
mod running_moments;
mod sac;

pub use error::AgentError;
pub use observation_normalizer::ObservationNormalizer;
pub use ppo::PpoConfig;
pub use replay::{Replay, ReplayBatch};
pub use running_moments::RunningMoments;
pub use sac::SacConfig;
