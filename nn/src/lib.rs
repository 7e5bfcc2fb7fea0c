//! Neural networks on candle tensors with fused CPU kernels.
//!
//! Modules hold candle variables, so their outputs take part in any candle expression and in its
//! `backward`. On the CPU their work is done by a few operations of our own, on one thread, so that
//! results do not depend on the number of cores; on other devices they use candle's operations.

mod activation;
mod adam;
mod convolution;
mod dense;
#[cfg(test)]
mod device_paths;
mod ensemble;
mod error;
pub mod gaussian;
mod group_norm;
mod init;
pub mod kernels;
mod layer_norm;
mod layers;
mod linear;
mod mlp;
mod pixel_encoder;
mod temporal_convolution;
mod temporal_unet;
pub mod threads;
mod transformer;
pub mod weights;

pub use activation::Activation;
pub use adam::{Adam, AdamConfig};
pub use candle_core::{D, DType, Device, Error as TensorError, Tensor, Var, backprop::GradStore};
pub use ensemble::MlpEnsemble;
pub use error::NnError;
pub use gaussian::SquashedGaussian;
pub use init::Init;
pub use mlp::{Mlp, MlpConfig};
pub use pixel_encoder::{PixelEncoder, PixelEncoderConfig, PixelScratch};
pub use temporal_unet::{TemporalUnet, TemporalUnetConfig};
pub use transformer::{Attended, CausalTransformer, TransformerConfig};
pub use weights::{Parameter, Parameters};
