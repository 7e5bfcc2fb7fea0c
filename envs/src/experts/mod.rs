//! Scripted experts: policies written by hand that solve a task, as proof that it can be solved and
//! as a source of demonstrations.
//!
//! Of 100 seeded episodes per task, all end in a success: reacher, the six arm tasks, both point mazes
//! and the T-block (`telos expert ID --episodes 100` prints the share and the returns). The legged robots, the ant mazes among them, have no scripted expert.
//!
//! ```
//! use telos_envs::registry;
//!
//! let mut env = registry::make("reacher")?;
//! let expert = registry::expert("reacher").expect("the reacher has one");
//! let (mut obs, mut action) = ([0.0; 7], [0.0; 2]);
//! env.reset(0, &mut obs);
//! for _ in 0..200 {
//!     expert.act(&obs, &mut action);
//!     env.step(&action, &mut obs);
//! }
//! assert_eq!(env.success(), Some(true));
//! # Ok::<(), telos_envs::EnvError>(())
//! ```

mod arm;
mod point_maze;
mod push_t;
mod reacher;

use crate::tasks::maze::layout::{MEDIUM, UMAZE};

/// A policy that knows how its task is solved.
///
/// It is a function of the observation alone: it has no memory to reset or to checkpoint, and one
/// expert serves all environments of a batch.
pub trait Expert: Send + Sync {
    /// Writes the action, each component in [-1, 1], for one observation of the task.
    fn act(&self, obs: &[f32], action: &mut [f32]);
}

/// The expert of a task.
pub(crate) fn of(id: &str) -> Option<Box<dyn Expert>> {
    Some(match id {
        "arm-reach" => Box::new(arm::Reach),
        "arm-push" => Box::new(arm::Push),
        "arm-lift" => Box::new(arm::Lift),
        "arm-pick-place" => Box::new(arm::PickPlace),
        "arm-drawer-open" => Box::new(arm::DrawerOpen),
        "arm-button-press" => Box::new(arm::ButtonPress),
        "point-maze-umaze" => Box::new(point_maze::PointMaze::new(UMAZE)),
        "point-maze-medium" => Box::new(point_maze::PointMaze::new(MEDIUM)),
        "push-t" => Box::new(push_t::PushT),
        "reacher" => Box::new(reacher::Reacher),
        _ => return None,
    })
}
