//! Gymnasium-style environments: spaces, tasks, wrappers, parallel vector rollouts and trajectories.

mod env;
mod spec;

pub use env::{Env, Transition};
pub use spec::{BoxSpace, EnvSpec};
