//! Experiment configurations: TOML text to a checked [`Config`], and back.
//!
//! A configuration names what it changes; every other key has the documented default. Unknown keys,
//! wrong types and values out of range are errors that name the file and line. An optional value is
//! switched off by `"none"`.
//!
//! ```
//! use telos::config::Config;
//!
//! let text = "learner = 'sac'\n[env]\nid = 'pendulum-classic'\n[sac]\ncritc_lr = 1e-3\n";
//! let error = Config::parse("my.toml", text, &[]).unwrap_err();
//! assert!(error.to_string().starts_with("my.toml:5: unknown key `critc_lr` in [sac]; did you mean"));
//! ```

mod deserialize;
mod environment;
mod error;
mod experiment;
mod generative;
mod kinds;
mod likelihood;
mod pixels;
mod preferences;
mod reading;
mod recorded;
mod resolved;
mod success;
mod suggestion;
mod tree;
mod validation;

pub(crate) use deserialize::from_tree;
pub use error::ConfigError;
pub use experiment::{
    CheckpointConfig, ComparisonConfig, Config, EnvConfig, EvaluationConfig, ParallelConfig, RewardConfig,
    TrainingConfig,
};
pub use generative::BaseConfig;
pub use kinds::{LearnerKind, LoopKind};
pub use likelihood::LikelihoodLoopConfig;
pub use preferences::{PreferencesConfig, PriorConfig};
pub use recorded::{CollapseConfig, DataConfig, FineTuningConfig, LabelKind};
pub use resolved::Difference;
pub use success::SuccessConfig;
pub use tree::Place;
pub(crate) use tree::{Node, parse_file};
