//! LeRobot, version 3: `meta/info.json`, and Parquet files with many episodes each.
//!
//! LeRobot has no observation after the last action, and does not tell a task that ended from one that was
//! cut off. telos keeps both in columns of its own of the table of episodes, which LeRobot ignores.

mod footage;
mod read;
mod write;

pub use footage::{Footage, OpenReel, Reel};
pub use read::import;
pub use write::{Film, export};

/// The observation of a robot's state.
const STATE: &str = "observation.state";
/// What the robot did.
const ACTION: &str = "action";
const REWARD: &str = "next.reward";
const SUCCESS: &str = "next.success";
/// Pictures of the whole scene.
const CAMERA: &str = "observation.images.camera";
/// Reward terms; a feature of telos.
const FACTORS: &str = "next.factors";
/// Columns of telos in the table of episodes.
const FINAL_STATE: &str = "telos/final_state";
const TERMINATED: &str = "telos/terminated";
