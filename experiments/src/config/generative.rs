//! The keys of what a fine-tuning begins with.

use serde::{Deserialize, Serialize};
use telos_agents::generative::{Judge, TuningMethod};

use super::Config;

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

/// Why fine-tuning as `config` says cannot have the sentence that it names as its reward.
pub(super) fn refusal_of_sentence(config: &Config) -> Option<&'static str> {
    let tuning = &config.tuning;
    config.reward.sentence.as_ref()?;
    if config.base.reward_run.is_some() {
        Some("is one reward, and `base.reward_run` another; leave one out")
    } else if tuning.method == TuningMethod::Spin {
        Some("changes nothing in self-play, which knows no reward; leave it out")
    } else if tuning.method.compares() && tuning.judge == Judge::Simulator {
        Some(
            "is a reward of pictures that the copies of tuning.judge = \"simulator\" do not take; use \"critic\"",
        )
    } else {
        None
    }
}
