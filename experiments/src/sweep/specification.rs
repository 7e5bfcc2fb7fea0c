//! The sweep file: a base configuration and what to vary in it.
//!
//! ```toml
//! base = "pendulum-ppo.toml"      # beside this file
//! seeds = [1, 2, 3]               # every setting is trained with each; its score is the mean
//! metric = "gold_return.mean"     # a number in result.json
//!
//! [sampler]
//! kind = "random"
//! settings = 16
//!
//! [parameters]
//! "ppo.lr" = { log = [1e-4, 1e-2] }
//! "ppo.epochs" = { int = [2, 10] }
//! "ppo.value_clip" = ["none", 0.2]
//! "ppo.lambda" = { linear = [0.9, 1.0], when = { "ppo.value_clip" = 0.2 } }
//! task = { variants = { swing-up = ["env.id=pendulum-swingup", "steps=40000"], classic = [] } }
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    launcher::{KubernetesConfig, SlurmConfig},
    parameters::{self, ParameterTable},
    sampler::SamplerConfig,
    space::{Space, key_of},
};
use crate::config::{ConfigError, Node, from_tree, parse_file};

/// A sweep file, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Specification {
    /// Path of the base configuration, as written.
    pub base: String,
    /// Fixed overrides of the base, `key=value`.
    pub set: Vec<String>,
    /// Seeds of each setting.
    pub seeds: Vec<u64>,
    /// Dotted path of the score in `result.json`.
    pub metric: String,
    /// Whether larger scores are better.
    pub goal: Goal,
    /// Attempts that may fail before a trial is given up.
    pub attempts: usize,
    /// What to try.
    pub sampler: SamplerConfig,
    /// Where to look.
    pub space: Space,
    /// Resources under Slurm.
    pub slurm: SlurmConfig,
    /// Resources under Kubernetes.
    pub kubernetes: KubernetesConfig,
}

/// Which scores are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Larger ones.
    #[default]
    Maximize,
    /// Smaller ones.
    Minimize,
}

impl Goal {
    /// The score with its sign such that larger is better.
    pub fn upward(self, score: f64) -> f64 {
        match self {
            Self::Maximize => score,
            Self::Minimize => -score,
        }
    }
}

/// The file as serde reads it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    base: String,
    set: Vec<String>,
    seeds: Vec<u64>,
    metric: String,
    goal: Goal,
    attempts: usize,
    sampler: SamplerConfig,
    parameters: ParameterTable,
    slurm: SlurmConfig,
    kubernetes: KubernetesConfig,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            base: String::new(),
            set: Vec::new(),
            seeds: vec![1],
            metric: "gold_return.mean".into(),
            goal: Goal::Maximize,
            attempts: 4,
            sampler: SamplerConfig::default(),
            parameters: ParameterTable::default(),
            slurm: SlurmConfig::default(),
            kubernetes: KubernetesConfig::default(),
        }
    }
}

impl Specification {
    /// Reads and checks a text; `path` is its name in messages.
    ///
    /// # Errors
    /// When the text is not TOML, a key is unknown, out of range, or in conflict with another.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let root = parse_file(path.to_owned(), text)?;
        let written: Written = from_tree(&root)?;
        let wrong = |key: &[&str], reason: String| value_error(&root, key, reason);
        if written.base.is_empty() {
            return Err(wrong(&["base"], "is missing; name the configuration that the sweep varies".into()));
        }
        if written.seeds.is_empty() {
            return Err(wrong(&["seeds"], "is empty; every setting needs a seed".into()));
        }
        if let Some(twice) = first_twice(&written.seeds) {
            return Err(wrong(&["seeds"], format!("names {twice} twice")));
        }
        if written.attempts == 0 {
            return Err(wrong(&["attempts"], "is 0, but a trial needs at least 1".into()));
        }
        if let Some(flag) = written.set.iter().find(|flag| !flag.contains('=')) {
            return Err(wrong(&["set"], format!("\"{flag}\" is not key=value, such as steps=5000")));
        }
        let space = parameters::check(&root, written.parameters)?;
        let varied =
            |key: &&str| space.parameters.iter().any(|parameter| parameter.keys().any(|one| one == *key));
        if let Some(key) = written.set.iter().map(|flag| key_of(flag)).find(varied) {
            return Err(wrong(
                &["set"],
                format!("fixes `{key}`, which [parameters] varies; keep one of them"),
            ));
        }
        written.sampler.check(&root, &space)?;
        written.slurm.check(&root)?;
        written.kubernetes.check(&root)?;
        Ok(Self {
            base: written.base,
            set: written.set,
            seeds: written.seeds,
            metric: written.metric,
            goal: written.goal,
            attempts: written.attempts,
            sampler: written.sampler,
            space,
            slurm: written.slurm,
            kubernetes: written.kubernetes,
        })
    }
}

/// A value that cannot be used, at its line.
pub(super) fn value_error(root: &Node, key: &[&str], reason: String) -> ConfigError {
    ConfigError::Value { place: root.place_at(key.iter().copied()).clone(), key: key.join("."), reason }
}

fn first_twice(seeds: &[u64]) -> Option<u64> {
    seeds.iter().enumerate().find(|(index, seed)| seeds[..*index].contains(seed)).map(|(_, seed)| *seed)
}
