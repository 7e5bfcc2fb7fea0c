//! Where behaviour was recorded, for teachers that look at it again.

use std::sync::Arc;

use telos_envs::{Env, EnvError};

/// What [`Stage`] makes environments with.
type Make = dyn Fn() -> Result<Box<dyn Env>, EnvError> + Send + Sync;

/// Environments like those that a run steps, in which an [`Origin`](telos_envs::Origin) can be lived
/// through again. Copies may be used by several threads, which make environments of their own.
#[derive(Clone)]
pub struct Stage {
    make: Arc<Make>,
    seed: u64,
}

impl Stage {
    /// A stage of the environments that `make` makes, whose vector had the seed `seed`.
    pub fn new(seed: u64, make: impl Fn() -> Result<Box<dyn Env>, EnvError> + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), seed }
    }

    /// A new environment.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn env(&self) -> Result<Box<dyn Env>, EnvError> {
        (self.make)()
    }

    /// Seed of the vector of environments.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}
