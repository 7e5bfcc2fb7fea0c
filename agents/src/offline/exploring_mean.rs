//! A network `tanh(mu_phi(s))` that acts with Gaussian noise where it explores: what the deterministic
//! and the Gaussian actor share.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Activation, Device, Mlp, MlpConfig, NnError, gaussian};

use crate::{ActMode, ActionRange, AgentError};

pub(super) struct ExploringMean {
    pub(super) net: Mlp,
    /// Of its own, so that how often one acts does not change how one learns.
    pub(super) act_rng: Xoshiro256PlusPlus,
    noise: Vec<f32>,
}

/// The shape of `tanh(mu_phi(s))`.
pub(super) fn shape((inputs, outputs): (usize, usize), hidden: &[usize]) -> MlpConfig {
    let output_activation = Activation::Tanh;
    MlpConfig { inputs, hidden: hidden.to_vec(), outputs, output_activation, ..MlpConfig::default() }
}

impl ExploringMean {
    /// Draws the weights from `rng`; `sizes` are those of observations and actions.
    pub(super) fn new(
        sizes: (usize, usize),
        hidden: &[usize],
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut act_rng = rng.clone();
        act_rng.jump();
        Ok(Self { net: Mlp::new("actor", &shape(sizes, hidden), rng, device)?, act_rng, noise: Vec::new() })
    }

    /// As [`Policy::act`](crate::Policy::act), for actions within `range`. `deviation` is that of the
    /// noise, of actions in [-1, 1]: one number for all components, or one for each.
    pub(super) fn act(
        &mut self,
        deviation: &[f32],
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
            let deviation = deviation.iter().cycle();
            for ((action, noise), deviation) in actions.iter_mut().zip(&self.noise).zip(deviation) {
                *action += deviation * noise;
            }
        }
        range.to_env(actions);
        Ok(())
    }
}
