//! The keys of what a fine-tuning begins with.

use serde::{Deserialize, Serialize};

/// `[base]`: the trained policy that `loop = "fine-tune"` improves, and by which reward.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BaseConfig {
    /// A run with `learner = "generative"`, whose latest checkpoint is the first policy and the reference. Its
    /// `[generative]` must be that of this run, but for the sampler and `executed`. Required.
    pub run: String,
    /// A finished run with `loop = "preferences"`, whose reward model takes the place of the environment's
    /// reward. Default none.
    pub reward_run: Option<String>,
}
