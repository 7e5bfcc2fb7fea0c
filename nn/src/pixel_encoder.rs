//! The convolutional encoder of Kostrikov et al., "Image Augmentation Is All You Need" (DrQ), 2020, arXiv
//! 2004.13649, appendix B: convolutions with rectifiers, then a linear layer, a layer normalisation and a tanh.

use candle_core::{Device, Tensor, Var};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    Activation, Init, NnError, Parameters,
    convolution::Convolution,
    kernels::patches::Grid,
    layer_norm::LayerNorm,
    linear::{Linear, Weights},
    weights,
};

/// Side of every kernel, and the stride of the first convolution, of DrQ.
const KERNEL: usize = 3;
const FIRST_STRIDE: usize = 2;
/// Orthogonal weights; the gain of the layers with rectifiers is sqrt(2) (DrQ's code).
const INIT: Init = Init::Orthogonal { hidden_gain: std::f32::consts::SQRT_2, output_gain: 1.0 };

/// Sizes of a [`PixelEncoder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelEncoderConfig {
    /// Filters, of 3 x 3 pixels, of each convolution; the first has stride 2, the others 1.
    pub channels: Vec<usize>,
    /// Numbers that stand for a picture in the end.
    pub features: usize,
}

impl PixelEncoderConfig {
    /// The least side of a picture that all convolutions fit into.
    pub fn least_side(&self) -> usize {
        let rest = self.channels.len().saturating_sub(1);
        FIRST_STRIDE * (rest * (KERNEL - 1)) + KERNEL
    }
}

/// Pictures `[b, side, side, channels]` -> features `[b, features]` in (-1, 1).
#[derive(Debug)]
pub struct PixelEncoder {
    name: String,
    convolutions: Vec<Convolution>,
    projection: Linear,
    norm: LayerNorm,
    device: Device,
}

/// Memory of [`PixelEncoder::infer`], kept from call to call.
#[derive(Debug, Default)]
pub struct PixelScratch {
    patches: Vec<f32>,
    front: Vec<f32>,
    back: Vec<f32>,
}

impl PixelEncoder {
    /// Draws the weights, for pictures of `side` pixels a side with `channels` numbers each, from `rng`.
    ///
    /// # Errors
    /// When a size is zero, or the picture too small for so many convolutions.
    pub fn new(
        name: &str,
        config: &PixelEncoderConfig,
        (side, channels): (usize, usize),
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let none = config.channels.is_empty() || config.channels.contains(&0);
        if none || config.features == 0 || channels == 0 || side < config.least_side() {
            let least = config.least_side();
            let reason = format!(
                "pictures of {side} x {side} x {channels} do not go with {config:?}, which needs sizes of at \
                 least 1 and a side of at least {least}"
            );
            return Err(NnError::Config { module: name.into(), reason });
        }
        let mut grid = Grid { side, channels, kernel: KERNEL, stride: FIRST_STRIDE };
        let mut convolutions = Vec::with_capacity(config.channels.len());
        for &filters in &config.channels {
            convolutions.push(Convolution::new(grid, filters, INIT, rng, device)?);
            grid = Grid { side: grid.places(), channels: filters, kernel: KERNEL, stride: 1 };
        }
        Ok(Self {
            name: name.into(),
            convolutions,
            projection: Linear::new(None, (grid.picture(), config.features), INIT, true, rng, device)?,
            norm: LayerNorm::new(None, config.features, device)?,
            device: device.clone(),
        })
    }

    /// With gradients to the weights.
    ///
    /// # Errors
    /// When `x` has another shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, NnError> {
        self.through(x, Weights::Trained)
    }

    /// As [`forward`](Self::forward), with the same values and, for an untracked `x`, no graph.
    ///
    /// # Errors
    /// When `x` has another shape.
    pub fn forward_frozen(&self, x: &Tensor) -> Result<Tensor, NnError> {
        self.through(x, Weights::Frozen)
    }

    fn through(&self, x: &Tensor, weights: Weights) -> Result<Tensor, NnError> {
        let mut hidden = x.clone();
        for convolution in &self.convolutions {
            hidden = convolution.forward(&hidden, weights)?;
        }
        let sums = self.projection.forward(&hidden.flatten_from(1)?, Activation::Identity, weights)?;
        Ok(self.norm.forward(&sums, Activation::Tanh, weights)?)
    }

    /// Features of `rows` pictures `[rows, side, side, channels]` into `out` `[rows, features]`. On the CPU
    /// it builds no graph and, once the scratch memory has its size, allocates nothing itself.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn infer(
        &self,
        x: &[f32],
        rows: usize,
        scratch: &mut PixelScratch,
        out: &mut [f32],
    ) -> Result<(), NnError> {
        let Grid { side, channels, .. } = self.convolutions[0].grid;
        if x.len() != rows * side * side * channels || out.len() != rows * self.features() {
            return Err(NnError::Shape {
                module: self.name.clone(),
                what: "the input slice",
                found: vec![x.len(), out.len()],
                expected: format!("[{rows} x {side} x {side} x {channels}], [{rows} x {}]", self.features()),
            });
        }
        if !self.device.is_cpu() {
            let x = Tensor::from_slice(x, (rows, side, side, channels), &self.device)?;
            out.copy_from_slice(&self.forward_frozen(&x)?.flatten_all()?.to_vec1::<f32>()?);
            return Ok(());
        }
        let PixelScratch { patches, front, back } = scratch;
        for (i, convolution) in self.convolutions.iter().enumerate() {
            convolution.infer(if i == 0 { x } else { front }, patches, back)?;
            std::mem::swap(front, back);
        }
        self.projection.infer(0, front, rows, Activation::Identity, out)?;
        Ok(self.norm.infer(0, out, Activation::Tanh)?)
    }

    /// Width of the output.
    pub fn features(&self) -> usize {
        self.projection.bias.elem_count()
    }
}

impl Parameters for PixelEncoder {
    fn named(&self) -> Vec<(String, &Var)> {
        let name = &self.name;
        let mut named = Vec::new();
        for (i, convolution) in self.convolutions.iter().enumerate() {
            named.push((format!("{name}.{i}.weight"), &convolution.weight));
            named.push((format!("{name}.{i}.bias"), &convolution.bias));
        }
        named.push((format!("{name}.projection.weight"), &self.projection.weight));
        named.push((format!("{name}.projection.bias"), &self.projection.bias));
        named.push((format!("{name}.norm.gain"), &self.norm.gain));
        named.push((format!("{name}.norm.bias"), &self.norm.bias));
        named
    }
}

impl Checkpoint for PixelEncoder {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)
    }
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn slices_give_the_bits_of_tensors() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let config = PixelEncoderConfig { channels: vec![4, 5], features: 6 };
        let encoder = PixelEncoder::new("encoder", &config, (12, 9), &mut rng, &Device::Cpu).unwrap();
        let x: Vec<f32> = (0..3 * 12 * 12 * 9).map(|i| (i as f32 * 0.37).sin() / 2.0).collect();
        let y = encoder.forward(&Tensor::from_slice(&x, (3, 12, 12, 9), &Device::Cpu).unwrap()).unwrap();
        let (mut scratch, mut out) = (PixelScratch::default(), [0.0; 18]);
        // Twice, since scratch memory that was used must not matter.
        for _ in 0..2 {
            encoder.infer(&x, 3, &mut scratch, &mut out).unwrap();
            assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), out);
        }
        assert!(out.iter().all(|x| x.abs() < 1.0) && out.iter().any(|x| x.abs() > 0.1), "{out:?}");
        assert!(encoder.infer(&x, 2, &mut scratch, &mut out[..12]).is_err());
    }

    #[test]
    fn the_least_side_leaves_one_place_and_one_less_is_an_error() {
        let config = PixelEncoderConfig { channels: vec![2; 4], features: 3 };
        assert_eq!(config.least_side(), 15);
        let new = |side| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
            PixelEncoder::new("encoder", &config, (side, 3), &mut rng, &Device::Cpu)
        };
        assert_eq!(new(15).unwrap().convolutions[3].grid.places(), 1);
        assert!(new(14).unwrap_err().to_string().contains("a side of at least 15"));
    }
}
