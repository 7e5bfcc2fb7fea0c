//! The [`Env`] trait: one environment, Gymnasium semantics, no allocation per step.

use telos_checkpoint::Checkpoint;
use telos_sim::Scene;

use crate::EnvSpec;

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
/// captures the state in the middle of an episode, `from_bytes` restores it bit-exactly, into the
/// same environment or, to branch, into another one of the same spec.
pub trait Env: Checkpoint + Send {
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

    /// The state in words, for judges that read.
    fn caption(&self) -> String;

    /// What a camera would see; `None` for environments without bodies.
    fn scene(&self) -> Option<Scene> {
        None
    }
}
