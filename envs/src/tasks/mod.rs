//! The tasks that telos brings along, one file each, and the parts to write more of them.
//!
//! A robot of your own is a [`RobotTask`] over a [`telos_sim::Model`], in a [`RobotEnv`].

mod arm;
mod cartpole_swingup;
mod cheetah_run;
mod hopper_hop;
mod maze;
mod pendulum_classic;
mod pendulum_swingup;
mod phrases;
mod placement;
mod planar;
pub(crate) mod push_t;
mod reacher;
mod robot_env;
mod tolerance;
mod walker_walk;

pub(crate) use arm::{ARM, STRIDE as ARM_STRIDE};
pub use arm::{ArmButtonPress, ArmDrawerOpen, ArmLift, ArmPickPlace, ArmPush, ArmReach};
pub use cartpole_swingup::CartpoleSwingup;
pub use cheetah_run::CheetahRun;
pub use hopper_hop::HopperHop;
pub use maze::PointMaze;
pub(crate) use maze::{
    layout::{Layout, MEDIUM, Maze, UMAZE},
    point::CELL as POINT_CELL,
};
pub use pendulum_classic::PendulumClassic;
pub use pendulum_swingup::PendulumSwingup;
pub use push_t::PushT;
pub use reacher::Reacher;
pub use robot_env::{RobotEnv, RobotTask, TaskSpec};
pub use tolerance::{Sigmoid, Tolerance};
pub use walker_walk::WalkerWalk;
