//! The [`Env`] trait: one environment, Gymnasium semantics, no allocation per step.

use std::any::Any;

use telos_checkpoint::Checkpoint;
use telos_sim::Scene;

use crate::{EnvError, EnvSpec, Events, HiddenParameters, Privileges, branch};

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
/// same environment or into another one of the same spec; [`branch_from`](Env::branch_from) does so
/// without the bytes.
pub trait Env: Any + Checkpoint + Send {
    /// Spaces, time step and names.
    fn spec(&self) -> &EnvSpec;

    /// Starts an episode. `obs` has `spec().observation.size()` components.
    fn reset(&mut self, seed: u64, obs: &mut [f32]);

    /// Advances by one step of `spec().dt` seconds; writes the observation after it. Components of the
    /// action outside of their bounds are clamped, and a NaN counts as zero.
    ///
    /// # Panics
    /// When the action or the observation has another length than its space, which no implementation
    /// may take for granted. [`VecEnv::try_step`](crate::VecEnv::try_step) checks actions from elsewhere.
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

    /// The gold reward of reaching `achieved` when `desired` is asked for, both laid out as
    /// [`EnvSpec::goal`] says. It depends on nothing else, so hindsight may ask it about any pair.
    /// `None` where the task has no goals, or its reward does not follow from them.
    fn goal_reward(&self, _achieved: &[f32], _desired: &[f32]) -> Option<f32> {
        None
    }

    /// Takes over the state of `other`, an environment of the same spec, in the middle of its episode
    /// if need be. From then on both are bit-identical functions of their actions.
    ///
    /// The default goes through the bytes of a checkpoint; environments that can copy their state
    /// directly do so.
    ///
    /// # Errors
    /// When the specs differ or the state of `other` does not fit. This environment must then be reset.
    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        branch::through_bytes(self, other)
    }

    /// Incidents of the episode so far.
    fn events(&self) -> Events {
        Events::default()
    }

    /// What has gone wrong so far and goes wrong now, in words, for judges that read and for logs.
    fn diagnosis(&self) -> String {
        format!("so far {}", self.events())
    }

    /// The simulation behind the environment, to interfere with; `None` where there is none.
    fn privileges(&mut self) -> Option<&mut dyn Privileges> {
        None
    }

    /// What was drawn for this episode and no observation shows; `None` where nothing is.
    fn hidden(&self) -> Option<HiddenParameters> {
        None
    }

    /// Hash of everything that later results depend on: of the bytes of a checkpoint. Runs that
    /// should be bit-equal differ first where their hashes do; `telos envs hash` prints them.
    fn state_hash(&self) -> u64 {
        telos_checkpoint::fnv1a(&telos_checkpoint::to_bytes(self))
    }
}
