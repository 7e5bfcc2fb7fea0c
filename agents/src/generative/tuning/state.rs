//! The learner as a policy, as weights and as durable state.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Parameters, Var, weights};

use super::Tuner;
use crate::{ActMode, AgentError, Policy};

impl Policy for Tuner {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.actor.act(obs, rows, mode, actions)
    }

    fn episode_ended(&mut self, row: usize) {
        self.actor.episode_ended(row);
    }
}

/// The policy's weights, and those of what starts it.
impl Parameters for Tuner {
    fn named(&self) -> Vec<(String, &Var)> {
        let mut named = self.actor.policy().named();
        named.extend(self.actor.start().into_iter().flat_map(Parameters::named));
        named
    }
}

/// Between rollouts; one under way is not part of the state.
impl Checkpoint for Tuner {
    fn save(&self, out: &mut Writer) {
        out.part("actor", &self.actor);
        weights::save_values(&self.reference, out);
        out.part("optimizer", &self.optimizer);
        out.part("value", &self.value);
        if let Some(critic) = &self.critic {
            out.part("critic", critic);
        }
        if let Some(spin) = &self.spin {
            weights::save_values(spin, out);
        }
        out.part("scaler", &self.scaler);
        out.value("updates", &self.updates);
        out.value("act_rng", &self.act_rng);
        out.value("update_rng", &self.update_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("actor", &mut self.actor)?;
        weights::load_values(&self.reference, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        from.part("value", &mut self.value)?;
        if let Some(critic) = &mut self.critic {
            from.part("critic", critic)?;
        }
        if let Some(spin) = &self.spin {
            weights::load_values(spin, from)?;
        }
        from.part("scaler", &mut self.scaler)?;
        self.updates = from.value("updates")?;
        self.act_rng = from.value("act_rng")?;
        self.update_rng = from.value("update_rng")?;
        Ok(())
    }
}
