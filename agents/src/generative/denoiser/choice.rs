//! A denoiser of a kind that is known at run time.

use serde::{Deserialize, Serialize};
use telos_nn::{Device, NnError, Parameters, Tensor, Var};

use super::{ChunkShape, Denoiser, EnergyDenoiser, MlpDenoiser, TransformerDenoiser, UnetDenoiser};

/// The kinds of network, as configurations write them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenoiserKind {
    /// A multi-layer perceptron over the whole chunk.
    #[default]
    Mlp,
    /// A perceptron whose gradient is the prediction; it has the sizes of `mlp`.
    Energy,
    /// A temporal U-Net.
    Unet,
    /// A causal transformer over actions.
    Transformer,
}

/// One of the denoisers.
#[derive(Debug)]
pub enum ChunkDenoiser {
    /// A multi-layer perceptron over the whole chunk.
    Mlp(MlpDenoiser),
    /// A perceptron whose gradient is the prediction.
    Energy(EnergyDenoiser),
    /// A temporal U-Net.
    Unet(Box<UnetDenoiser>),
    /// A causal transformer over actions.
    Transformer(Box<TransformerDenoiser>),
}

impl ChunkDenoiser {
    fn kind(&self) -> &dyn Denoiser {
        match self {
            Self::Mlp(denoiser) => denoiser,
            Self::Energy(denoiser) => denoiser,
            Self::Unet(denoiser) => denoiser.as_ref(),
            Self::Transformer(denoiser) => denoiser.as_ref(),
        }
    }
}

impl Denoiser for ChunkDenoiser {
    fn shape(&self) -> ChunkShape {
        self.kind().shape()
    }

    fn forward(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Result<Tensor, NnError> {
        self.kind().forward(latents, times, obs)
    }

    fn energy(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Option<Result<Tensor, NnError>> {
        self.kind().energy(latents, times, obs)
    }

    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        obs: &[f32],
        scratch: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError> {
        self.kind().infer(latents, time, obs, scratch, prediction)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(match self {
            Self::Mlp(denoiser) => Self::Mlp(denoiser.frozen_copy()?),
            Self::Energy(denoiser) => Self::Energy(denoiser.frozen_copy()?),
            Self::Unet(denoiser) => Self::Unet(Box::new(denoiser.frozen_copy()?)),
            Self::Transformer(denoiser) => Self::Transformer(Box::new(denoiser.frozen_copy()?)),
        })
    }

    fn device(&self) -> &Device {
        self.kind().device()
    }
}

impl Parameters for ChunkDenoiser {
    fn named(&self) -> Vec<(String, &Var)> {
        self.kind().named()
    }
}
