//! The keys of learning from recorded data, and of going on online from there.

use serde::{Deserialize, Serialize};
use telos_agents::offline::{RewardScaleConfig, RewardSmoothing, SeraConfig};

/// Where the rewards of data and environment come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// From themselves, or from `data.reward_run`.
    #[default]
    Recorded,
    /// From a reward model that learns from preferences, about the data first; reads `[preferences]`, whose
    /// intervals count steps of either phase.
    Preferences,
    /// From a success classifier; reads `[success]`.
    Success,
}

/// `[data]`: the recorded data and how a learner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A directory that `telos collect` or `telos dataset convert` made. Required.
    pub path: String,
    /// Share of the steps to learn from, those of the episodes with the highest returns, in (0, 1]: with
    /// `learner = "bc"` and 0.1 this is 10 % BC (Chen et al. 2021, arXiv 2106.01345). Default 1.
    pub best_share: f64,
    /// Whether observations are shifted and scaled by their mean and deviation in the data, online too.
    /// Default true (CORL, for all but the pure online learners).
    pub normalize_observations: bool,
    /// A finished run with `loop = "preferences"`, whose reward model labels the data and the steps of the
    /// second phase in place of the rewards that were recorded. Default none.
    pub reward_run: Option<String>,
    /// `"recorded"` (default), or a reward that is learned during the run and labels both phases anew
    /// whenever it changes: `"preferences"` or `"success"`.
    pub labels: LabelKind,
    /// Smoothing of the recorded rewards over the steps of their episodes, before they are scaled. Default
    /// none.
    pub smoothing: Option<RewardSmoothing>,
    /// The scale of rewards, online too.
    pub reward: RewardScaleConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            best_share: 1.0,
            normalize_observations: true,
            reward_run: None,
            labels: LabelKind::Recorded,
            smoothing: None,
            reward: RewardScaleConfig::default(),
        }
    }
}

/// `[fine_tuning]`: the second phase of `loop = "offline-to-online"`, in which every step is one step of
/// the environment. Before it, every step is one gradient update on the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FineTuningConfig {
    /// Steps of the first phase. 0 learns online from the start with recorded data beside, as RLPD does.
    /// A multiple of `evaluation.interval`, so that the policy is evaluated where the phases meet.
    /// Default 50,000.
    pub starts: u64,
    /// Share of every batch that is recorded data, in [0, 1]. Default 0.5 (Ball et al. 2023, RLPD, arXiv
    /// 2302.02948).
    pub offline_share: f64,
    /// Environment steps that are stored before the first update on them; with `starts = 0` their
    /// actions are uniformly random. Default 5000 (RLPD).
    pub warm_up: u64,
    /// Gradient updates per environment step afterwards; may be a fraction. Default 1 (CORL; RLPD has 20).
    pub updates_per_step: f64,
    /// Transitions of its own that the policy remembers; a run with fewer steps allocates only those.
    /// Default 1,000,000.
    pub replay_capacity: u64,
    /// Reward for states that are rare among states of like value. Default none.
    pub sera: Option<SeraConfig>,
    /// What counts as a collapse after the switch.
    pub collapse: CollapseConfig,
}

impl Default for FineTuningConfig {
    fn default() -> Self {
        Self {
            starts: 50_000,
            offline_share: 0.5,
            warm_up: 5000,
            updates_per_step: 1.0,
            replay_capacity: 1_000_000,
            sera: None,
            collapse: CollapseConfig::default(),
        }
    }
}

/// `[fine_tuning.collapse]`: a fall of the score that lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollapseConfig {
    /// Share of the score before the switch that has to be lost, in (0, 1]. Default 0.5.
    pub share: f64,
    /// Evaluations after the fall of which none is better than that. Default 2.
    pub evaluations: usize,
}

impl Default for CollapseConfig {
    fn default() -> Self {
        Self { share: 0.5, evaluations: 2 }
    }
}
