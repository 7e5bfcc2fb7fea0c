//! The index of one generation: which trials belong to which setting, in the order of their indices.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::sampler::Ancestor;

/// `generations/<number>.json`. Written once; from then on it is what the generation is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Its number, from 0.
    pub generation: usize,
    /// Trials of the generation before that had been given up when this one was decided. A result
    /// that one of them publishes later changes nothing.
    pub given_up: Vec<String>,
    /// What is tried.
    pub settings: Vec<PlannedSetting>,
}

/// A setting with one trial for each seed of the sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedSetting {
    /// What the sampler chose, by configuration key.
    pub values: Map<String, Value>,
    /// Environment steps in the end.
    pub steps: u64,
    /// The setting whose checkpoints its trials go on from.
    pub parent: Option<Ancestor>,
    /// Ids of its trials, in the order of the seeds.
    pub trials: Vec<String>,
}

impl Generation {
    /// Every trial in the order of the index that `exec --index` counts by: settings outside, seeds
    /// inside. A trial that two settings share appears twice.
    pub fn trials(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().flat_map(|setting| setting.trials.iter().map(String::as_str))
    }
}
