//! The temporal U-Net: Chi et al. 2023, "Diffusion Policy", arXiv 2303.04137, section 3.1.

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_nn::{
    Activation, Device, Mlp, MlpConfig, NnError, Parameters, TemporalUnet, TemporalUnetConfig, Tensor, Var,
};

use super::{ChunkShape, Denoiser, check_time_features, infer_by, time_features};
use crate::{AgentError, error::require};

/// Sizes of a [`UnetDenoiser`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnetDenoiserConfig {
    /// Channels of each level; every level after the first halves the length of the chunk, which must allow it.
    /// Default `[64, 128, 256]` (the paper: 256, 512, 1024).
    pub channels: Vec<usize>,
    /// Actions that a convolution sees, odd. Default 5 (the paper).
    pub kernel: usize,
    /// Groups of channels that are normalised together. Default 8 (the paper).
    pub groups: usize,
    /// Features of the noise level, even. Default 64 (the paper: 128 or 256, with its wider network).
    pub time_features: usize,
}

impl Default for UnetDenoiserConfig {
    fn default() -> Self {
        let TemporalUnetConfig { channels, kernel, groups } = TemporalUnetConfig::default();
        Self { channels, kernel, groups, time_features: 64 }
    }
}

impl UnetDenoiserConfig {
    fn network(&self) -> TemporalUnetConfig {
        TemporalUnetConfig { channels: self.channels.clone(), kernel: self.kernel, groups: self.groups }
    }

    /// Refuses what cannot be built for chunks of `horizon` actions.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self, horizon: usize) -> Result<(), AgentError> {
        let Self { channels, kernel, groups, time_features } = self;
        require(*groups > 0, "generative.unet.groups", groups, "use at least 1")?;
        let whole = !channels.is_empty() && channels.iter().all(|c| *c > 0 && c.is_multiple_of(*groups));
        let expected = "use at least one level, with multiples of `generative.unet.groups`";
        require(whole, "generative.unet.channels", channels, expected)?;
        let few = channels.len() <= 16 && horizon.is_multiple_of(self.network().shortest());
        let expected = "use fewer levels: each after the first halves `generative.horizon`";
        require(few, "generative.unet.channels", channels, expected)?;
        require(!kernel.is_multiple_of(2), "generative.unet.kernel", kernel, "use an odd number")?;
        check_time_features("generative.unet.time_features", *time_features)
    }
}

/// A [`TemporalUnet`] over the actions of a chunk, whose condition is the embedded noise level and the
/// observation.
#[derive(Debug)]
pub struct UnetDenoiser {
    shape: ChunkShape,
    time_features: usize,
    /// From the features of the time to as many numbers.
    time: Mlp,
    unet: TemporalUnet,
    frozen: bool,
}

impl UnetDenoiser {
    /// A network with weights drawn from `rng`.
    ///
    /// # Errors
    /// When a size makes no sense.
    pub fn new(
        config: &UnetDenoiserConfig,
        shape: ChunkShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate(shape.horizon)?;
        let features = config.time_features;
        let time = MlpConfig {
            inputs: features,
            hidden: vec![4 * features],
            outputs: features,
            activation: Activation::Silu,
            ..MlpConfig::default()
        };
        let sizes = (shape.act, features + shape.obs);
        Ok(Self {
            shape,
            time_features: features,
            time: Mlp::new("denoiser.time", &time, rng, device)?,
            unet: TemporalUnet::new("denoiser.unet", &config.network(), sizes, rng, device)?,
            frozen: false,
        })
    }

    fn run(&self, latents: &Tensor, times: &[f32], obs: &Tensor, frozen: bool) -> Result<Tensor, NnError> {
        let rows = times.len();
        let features = time_features(times, self.time_features, self.device())?;
        let time =
            if frozen { self.time.forward_frozen(&features)? } else { self.time.forward(&features)? };
        let condition = Tensor::cat(&[&time, obs], 1)?;
        let chunks = latents.reshape((rows, self.shape.horizon, self.shape.act))?;
        let output = if frozen {
            self.unet.forward_frozen(&chunks, &condition)?
        } else {
            self.unet.forward(&chunks, &condition)?
        };
        Ok(output.reshape((rows, self.shape.width()))?)
    }
}

impl Denoiser for UnetDenoiser {
    fn shape(&self) -> ChunkShape {
        self.shape
    }

    fn forward(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Result<Tensor, NnError> {
        self.run(latents, times, obs, self.frozen)
    }

    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        obs: &[f32],
        _: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError> {
        let network = |latents: &Tensor, times: &[f32], obs: &Tensor| self.run(latents, times, obs, true);
        infer_by(network, (self.shape, self.device()), (latents, time, obs), prediction)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(Self { time: self.time.deep_clone()?, unet: self.unet.deep_clone()?, frozen: true, ..*self })
    }

    fn device(&self) -> &Device {
        self.unet.device()
    }
}

impl Parameters for UnetDenoiser {
    fn named(&self) -> Vec<(String, &Var)> {
        let mut named = self.time.named();
        named.extend(self.unet.named());
        named
    }
}
