//! One training of one setting with one seed, named by everything that its result depends on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::digest;

/// `trial.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Name of the trial: a digest of the program, the resolved configuration (which holds seed and
    /// steps) and the parent's checkpoint. Equal trials of different settings are one trial.
    pub id: String,
    /// What the sweep chose for it, by configuration key.
    pub values: Map<String, Value>,
    /// Its seed.
    pub seed: u64,
    /// Environment steps in the end, those of its ancestors included.
    pub steps: u64,
    /// What it goes on from.
    pub parent: Option<Parent>,
}

/// The checkpoint that a trial goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Id of the trial that wrote it.
    pub trial: String,
    /// SHA-256 of its last checkpoint file. The child starts from these bytes or not at all.
    pub checkpoint: String,
}

impl Trial {
    /// The id of a trial of `program` with this resolved configuration.
    pub(super) fn identify(program: &str, config: &str, parent: Option<&Parent>) -> String {
        let parent = parent.map_or("none", |parent| &parent.checkpoint);
        let text = format!("telos trial\nprogram {program}\nparent {parent}\n{config}");
        // 80 bits: among a million trials, two collide with a chance of 4e-13.
        digest::of_bytes(text.as_bytes())[..20].to_owned()
    }
}
