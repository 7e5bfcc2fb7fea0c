//! PEBBLE (Lee, Smith, Abbeel 2021, "PEBBLE: Feedback-Efficient Interactive Reinforcement Learning
//! via Relabeling Experience and Unsupervised Pre-training", arXiv 2106.05091).
//!
//! 1. Explore without any reward: soft actor-critic on the entropy of visited states (section 4.1).
//! 2. Show pairs of segments to a teacher and fit an ensemble of reward models to the answers by
//!    the Bradley-Terry likelihood (equations 1 and 3).
//! 3. Relabel the whole replay whenever the reward models change (section 4.3), go on learning, and
//!    repeat from 2 until the budget of questions is spent.
//!
//! The teacher may be slow: questions are submitted, answers are collected whenever they come, and
//! rollouts never wait for them.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::Policy;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::TrajectoryStore;
use telos_nn::Device;
use telos_rewards::{
    feedback::{Answer, FeedbackLedger, Query},
    intrinsic::StateEntropy,
    query::QuerySelector,
    reward_model::{PreferenceData, RewardEnsemble, RewardModel},
    teacher::{ScriptedTeacher, Teacher},
};

use super::{TrainingLoop, off_policy::OffPolicy};
use crate::{RunDirectory, TelosError, config::Config};

/// The PEBBLE loop around a soft actor-critic.
pub(super) struct PreferenceLoop {
    core: OffPolicy,
    entropy: StateEntropy,
    trajectories: TrajectoryStore,
    selector: Box<dyn QuerySelector>,
    teacher: Box<dyn Teacher>,
    ledger: FeedbackLedger,
    preferences: PreferenceData,
    model: RewardEnsemble,
    schedule: Schedule,
    /// Questions asked so far, answered or not.
    asked: usize,
    /// Questions whose answers have not come yet.
    open: usize,
    rng: Xoshiro256PlusPlus,
}

/// When questions are asked.
struct Schedule {
    unsupervised_steps: u64,
    session_interval: u64,
    queries_per_session: usize,
    budget: usize,
    updates_after_reset: usize,
    next_session: u64,
}
