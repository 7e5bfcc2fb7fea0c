//! The keys of feedback and of the reward learned from it.

use serde::{Deserialize, Serialize};
use telos_rewards::{
    intrinsic::StateEntropyConfig, query::QueryConfig, reward_model::RewardModelConfig,
    teacher::TeacherConfig,
};

/// `[preferences]`: the schedule of PEBBLE (Lee et al. 2021, arXiv 2106.05091). Defaults are those
/// of the B-Pref benchmark for `walker_walk` (Lee et al. 2021, arXiv 2111.03026).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreferencesConfig {
    /// Questions of the whole run. Default 500.
    pub budget: usize,
    /// Questions asked at a time. Default 50.
    pub queries_per_session: usize,
    /// Environment steps between sessions, all environments together. Default 20,000.
    pub session_interval: u64,
    /// Environment steps of exploration by state entropy, before the first session. Default 9000.
    pub unsupervised_steps: u64,
    /// Pairs, labelled by the gold reward, that never train a model and measure its accuracy. They
    /// are beside the budget. Default 200.
    pub held_out_pairs: usize,
    /// What is asked about.
    pub query: QueryConfig,
    /// Who answers; the key `kind` says who, `"scripted"` where it is missing.
    pub teacher: TeacherConfig,
    /// The learned reward.
    pub reward_model: RewardModelConfig,
    /// The reward of the exploration before the first session.
    pub state_entropy: StateEntropyConfig,
}

impl Default for PreferencesConfig {
    fn default() -> Self {
        Self {
            budget: 500,
            queries_per_session: 50,
            session_interval: 20_000,
            unsupervised_steps: 9000,
            held_out_pairs: 200,
            query: QueryConfig::default(),
            teacher: TeacherConfig::default(),
            reward_model: RewardModelConfig::default(),
            state_entropy: StateEntropyConfig::default(),
        }
    }
}
