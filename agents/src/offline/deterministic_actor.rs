//! The actor of TD3, `a = tanh(mu_phi(s))`, with Gaussian noise on it where it explores.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Adam, AdamConfig, Device, Mlp, NnError, Parameters, Tensor, Var, weights};

use super::exploring_mean::ExploringMean;
use crate::{ActMode, ActionRange, AgentError, actor_critic::Actor};

pub(super) struct DeterministicActor {
    mean: ExploringMean,
    optimizer: Adam,
    /// Deviation of the noise when sampling, of actions in [-1, 1].
    exploration_noise: f32,
}

impl DeterministicActor {
    /// Draws the weights from `rng`; `sizes` are those of observations and actions.
    pub(super) fn new(
        sizes: (usize, usize),
        hidden: &[usize],
        lr: f64,
        exploration_noise: f32,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mean = ExploringMean::new(sizes, hidden, rng, device)?;
        let optimizer = Adam::new(&mean.net, AdamConfig { lr, ..AdamConfig::default() })?;
        Ok(Self { mean, optimizer, exploration_noise })
    }

    /// pi(s), `[b, act]`, differentiable in the weights.
    pub(super) fn actions(&self, obs: &Tensor) -> Result<Tensor, NnError> {
        self.mean.net.forward(obs)
    }

    /// One step of the weights down `loss`; returns it.
    pub(super) fn descend(&mut self, loss: &Tensor) -> Result<f32, NnError> {
        self.optimizer.backward_step(loss)?;
        Ok(loss.to_scalar()?)
    }

    pub(super) fn net(&self) -> &Mlp {
        &self.mean.net
    }
}

impl Actor for DeterministicActor {
    fn act(
        &mut self,
        range: &ActionRange,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.mean.act(&[self.exploration_noise], range, obs, rows, mode, actions)
    }
}

impl Parameters for DeterministicActor {
    fn named(&self) -> Vec<(String, &Var)> {
        self.mean.net.named()
    }
}

impl Checkpoint for DeterministicActor {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("optimizer", &self.optimizer);
        out.value("act_rng", &self.mean.act_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        self.mean.act_rng = from.value("act_rng")?;
        Ok(())
    }
}
