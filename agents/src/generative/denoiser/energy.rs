//! A scalar whose gradient predicts the noise: the "bottleneck diffusion model" of Chen et al. 2024, "Aligning
//! Diffusion Behaviors with Q-functions for Efficient Continuous Control", arXiv 2407.09024, section 3.1. What a
//! chunk is worth to the policy can then be read off instead of estimated:
//!
//! g(a, t, s) = sigma_t log p_t(a | s) + constant,   eps = -grad_a g,   g = f_theta(a, t, s) - |a|^2 / 2
//!
//! The square is what g is where all is noise; the network f learns the rest. The gradient is written out layer by layer, so that it can itself be differentiated.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Activation, Device, Mlp, MlpConfig, NnError, Parameter, Parameters, Tensor, Var};

use super::{ChunkShape, Denoiser, MlpDenoiserConfig, infer_by, time_features};
use crate::{AgentError, error::require};

/// A multi-layer perceptron of the latent, the features of the time and the observation, with one output.
#[derive(Debug)]
pub struct EnergyDenoiser {
    shape: ChunkShape,
    time_features: usize,
    /// Its layers alone are used: the hidden ones.
    hidden: Mlp,
    /// `[units, 1]`. There is no bias, which no gradient would reach.
    head: Parameter,
    frozen: bool,
}

impl EnergyDenoiser {
    /// A network with weights drawn from `rng`.
    ///
    /// # Errors
    /// When a size makes no sense, or the nonlinearity is not SiLU: its derivative has to be smooth.
    pub fn new(
        config: &MlpDenoiserConfig,
        shape: ChunkShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, AgentError> {
        Self::validate(config)?;
        let (last, before) = config.hidden.split_last().expect("checked");
        let layers = MlpConfig {
            inputs: shape.width() + config.time_features + shape.obs,
            hidden: before.to_vec(),
            outputs: *last,
            ..MlpConfig::default()
        };
        let head = MlpConfig { inputs: *last, hidden: Vec::new(), outputs: 1, ..MlpConfig::default() };
        let head = Mlp::new("head", &head, rng, device)?;
        let weights = head.named()[0].1.flatten_all().and_then(|w| w.to_vec1()).map_err(NnError::from)?;
        Ok(Self {
            shape,
            time_features: config.time_features,
            hidden: Mlp::new("denoiser", &layers, rng, device)?,
            head: Parameter::new("denoiser.head", &[*last, 1], weights, device)?,
            frozen: false,
        })
    }

    /// # Errors
    /// [`AgentError::Config`] for what this network cannot have.
    pub fn validate(config: &MlpDenoiserConfig) -> Result<(), AgentError> {
        config.validate()?;
        require(!config.hidden.is_empty(), "generative.mlp.hidden", &config.hidden, "use at least 1 layer")?;
        let smooth = config.activation == Activation::Silu;
        require(smooth, "generative.mlp.activation", &config.activation, "an energy needs \"silu\"")
    }

    /// f `[b, 1]`, and the derivative `[b, units]` of each layer's output.
    fn ascend(
        &self,
        weights: &[Tensor],
        latents: &Tensor,
        times: &[f32],
        obs: &Tensor,
    ) -> Result<(Tensor, Vec<Tensor>), NnError> {
        let features = time_features(times, self.time_features, self.device())?;
        let mut x = Tensor::cat(&[latents, &features, obs], 1)?;
        let mut slopes = Vec::with_capacity(weights.len() / 2);
        for layer in weights[..weights.len() - 1].chunks_exact(2) {
            let sums = x.matmul(&layer[0])?.broadcast_add(&layer[1])?;
            let gate = (((&sums * 0.5)?.tanh()? + 1.0)? * 0.5)?;
            x = (&sums * &gate)?;
            // d/dh h sigmoid(h) = sigmoid(h) + y (1 - sigmoid(h)) with y = h sigmoid(h).
            slopes.push((&gate + (&x - (&x * &gate)?)?)?);
        }
        Ok((x.matmul(&weights[weights.len() - 1])?, slopes))
    }

    /// -grad g `[b, width]`.
    fn noise(
        &self,
        weights: &[Tensor],
        latents: &Tensor,
        times: &[f32],
        obs: &Tensor,
    ) -> Result<Tensor, NnError> {
        let (_, slopes) = self.ascend(weights, latents, times, obs)?;
        let mut gradient = weights[weights.len() - 1].t()?;
        for (layer, slope) in weights.chunks_exact(2).zip(&slopes).rev() {
            gradient = slope.broadcast_mul(&gradient)?.matmul(&layer[0].t()?)?;
        }
        Ok((latents - gradient.narrow(1, 0, self.shape.width())?)?)
    }

    fn weights(&self, frozen: bool) -> Vec<Tensor> {
        let tensor = |(_, var): (String, &Var)| {
            if frozen { var.as_detached_tensor() } else { var.as_tensor().clone() }
        };
        self.named().into_iter().map(tensor).collect()
    }
}

impl Denoiser for EnergyDenoiser {
    fn shape(&self) -> ChunkShape {
        self.shape
    }

    fn forward(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Result<Tensor, NnError> {
        self.noise(&self.weights(self.frozen), latents, times, obs)
    }

    fn energy(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Option<Result<Tensor, NnError>> {
        let energies = self.ascend(&self.weights(self.frozen), latents, times, obs);
        Some(energies.and_then(|(f, _)| Ok((f - (latents.sqr()?.sum_keepdim(1)? * 0.5)?)?)))
    }

    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        obs: &[f32],
        _: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError> {
        let weights = self.weights(true);
        let network =
            |latents: &Tensor, times: &[f32], obs: &Tensor| self.noise(&weights, latents, times, obs);
        infer_by(network, (self.shape, self.device()), (latents, time, obs), prediction)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(Self { hidden: self.hidden.deep_clone()?, head: self.head.deep_clone()?, frozen: true, ..*self })
    }

    fn device(&self) -> &Device {
        self.hidden.device()
    }
}

/// Weights and biases in turn, from input to output; the head last.
impl Parameters for EnergyDenoiser {
    fn named(&self) -> Vec<(String, &Var)> {
        let mut named = self.hidden.named();
        named.extend(self.head.named());
        named
    }
}
