//! The perceptron.

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_nn::{Activation, Device, Mlp, MlpConfig, NnError, Parameters, Tensor, Var};

use super::{ChunkShape, Denoiser, check_time_features, time_features};
use crate::{AgentError, error::require, generative::time_embedding};

/// Sizes of an [`MlpDenoiser`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpDenoiserConfig {
    /// Units of each hidden layer. Default `[256, 256, 256]` (DPPO has three of 512 for Gym tasks).
    pub hidden: Vec<usize>,
    /// Nonlinearity. Default SiLU (DPPO has Mish, a function of almost the same shape).
    pub activation: Activation,
    /// Features of the noise level, even. Default 16 (DPPO).
    pub time_features: usize,
}

impl Default for MlpDenoiserConfig {
    fn default() -> Self {
        Self { hidden: vec![256; 3], activation: Activation::Silu, time_features: 16 }
    }
}

impl MlpDenoiserConfig {
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        check_time_features("generative.mlp.time_features", self.time_features)?;
        require(!self.hidden.contains(&0), "generative.mlp.hidden", &self.hidden, "use at least 1 unit")
    }
}

/// A multi-layer perceptron of the latent, the features of the time and the observation.
#[derive(Debug)]
pub struct MlpDenoiser {
    shape: ChunkShape,
    time_features: usize,
    mlp: Mlp,
    frozen: bool,
}

impl MlpDenoiser {
    /// A network with weights drawn from `rng`.
    ///
    /// # Errors
    /// When a size makes no sense.
    pub fn new(
        config: &MlpDenoiserConfig,
        shape: ChunkShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        let features = config.time_features;
        let layers = MlpConfig {
            inputs: shape.width() + features + shape.obs,
            hidden: config.hidden.clone(),
            outputs: shape.width(),
            activation: config.activation,
            ..MlpConfig::default()
        };
        let mlp = Mlp::new("denoiser", &layers, rng, device)?;
        Ok(Self { shape, time_features: features, mlp, frozen: false })
    }
}

impl Denoiser for MlpDenoiser {
    fn shape(&self) -> ChunkShape {
        self.shape
    }

    fn forward(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Result<Tensor, NnError> {
        let features = time_features(times, self.time_features, self.device())?;
        let input = Tensor::cat(&[latents, &features, obs], 1)?;
        if self.frozen { self.mlp.forward_frozen(&input) } else { self.mlp.forward(&input) }
    }

    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        obs: &[f32],
        scratch: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError> {
        let (width, features) = (self.shape.width(), self.time_features);
        let rows = latents.len() / width;
        scratch.resize(rows * self.mlp.inputs(), 0.0);
        for (i, row) in scratch.chunks_exact_mut(self.mlp.inputs()).enumerate() {
            row[..width].copy_from_slice(&latents[i * width..][..width]);
            time_embedding::embed(time, &mut row[width..width + features]);
            row[width + features..].copy_from_slice(&obs[i * self.shape.obs..][..self.shape.obs]);
        }
        self.mlp.infer(scratch, rows, prediction)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(Self { mlp: self.mlp.deep_clone()?, frozen: true, ..*self })
    }

    fn device(&self) -> &Device {
        self.mlp.device()
    }
}

impl Parameters for MlpDenoiser {
    fn named(&self) -> Vec<(String, &Var)> {
        self.mlp.named()
    }
}
