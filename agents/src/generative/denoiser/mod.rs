//! The network of a generative policy: a multi-layer perceptron, a scalar energy, a temporal U-Net or a transformer.

mod choice;
mod energy;
mod mlp;
mod transformer;
mod unet;

use telos_nn::{Device, NnError, Parameters, Tensor};

pub use choice::{ChunkDenoiser, DenoiserKind};
pub use energy::EnergyDenoiser;
pub use mlp::{MlpDenoiser, MlpDenoiserConfig};
pub use transformer::{TransformerDenoiser, TransformerDenoiserConfig};
pub use unet::{UnetDenoiser, UnetDenoiserConfig};

use super::time_embedding;
use crate::{AgentError, error::require};

/// Sizes of what a policy that answers with chunks sees and says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkShape {
    /// Components of an observation.
    pub obs: usize,
    /// Actions in a chunk.
    pub horizon: usize,
    /// Components of an action.
    pub act: usize,
}

impl ChunkShape {
    /// Components of a chunk, laid out `[horizon, act]`.
    pub fn width(&self) -> usize {
        self.horizon * self.act
    }
}

/// Predicts the noise, the velocity or whatever else the policy around it asks for.
pub trait Denoiser: Parameters {
    /// What it was built for.
    fn shape(&self) -> ChunkShape;

    /// The prediction `[b, width]` for latents `[b, width]` at one time per row, given observations
    /// `[b, obs]`; with gradients to the weights, unless it is a [frozen copy](Self::frozen_copy), and to
    /// tracked latents.
    ///
    /// # Errors
    /// When shapes differ.
    fn forward(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Result<Tensor, NnError>;

    /// sigma_t log p_t `[b, 1]` of the latents, up to a constant for each time and observation, of a network whose
    /// prediction is minus its gradient; `None` for any other.
    fn energy(&self, _: &Tensor, _: &[f32], _: &Tensor) -> Option<Result<Tensor, NnError>> {
        None
    }

    /// The same as [`forward`](Self::forward) without a graph, on row-major slices, for rows at the same time. `scratch` keeps memory
    /// between calls.
    ///
    /// # Errors
    /// When a slice has another length.
    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        obs: &[f32],
        scratch: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError>;

    /// Equal weights in memory of their own that receive no gradients: a reference policy.
    ///
    /// # Errors
    /// When the device has no memory left.
    fn frozen_copy(&self) -> Result<Self, NnError>
    where
        Self: Sized;

    /// Where it computes.
    fn device(&self) -> &Device;
}

/// Features `[b, count]` of the times `[b]`.
fn time_features(times: &[f32], count: usize, device: &Device) -> Result<Tensor, NnError> {
    let mut features = vec![0.0; times.len() * count];
    for (row, time) in features.chunks_exact_mut(count).zip(times) {
        time_embedding::embed(*time, row);
    }
    Ok(Tensor::from_vec(features, (times.len(), count), device)?)
}

/// [`Denoiser::infer`] by a pass through `network`, which must not build a graph of untracked inputs.
fn infer_by(
    network: impl Fn(&Tensor, &[f32], &Tensor) -> Result<Tensor, NnError>,
    (shape, device): (ChunkShape, &Device),
    (latents, time, obs): (&[f32], f32, &[f32]),
    prediction: &mut [f32],
) -> Result<(), NnError> {
    let rows = latents.len() / shape.width();
    let latents = Tensor::from_slice(latents, (rows, shape.width()), device)?;
    let obs = Tensor::from_slice(obs, (rows, shape.obs), device)?;
    let output = network(&latents, &vec![time; rows], &obs)?;
    prediction.copy_from_slice(&output.flatten_all()?.to_vec1::<f32>()?);
    Ok(())
}

/// Refuses a number of time features that has no sines and cosines.
fn check_time_features(key: &'static str, count: usize) -> Result<(), AgentError> {
    require(count >= 2 && count.is_multiple_of(2), key, &count, "use an even number from 2 on")
}
