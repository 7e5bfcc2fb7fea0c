//! The tasks that telos brings along, one file per robot, and the parts to write more of them.
//!
//! A robot of your own is a [`RobotTask`] over a [`telos_sim::Model`], in a [`RobotEnv`].

mod acrobot;
mod ant;
pub(crate) mod arm;
pub mod captions;
mod cartpole;
mod cheetah_run;
mod effort;
mod event_counter;
mod free_root;
mod hopper;
pub mod humanoid;
pub(crate) mod maze;
mod pendulum_classic;
mod pendulum_swingup;
mod phrases;
mod placement;
mod planar;
pub(crate) mod push_t;
mod quadruped;
mod reacher;
mod robot_env;
mod tolerance;
mod walker;

pub use acrobot::Acrobot;
pub use ant::Ant;
pub use arm::{
    Arm, ArmButtonPress, ArmDrawerOpen, ArmLift, ArmPickPlace, ArmPush, ArmReach, ArmTask, TableTask,
};
pub use cartpole::Cartpole;
pub use cheetah_run::CheetahRun;
pub use hopper::Hopper;
pub use maze::{AntMaze, PointMaze};
pub use pendulum_classic::PendulumClassic;
pub use pendulum_swingup::PendulumSwingup;
pub use push_t::PushT;
pub use quadruped::Quadruped;
pub use reacher::Reacher;
pub use robot_env::{RobotEnv, RobotTask, TaskSpec};
pub use tolerance::{Sigmoid, Tolerance};
pub use walker::Walker;
