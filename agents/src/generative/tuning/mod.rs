//! Fine-tuning a generative policy with rewards: one learner around every method.

mod config;
mod critic;
mod losses;
mod rollout;
mod state;
mod steered;
mod tuner;
mod value;

pub use config::{Judge, TuningConfig, TuningMethod};
pub use steered::{Steered, Steering};
pub use tuner::Tuner;
