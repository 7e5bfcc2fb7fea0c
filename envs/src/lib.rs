//! Gymnasium-style environments: spaces, tasks, wrappers, parallel vector rollouts and trajectories.
//!
//! [`registry::make`] builds the tasks that telos brings along; anything that implements [`Env`]
//! runs beside them in a [`VecEnv`]. An environment of your own, complete:
//!
//! ```
//! use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
//! use telos_envs::{BoxSpace, Env, EnvSpec, TimeLimit, Transition, VecEnv};
//!
//! struct Rail { spec: EnvSpec, position: f32 }
//!
//! impl Env for Rail {
//!     fn spec(&self) -> &EnvSpec { &self.spec }
//!     fn reset(&mut self, seed: u64, obs: &mut [f32]) {
//!         self.position = if seed % 2 == 0 { -1.0 } else { 1.0 };
//!         obs[0] = self.position;
//!     }
//!     fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
//!         self.position += 0.1 * action[0].clamp(-1.0, 1.0);
//!         obs[0] = self.position;
//!         Transition { reward: (1.0 - self.position.abs()).max(0.0), ..Transition::default() }
//!     }
//!     fn factors(&self, out: &mut [f32]) { out[0] = (1.0 - self.position.abs()).max(0.0); }
//!     fn caption(&self) -> String { format!("the cart is at {:.1} m", self.position) }
//! }
//!
//! impl Checkpoint for Rail {
//!     fn save(&self, out: &mut Writer) { out.value("position", &self.position); }
//!     fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
//!         self.position = from.value("position")?;
//!         Ok(())
//!     }
//! }
//!
//! let spec = EnvSpec { id: "rail".into(), task: "Stop the cart at the mark.".into(),
//!     observation: BoxSpace::unbounded(1), action: BoxSpace::uniform(1, -1.0, 1.0),
//!     dt: 0.1, horizon: 20, factors: vec!["near".into()], can_terminate: false, goal: None };
//! let make = |_| Ok(Box::new(TimeLimit::new(Rail { spec: spec.clone(), position: 0.0 })) as Box<dyn Env>);
//! let mut envs = VecEnv::new(8, 2, 0, make)?;
//! let toward_the_mark: Vec<f32> = envs.reset().obs.iter().map(|x| -x).collect();
//! assert!(envs.step(&toward_the_mark).reward.iter().all(|reward| (reward - 0.1).abs() < 1e-6));
//! # Ok::<(), telos_envs::EnvError>(())
//! ```

mod batch;
mod boxed;
mod branch;
pub mod dataset;
mod env;
mod error;
mod events;
pub mod experts;
pub mod gymnasium;
mod privileges;
pub mod registry;
mod seed;
mod spec;
pub mod tasks;
mod trajectory;
mod vec_env;
mod wrappers;

pub use batch::StepBatch;
pub use env::{Env, Transition};
pub use error::EnvError;
pub use events::Events;
pub use privileges::{HiddenParameters, Privileges};
pub use seed::episode_seed;
pub use spec::{BoxSpace, EnvSpec, GoalSpec};
pub use tasks::captions;
pub use trajectory::{Origin, Segment, SegmentRef, SegmentView, TrajectoryStore};
pub use vec_env::VecEnv;
pub use wrappers::{
    ActionRepeat, GoalRegion, GoalRegionConfig, Photographed, Pixels, PixelsConfig, Randomization,
    RandomizationConfig, ResetFree, ResetFreeConfig, StackShape, SuccessFact, TimeLimit, UntilSuccess, View,
    Wrapping,
};
