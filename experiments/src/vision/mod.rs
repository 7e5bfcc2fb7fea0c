//! Rewards from pictures and sentences, looked at before anything is trained by them.

mod preview;
mod sheet;

pub(crate) use preview::check_page;
pub use preview::{Actor, Preview, PreviewConfig, Scorer, preview};
