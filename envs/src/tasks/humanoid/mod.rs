//! A person with 21 motors: stands, walks, and takes poses.

mod figure;
mod gait;
mod pose_task;
pub mod poses;
pub(super) mod postures;

pub use figure::Figure;
pub use gait::Gait;
pub use pose_task::Posing;
pub use poses::Pose;

/// Seconds per environment step of all tasks of the humanoid.
const DT: f32 = 0.03;
/// Radians to either side of x that the humanoid may look at the start.
const HEADING: f32 = 0.3;
