//! Rewards from pictures and sentences.
//!
//! A [`VisionLanguageModel`] puts pictures and sentences into one space. Where a picture lies in it,
//! relative to the sentence that says what is wanted, is a reward: [`GoalBaseline`] (VLM-RM), and
//! [`Contrast`] for several sentences of which one is wanted.
//!
//! [`Clip`] reads the models of the CLIP family from a directory in Hugging Face's layout; [`open`]
//! falls back on a small one that comes with telos. [`SentenceReward`] is all of it behind one
//! configuration, and [`similarity`] one number for one picture.

pub mod clip;

mod contrast;
mod embedded;
mod embedding;
mod goal_baseline;
mod model;
mod sentence;

pub use clip::Clip;
pub use contrast::{Contrast, ContrastConfig};
pub use embedded::open;
pub use goal_baseline::{GoalBaseline, GoalBaselineConfig};
pub use model::{Frames, VisionLanguageModel};
pub use sentence::{ClipConfig, SentenceConfig, SentenceReward, similarity};
