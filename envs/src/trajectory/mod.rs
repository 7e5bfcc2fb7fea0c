//! Recorded behaviour: episodes of many environments and the segments that people compare.

mod origin;
mod segment;
mod store;

pub use origin::Origin;
pub use segment::{Segment, SegmentRef, SegmentView};
pub use store::TrajectoryStore;
