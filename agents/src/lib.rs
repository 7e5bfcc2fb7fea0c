//! Policies, replay and learners.
//!
//! A learner is one file that reads from top to bottom in the symbols of its paper: [`Sac`], its variant
//! [`Drq`] for pictures, [`Ppo`], and those of [`offline`] for recorded data. It never asks where a reward comes from: the training
//! loop writes the reward column of a [`Replay`] or a [`RolloutBuffer`], and relabels it when a reward
//! model changes.
//!
//! A policy may also be moved by scored candidates alone: see [`objective`]. Policies that draw chunks of
//! actions by denoising, and what trains and steers them, are in [`generative`].
//!
//! What learners share they own as parts, not as a base class: [`Policy`] to act,
//! [`telos_checkpoint::Checkpoint`] to resume exactly, [`telos_nn::Parameters`] to name weights.

mod action_range;
mod actor_critic;
pub mod collective;
mod critics;
mod drq;
mod drq_config;
mod elastic_reset;
mod error;
mod evaluate;
mod gae;
pub mod generative;
pub mod objective;
mod observation_normalizer;
pub mod offline;
mod picture_replay;
pub mod planner;
mod policy;
mod ppo;
mod ppo_config;
mod ppo_metrics;
mod ppo_objective;
mod ppo_prior;
mod random_shift;
mod replay;
mod reward_scaler;
mod rollout_buffer;
mod running_moments;
mod sac;
mod sac_config;
mod sight;
mod soft_actor;
mod transitions;

pub use action_range::ActionRange;
pub use collective::Collective;
pub use drq::Drq;
pub use drq_config::DrqConfig;
pub use elastic_reset::{ElasticReset, ElasticResetConfig};
pub use error::AgentError;
pub use evaluate::evaluate;
pub use gae::{GaeColumns, gae};
pub use observation_normalizer::ObservationNormalizer;
pub use picture_replay::{PictureBatch, PictureReplay};
pub use policy::{ActMode, Policy, RandomPolicy};
pub use ppo::Ppo;
pub use ppo_config::PpoConfig;
pub use ppo_metrics::PpoMetrics;
pub use ppo_prior::{PriorPenalty, PriorPenaltyConfig, PriorPenaltyMetrics};
pub use replay::{Replay, ReplayBatch};
pub use reward_scaler::RewardScaler;
pub use rollout_buffer::RolloutBuffer;
pub use running_moments::RunningMoments;
pub use sac::{Sac, SacMetrics};
pub use sac_config::SacConfig;
pub use sight::Sight;
