//! A teacher who prefers the segment with less regret (Knox et al. 2024, "Learning Optimal Advantage
//! from Preferences and Mistaking it for Reward", arXiv 2310.02456).
//!
//! The paper's teacher prefers by the sum of optimal advantages, which in deterministic worlds is
//! minus the regret (equation 3): with `V*` the optimal value under the gold reward `r`,
//!
//! ```text
//! P(1 > 2) = sigmoid(sum_t A*(s_t, a_t)_1 - sum_t A*(s_t, a_t)_2)
//! A*(s_t, a_t) = r_t + gamma V*(s_{t+1}) - V*(s_t),   V* = 0 where the episode terminated
//! ```
//!
//! `V*` is not known for any of our tasks, so it is learned from the gold rewards of the run itself:
//! see [`InSampleValue`]. Early answers therefore measure regret against the best of what has been
//! tried, and come closer to the paper's as the run explores.

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, SegmentView};

use super::{InSampleValue, InSampleValueConfig, ScriptedTeacherConfig, taste::Taste};
use crate::{RewardError, error::expect_len};

/// A teacher who judges by regret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegretTeacherConfig {
    /// How the optimal value is learned from what the run has seen.
    pub value: InSampleValueConfig,
    /// How answers depart from the sign of the difference. Thresholds are relative to the mean gold
    /// reward. Default: the oracle.
    pub rationality: ScriptedTeacherConfig,
}

impl RegretTeacherConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        self.value.validate()?;
        self.rationality.validate()
    }
}

/// Likes steps by their optimal advantage.
pub(super) struct RegretTaste {
    value: InSampleValue,
    observation: usize,
}

impl RegretTaste {
    /// # Errors
    /// When the configuration is out of range.
    pub(super) fn new(config: &InSampleValueConfig, spec: &EnvSpec, seed: u64) -> Result<Self, RewardError> {
        let observation = spec.observation.size();
        Ok(Self { value: InSampleValue::new(config.clone(), observation, seed)?, observation })
    }
}

impl Taste for RegretTaste {
    fn worths(&self, segment: SegmentView<'_>, out: &mut Vec<f32>) -> Result<(), RewardError> {
        let len = segment.len;
        expect_len("observations of a segment", segment.obs.len(), len * self.observation)?;
        expect_len("final observation of a segment", segment.final_obs.len(), self.observation)?;
        let states = [segment.obs, segment.final_obs].concat();
        let mut values = vec![0.0; len + 1];
        self.value.of(&states, &mut values)?;
        if segment.terminated {
            values[len] = 0.0;
        }
        let gamma = self.value.discount();
        out.clear();
        out.extend((0..len).map(|t| segment.gold[t] + gamma * values[t + 1] - values[t]));
        Ok(())
    }

    fn usual(&self, episode: SegmentView<'_>, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(episode.gold);
    }

    fn observe_episode(&mut self, episode: SegmentView<'_>) {
        self.value.remember(episode);
    }

    fn prepare(&mut self) -> Result<(), RewardError> {
        self.value.fit()
    }
}

impl Checkpoint for RegretTaste {
    fn save(&self, out: &mut Writer) {
        out.part("value", &self.value);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("value", &mut self.value)
    }
}
