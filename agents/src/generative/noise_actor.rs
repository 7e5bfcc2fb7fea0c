//! Learning where to start: Chen et al. 2024, "FIND: Fine-tuning Initial Noise Distribution with Policy
//! Optimization for Diffusion Models", arXiv 2407.19453. The denoiser stays frozen; to a learner the whole
//! chain is one step of the environment, and its action is the first latent:
//!
//! L = -E min(rho A, clip(rho, 1 - eps, 1 + eps) A) + beta KL(N(mu_phi(s), sigma_phi(s)^2) || N(0, 1))
//!
//! with rho the ratio of the latent's probability to that under the actor which drew it, so that a batch can be
//! used more than once. The divergence keeps latents where the denoiser was trained. Sample with eta = 0:
//! otherwise later noise drowns the first.

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Device, Init, Mlp, MlpConfig, NnError, Parameters, Tensor, Var, gaussian};

use super::{ChunkShape, dpok::clipped_gain};
use crate::AgentError;

/// Bounds on the log standard deviation: latents neither collapse nor leave the shell of the noise.
const LOG_STD: (f64, f64) = (-3.0, 0.5);

/// Settings of a [`NoiseActor`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseActorConfig {
    /// Units of each hidden layer. Default `[256, 256]`.
    pub hidden: Vec<usize>,
    /// eps. Default 0.2 (PPO; the paper's value is not published as code).
    pub clip: f64,
    /// beta: weight of the divergence from the standard normal. Default 0.01.
    pub beta: f64,
}

impl Default for NoiseActorConfig {
    fn default() -> Self {
        Self { hidden: vec![256, 256], clip: 0.2, beta: 0.01 }
    }
}

/// A Gaussian over first latents, as a function of the observation; at first about the standard normal.
#[derive(Debug)]
pub struct NoiseActor {
    config: NoiseActorConfig,
    shape: ChunkShape,
    /// Observation -> means and log standard deviations of the latent.
    mlp: Mlp,
}

impl NoiseActor {
    /// An actor for policies of this shape.
    ///
    /// # Errors
    /// When a size is zero.
    pub fn new(
        config: &NoiseActorConfig,
        shape: ChunkShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let layers = MlpConfig {
            inputs: shape.obs,
            hidden: config.hidden.clone(),
            outputs: 2 * shape.width(),
            init: Init::Orthogonal { hidden_gain: 1.0, output_gain: 0.01 },
            ..MlpConfig::default()
        };
        Ok(Self { config: config.clone(), shape, mlp: Mlp::new("noise_actor", &layers, rng, device)? })
    }

    /// Draws latents `[rows, width]` for observations `[rows, obs]`: the start of a
    /// [chain](super::Chain::begin). Returns their log-probabilities `[rows]`.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn draw(
        &self,
        obs: &[f32],
        rng: &mut Xoshiro256PlusPlus,
        latents: &mut [f32],
    ) -> Result<Tensor, AgentError> {
        let rows = latents.len() / self.shape.width();
        AgentError::check_length("obs", obs.len(), rows * self.shape.obs)?;
        let tensor = |values: &[f32], width: usize| -> Result<Tensor, NnError> {
            Ok(Tensor::from_slice(values, (rows, width), self.mlp.device())?)
        };
        let obs = tensor(obs, self.shape.obs)?;
        let (mean, log_std) = self.law(&self.mlp.forward_frozen(&obs)?)?;
        gaussian::standard_normal(rng, latents);
        let drawn = reparameterised(&mean, &log_std, &tensor(latents, self.shape.width())?)?;
        latents
            .copy_from_slice(&drawn.flatten_all().and_then(|t| t.to_vec1::<f32>()).map_err(NnError::from)?);
        Ok(gaussian::log_prob(&mean, &log_std, &drawn)?)
    }

    /// Writes the most likely latents `[rows, width]` for observations `[rows, obs]`.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn choose(&self, obs: &[f32], latents: &mut [f32]) -> Result<(), AgentError> {
        let rows = latents.len() / self.shape.width();
        AgentError::check_length("obs", obs.len(), rows * self.shape.obs)?;
        let mut law = vec![0.0; rows * 2 * self.shape.width()];
        self.mlp.infer(obs, rows, &mut law)?;
        let rows = latents.chunks_exact_mut(self.shape.width()).zip(law.chunks_exact(2 * self.shape.width()));
        rows.for_each(|(latent, law)| latent.copy_from_slice(&law[..latent.len()]));
        Ok(())
    }

    /// The loss, a scalar, of latents `[b, width]` that were drawn with these log-probabilities `[b]` and had
    /// these advantages `[b]`: rewards of their chunks less a baseline.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        obs: &Tensor,
        latents: &Tensor,
        behaviour: &Tensor,
        advantages: &Tensor,
    ) -> Result<Tensor, NnError> {
        let (mean, log_std) = self.law(&self.mlp.forward(obs)?)?;
        let ratio = (gaussian::log_prob(&mean, &log_std, latents)? - behaviour)?.exp()?;
        let clipped = ratio.clamp(1.0 - self.config.clip, 1.0 + self.config.clip)?;
        let gain = clipped_gain(&ratio, advantages, &clipped)?.mean_all()?;
        let variance = (&log_std * 2.0)?.exp()?;
        let kl = ((mean.sqr()? + variance)?.affine(0.5, -0.5)? - log_std)?.sum(1)?.mean_all()?;
        Ok(((kl * self.config.beta)? - gain)?)
    }

    /// Means and log standard deviations, each `[b, width]`.
    fn law(&self, output: &Tensor) -> Result<(Tensor, Tensor), NnError> {
        let width = self.shape.width();
        let log_std = output.narrow(1, width, width)?.clamp(LOG_STD.0, LOG_STD.1)?;
        Ok((output.narrow(1, 0, width)?, log_std))
    }
}

fn reparameterised(mean: &Tensor, log_std: &Tensor, noise: &Tensor) -> Result<Tensor, NnError> {
    Ok((mean + (log_std.exp()? * noise)?)?)
}

impl Parameters for NoiseActor {
    fn named(&self) -> Vec<(String, &Var)> {
        self.mlp.named()
    }
}

impl Checkpoint for NoiseActor {
    fn save(&self, out: &mut Writer) {
        self.mlp.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.mlp.load(from)
    }
}
