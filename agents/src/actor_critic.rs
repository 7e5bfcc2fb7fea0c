//! An actor and the critics that judge it: what most learners consist of, however they improve it.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Parameters, Var};

use crate::{
    ActMode, ActionRange, AgentError, Policy, critics::Critics, offline::Agent, transitions::TransitionReader,
};

/// What chooses actions in an [`ActorCritic`].
pub(crate) trait Actor: Parameters + Checkpoint {
    /// As [`Policy::act`], for actions within `range`.
    fn act(
        &mut self,
        range: &ActionRange,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError>;
}

/// pi and Q_1 ... Q_N with their targets, for environments that `reader` knows.
pub(crate) struct ActorCritic<A> {
    pub(crate) reader: TransitionReader,
    pub(crate) actor: A,
    pub(crate) critics: Critics,
}

impl<A: Actor> Policy for ActorCritic<A> {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.actor.act(self.reader.range(), obs, rows, mode, actions)
    }
}

impl<A: Actor> Agent for ActorCritic<A> {
    fn gamma(&self) -> f32 {
        self.reader.gamma()
    }

    fn obs_size(&self) -> usize {
        self.reader.obs_size()
    }

    fn values(&mut self, obs: &[f32], actions: &[f32], out: &mut [f32]) -> Result<bool, AgentError> {
        self.critics.least_values(self.reader.join(obs, actions)?, out)?;
        Ok(true)
    }
}

impl<A: Actor> Parameters for ActorCritic<A> {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 2] = [&self.actor, &self.critics];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl<A: Actor> Checkpoint for ActorCritic<A> {
    fn save(&self, out: &mut Writer) {
        out.part("actor", &self.actor);
        out.part("critics", &self.critics);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("actor", &mut self.actor)?;
        from.part("critics", &mut self.critics)
    }
}
