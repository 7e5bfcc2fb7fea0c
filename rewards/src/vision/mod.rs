//! Rewards from pictures and sentences.
//!
//! A [`VisionLanguageModel`] puts pictures and sentences into one space. Where a picture lies in it,
//! relative to the sentence that says what is wanted, is a reward: [`GoalBaseline`] (VLM-RM), and
//! [`Contrast`] for several sentences of which one is wanted.
//!
//! [`Clip`] reads the models of the CLIP family from a directory in Hugging Face's layout.

pub mod clip;

mod contrast;
mod embedding;
mod goal_baseline;
mod model;

pub use clip::Clip;
pub use contrast::{Contrast, ContrastConfig};
pub use goal_baseline::{GoalBaseline, GoalBaselineConfig};
pub use model::{Frames, VisionLanguageModel};
