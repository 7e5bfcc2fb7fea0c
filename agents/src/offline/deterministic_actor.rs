//! The actor of TD3, `a = tanh(mu_phi(s))`, with Gaussian noise on it where it explores.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Activation, Adam, AdamConfig, Device, Mlp, MlpConfig, NnError, Parameters, Tensor, Var, gaussian, weights,
};

use crate::{ActMode, ActionRange, AgentError};

pub(super) struct DeterministicActor {
    net: Mlp,
    optimizer: Adam,
    /// Deviation of the noise when sampling, of actions in [-1, 1].
    exploration_noise: f32,
    act_rng: Xoshiro256PlusPlus,
    noise: Vec<f32>,
}

impl DeterministicActor {
    /// Draws the weights from `rng`.
    pub(super) fn new(
        (obs_size, action_size): (usize, usize),
        hidden: &[usize],
        lr: f64,
        exploration_noise: f32,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut act_rng = rng.clone();
        act_rng.jump();
        let shape = MlpConfig {
            inputs: obs_size,
            hidden: hidden.to_vec(),
            outputs: action_size,
            output_activation: Activation::Tanh,
            ..MlpConfig::default()
        };
        let net = Mlp::new("actor", &shape, rng, device)?;
        let optimizer = Adam::new(&net, AdamConfig { lr, ..AdamConfig::default() })?;
        Ok(Self { net, optimizer, exploration_noise, act_rng, noise: Vec::new() })
    }

    /// pi(s), `[b, act]`, differentiable in the weights.
    pub(super) fn actions(&self, obs: &Tensor) -> Result<Tensor, NnError> {
        self.net.forward(obs)
    }

    /// One step of the weights down `loss`; returns it.
    pub(super) fn descend(&mut self, loss: &Tensor) -> Result<f32, NnError> {
        self.optimizer.backward_step(loss)?;
        Ok(loss.to_scalar()?)
    }

    pub(super) fn net(&self) -> &Mlp {
        &self.net
    }

    /// As [`Policy::act`](crate::Policy::act), for actions within `range`.
    pub(super) fn act(
        &mut self,
        range: &ActionRange,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        AgentError::check_length("actions", actions.len(), rows * range.size())?;
        self.net.infer(obs, rows, actions)?;
        if mode == ActMode::Sample {
            self.noise.resize(actions.len(), 0.0);
            gaussian::standard_normal(&mut self.act_rng, &mut self.noise);
            for (action, noise) in actions.iter_mut().zip(&self.noise) {
                *action += self.exploration_noise * noise;
            }
        }
        range.to_env(actions);
        Ok(())
    }
}

impl Parameters for DeterministicActor {
    fn named(&self) -> Vec<(String, &Var)> {
        self.net.named()
    }
}

impl Checkpoint for DeterministicActor {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("optimizer", &self.optimizer);
        out.value("act_rng", &self.act_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        self.act_rng = from.value("act_rng")?;
        Ok(())
    }
}
