//! Rewards from pictures and sentences, looked at before anything is trained by them, and the small
//! model that comes with telos.

mod audit;
mod caption;
mod measure;
mod preview;
mod sheet;
mod stage;
mod training;

pub use audit::{AuditConfig, Told, audit};
pub use measure::{PoseAuroc, Retrieval, VisionMeasure, measure};
pub(crate) use preview::check_page;
pub use preview::{Actor, Preview, PreviewConfig, Scorer, preview};
pub use training::{HELD_OUT, SEEN, VisionTraining, train_vision};
