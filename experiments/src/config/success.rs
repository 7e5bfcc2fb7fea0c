//! The keys of a reward that is learned from successes and failures.

use serde::{Deserialize, Serialize};
use telos_rewards::SuccessClassifierConfig;

/// `[success]`: whose verdicts a success classifier learns from. The verdict on a state is that of the task's
/// own predicate, in place of a person; it is asked for as seldom as these keys say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuccessConfig {
    /// States of the data to learn from at first, half of them successes, or as many as there are. Default
    /// 2000.
    pub recorded: usize,
    /// Verdicts on states that the policy visited online, in the whole run. Default 1000.
    pub budget: usize,
    /// Verdicts per session. One half is about the states that look most like success, since a policy seeks
    /// out mistakes among these; the other half is drawn at random. Default 40.
    pub per_session: usize,
    /// Steps of the environment between sessions. Default 1000.
    pub session_interval: u64,
    /// The classifier.
    pub classifier: SuccessClassifierConfig,
}

impl Default for SuccessConfig {
    fn default() -> Self {
        Self {
            recorded: 2000,
            budget: 1000,
            per_session: 40,
            session_interval: 1000,
            classifier: SuccessClassifierConfig::default(),
        }
    }
}
