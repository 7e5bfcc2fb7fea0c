//! The [`Env`] trait: one environment, Gymnasium semantics, no allocation per step.

use std::any::Any;

use telos_checkpoint::Checkpoint;
use telos_sim::Scene;

use crate::{EnvError, EnvSpec};

/// What one step reports beside the observation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transition {
    /// The gold reward, in [0, 1] for every task of telos itself.
    pub reward: f32,
    /// The episode ended because of the state: there is no future to bootstrap from.
    pub terminated: bool,
    /// The episode was cut off by the clock: the future exists but will not be seen.
    pub truncated: bool,
    /// The simulation failed (NaN or runaway state). Always comes with `terminated`; the
    /// observation is the last sound one.
    pub fault: bool,
}

/// One environment.
///
/// An implementation must be a deterministic function of the seed given to [`reset`](Env::reset)
/// and of the actions since. [`Checkpoint`] is also its snapshot: `telos_checkpoint::to_bytes`
/// captures the state in the middle of an episode, `from_bytes` restores it bit-exactly.
/// [`branch_from`](Env::branch_from) does the same between two environments in one go.
pub trait Env: Checkpoint + Send + Any {
    /// Spaces, time step and names.
    fn spec(&self) -> &EnvSpec;

    /// Starts an episode. `obs` has `spec().observation.size()` components.
    fn reset(&mut self, seed: u64, obs: &mut [f32]);

    /// Advances by one step of `spec().dt` seconds; writes the observation after it.
    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition;

    /// The named terms of the last transition, in the order of `spec().factors`, each in [0, 1].
    fn factors(&self, out: &mut [f32]);

    /// Whether the state solves the task; `None` where the task has no such notion.
    fn success(&self) -> Option<bool> {
        None
    }

    /// Takes over the state of another environment of the same spec, bit for bit, in the middle of an
    /// episode or not: planners and comparisons of actions start from it.
    ///
    /// Implementations may be faster than the default, which writes and reads a snapshot.
    ///
    /// # Errors
    /// When the specs differ.
    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        check_same_spec(self.spec(), other.spec())?;
        telos_checkpoint::from_bytes(self, &telos_checkpoint::to_bytes(other))
            .map_err(|error| EnvError::Branch { id: self.spec().id.clone(), reason: error.to_string() })
    }

    /// The state in words, for judges that read.
    fn caption(&self) -> String;

    /// What a camera would see; `None` for environments without bodies.
    fn scene(&self) -> Option<Scene> {
        None
    }
}

/// Refuses to branch between environments of different specs.
pub(crate) fn check_same_spec(own: &EnvSpec, other: &EnvSpec) -> Result<(), EnvError> {
    if own == other {
        return Ok(());
    }
    let reason = format!("it is not of the same spec as `{}`; build both by one constructor", other.id);
    Err(EnvError::Branch { id: own.id.clone(), reason })
}
