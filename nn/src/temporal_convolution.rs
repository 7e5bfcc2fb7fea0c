//! Convolutions along the steps of sequences `[b, length, channels]`, and their transposes, which lengthen.
//!
//! On the CPU both are products with the matrix of patches, made for some sequences at a time so that it stays
//! in the cache, and made anew on the way back.

use candle_core::{Device, Shape, Tensor, Var, bail};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{
    Activation, Init, NnError,
    dense::{Dense, Fused, Kernel},
    kernels::{
        gemm::{Matrix, multiply, multiply_add},
        pointwise,
        strip::Strip,
    },
    linear::Weights,
};

/// Numbers of the patches that are made at a time: 256 KiB, a part of a core's second-level cache.
const PATCH_NUMBERS: usize = 1 << 16;

/// Which way a layer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the sequence to the places of the kernel.
    Forward,
    /// From the places to the sequence.
    Transposed,
}

/// One layer, without a nonlinearity.
#[derive(Debug)]
pub(crate) struct TemporalConvolution {
    /// Kernel, stride, padding, and the channels of the longer side; its length is that of each call.
    strip: Strip,
    direction: Direction,
    /// `[kernel * channels, filters]`; transposed, `[inputs, kernel * channels]`.
    pub(crate) weight: Var,
    /// Of the output's channels.
    pub(crate) bias: Var,
}

impl TemporalConvolution {
    /// A convolution that keeps the length, or divides it by `stride`. `kernel` is odd.
    pub(crate) fn new(
        (inputs, outputs): (usize, usize),
        (kernel, stride): (usize, usize),
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let strip = Strip { length: 0, channels: inputs, kernel, stride, padding: kernel / 2 };
        let (weight, bias) = Init::FanIn.draw(strip.patch(), outputs, false, rng);
        Ok(Self {
            weight: Var::from_vec(weight, (strip.patch(), outputs), device)?,
            bias: Var::from_vec(bias, outputs, device)?,
            direction: Direction::Forward,
            strip,
        })
    }

    /// A transposed convolution of four taps that doubles the length of `channels` sequences.
    pub(crate) fn doubling(
        channels: usize,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let strip = Strip { length: 0, channels, kernel: 4, stride: 2, padding: 1 };
        let (weight, bias) = Init::FanIn.draw(strip.patch(), channels, false, rng);
        Ok(Self {
            weight: Var::from_vec(weight, (channels, strip.patch()), device)?,
            bias: Var::from_vec(bias, channels, device)?,
            direction: Direction::Transposed,
            strip,
        })
    }

    /// `[b, length, inputs]` to `[b, places, outputs]`, or the other way.
    pub(crate) fn forward(&self, x: &Tensor, weights: Weights) -> candle_core::Result<Tensor> {
        let forward = if x.device().is_cpu() { fused } else { composed };
        let (_, length, _) = x.dims3()?;
        let length =
            if self.direction == Direction::Transposed { self.strip.stride * length } else { length };
        let layer = Layer { strip: Strip { length, ..self.strip }, direction: self.direction };
        match weights {
            Weights::Trained => forward(x, &self.weight, &self.bias, layer),
            Weights::Frozen => {
                forward(x, &self.weight.as_detached_tensor(), &self.bias.as_detached_tensor(), layer)
            }
        }
    }

    pub(crate) fn deep_clone(&self) -> candle_core::Result<Self> {
        Ok(Self {
            weight: Var::from_tensor(&self.weight.as_detached_tensor().copy()?)?,
            bias: Var::from_tensor(&self.bias.as_detached_tensor().copy()?)?,
            ..*self
        })
    }
}

/// The layer as one CPU operation.
fn fused(x: &Tensor, weight: &Tensor, bias: &Tensor, layer: Layer) -> candle_core::Result<Tensor> {
    x.contiguous()?.apply_op3(weight, bias, Fused(layer))
}

/// The layer out of the tensor library's own operations: what devices without our kernels run.
fn composed(x: &Tensor, weight: &Tensor, bias: &Tensor, layer: Layer) -> candle_core::Result<Tensor> {
    let Strip { length, channels, kernel, stride, padding } = layer.strip;
    if layer.direction == Direction::Forward {
        // Not by the library's own convolution, whose gradient is wrong for kernels that are views.
        let (b, places) = (x.dim(0)?, layer.strip.places());
        let padded = x.pad_with_zeros(1, padding, padding + kernel + stride)?;
        let taps = (0..kernel)
            .map(|tap| {
                let reached = padded.narrow(1, tap, places * stride)?;
                reached.reshape((b, places, stride, channels))?.narrow(2, 0, 1)?.squeeze(2)
            })
            .collect::<candle_core::Result<Vec<_>>>()?;
        let patches = Tensor::cat(&taps, 2)?.reshape((b * places, kernel * channels))?;
        return patches.matmul(weight)?.reshape((b, places, ()))?.broadcast_add(bias);
    }
    let (b, places, inputs) = x.dims3()?;
    let taps = x.contiguous()?.reshape((b * places, inputs))?.matmul(weight)?;
    let taps = taps.reshape((b, places, kernel, channels))?;
    let gaps = Tensor::zeros((b, places, stride - 1, channels), x.dtype(), x.device())?;
    let mut sum: Option<Tensor> = None;
    for tap in 0..kernel {
        // This tap of every place, with zeros between, shifted to where the tap is.
        let spread = Tensor::cat(&[&taps.narrow(2, tap, 1)?, &gaps], 2)?;
        let spread = spread.reshape((b, places * stride, channels))?;
        let shifted = spread.pad_with_zeros(1, tap, kernel)?.narrow(1, padding, length)?;
        sum = Some(match sum {
            Some(sum) => (sum + shifted)?,
            None => shifted,
        });
    }
    sum.expect("a kernel has taps").broadcast_add(bias)
}

/// The sizes of one call.
#[derive(Clone, Copy, Debug)]
struct Layer {
    strip: Strip,
    direction: Direction,
}

impl Layer {
    /// Sequences, and the channels of the side of the places.
    fn sizes(&self, x: &[usize], weight: &[usize], bias: &[usize]) -> candle_core::Result<(usize, usize)> {
        let Strip { length, channels, .. } = self.strip;
        match (self.direction, x, weight, bias) {
            (Direction::Forward, &[n, l, c], &[p, f], &[b])
                if l == length && c == channels && p == self.strip.patch() && b == f =>
            {
                Ok((n, f))
            }
            (Direction::Transposed, &[n, l, c], &[i, p], &[b])
                if l == self.strip.places() && c == i && p == self.strip.patch() && b == channels =>
            {
                Ok((n, i))
            }
            _ => bail!("a convolution along time, {self:?}, met an input {x:?} with weights {weight:?}"),
        }
    }

    /// Sequences whose patches are made at a time.
    fn at_once(&self) -> usize {
        (PATCH_NUMBERS / (self.strip.places() * self.strip.patch())).max(1)
    }

    /// Parts of a batch: `(sequences, numbers of the long side, numbers of the side of the places)`.
    fn parts(&self, n: usize, short: usize) -> impl Iterator<Item = Part> {
        let (strip, count) = (self.strip, self.at_once());
        (0..n).step_by(count).map(move |first| {
            let sequences = count.min(n - first);
            let (long, short) = (strip.sequence(), strip.places() * short);
            let patches = sequences * strip.places() * strip.patch();
            let range = |width: usize| first * width..(first + sequences) * width;
            Part { rows: sequences * strip.places(), long: range(long), short: range(short), patches }
        })
    }
}

/// Some sequences of a batch.
struct Part {
    /// Places in all of them.
    rows: usize,
    long: std::ops::Range<usize>,
    short: std::ops::Range<usize>,
    /// Numbers of their patches.
    patches: usize,
}

impl Kernel<3> for Layer {
    const NAME: &'static str = "temporal-convolution";

    fn value(&self, [x, weight, bias]: [Dense<'_>; 3]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let (n, short) = self.sizes(x.dims, weight.dims, bias.dims)?;
        let (strip, width) = (self.strip, self.strip.patch());
        let mut patches = vec![0.0; self.at_once().min(n) * strip.places() * width];
        let (mut y, shape) = match self.direction {
            Direction::Forward => {
                let mut y = vec![0.0; n * strip.places() * short];
                let weight = Matrix::new(weight.values, width, short);
                for Part { rows, long, short: out, patches: size } in self.parts(n, short) {
                    let patches = &mut patches[..size];
                    strip.cut(&x.values[long], patches);
                    multiply(Matrix::new(patches, rows, width), weight, &mut y[out]);
                }
                (y, (n, strip.places(), short))
            }
            Direction::Transposed => {
                let mut y = vec![0.0; n * strip.sequence()];
                let weight = Matrix::new(weight.values, short, width);
                for Part { rows, long, short: input, patches: size } in self.parts(n, short) {
                    let patches = &mut patches[..size];
                    multiply(Matrix::new(&x.values[input], rows, short), weight, patches);
                    strip.add_back(patches, &mut y[long]);
                }
                (y, (n, strip.length, strip.channels))
            }
        };
        pointwise::bias_activation(&mut y, bias.values, Activation::Identity);
        Ok((y, Shape::from(shape)))
    }

    fn gradient(
        &self,
        [x, weight, bias]: [Dense<'_>; 3],
        _: &[f32],
        grad: &[f32],
        wanted: [bool; 3],
    ) -> candle_core::Result<[Vec<f32>; 3]> {
        let (n, short) = self.sizes(x.dims, weight.dims, bias.dims)?;
        let (strip, width) = (self.strip, self.strip.patch());
        let mut d_x = vec![0.0; if wanted[0] { x.values.len() } else { 0 }];
        let mut d_weight = vec![0.0; if wanted[1] { weight.values.len() } else { 0 }];
        let mut d_bias = vec![0.0; bias.values.len()];
        pointwise::column_sums(grad, &mut d_bias);
        let mut patches = vec![0.0; self.at_once().min(n) * strip.places() * width];
        for Part { rows, long, short: narrow, patches: size } in self.parts(n, short) {
            let patches = &mut patches[..size];
            match self.direction {
                Direction::Forward => {
                    let d_sums = Matrix::new(&grad[narrow], rows, short);
                    if wanted[1] {
                        strip.cut(&x.values[long.clone()], patches);
                        multiply_add(Matrix::new(patches, rows, width).transposed(), d_sums, &mut d_weight);
                    }
                    if wanted[0] {
                        multiply(d_sums, Matrix::new(weight.values, width, short).transposed(), patches);
                        strip.add_back(patches, &mut d_x[long]);
                    }
                }
                Direction::Transposed => {
                    strip.cut(&grad[long], patches);
                    let d_patches = Matrix::new(patches, rows, width);
                    if wanted[1] {
                        let input = Matrix::new(&x.values[narrow.clone()], rows, short);
                        multiply_add(input.transposed(), d_patches, &mut d_weight);
                    }
                    if wanted[0] {
                        let weights = Matrix::new(weight.values, short, width);
                        multiply(d_patches, weights.transposed(), &mut d_x[narrow]);
                    }
                }
            }
        }
        Ok([d_x, d_weight, d_bias])
    }
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::rand_core::SeedableRng;

    use super::*;
    use crate::device_paths::{flat, values_and_gradients, variable};

    #[test]
    fn both_device_paths_agree_in_values_and_gradients() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let layers = |rng: &mut Xoshiro256PlusPlus| {
            let mut layer =
                |widths, kernel| TemporalConvolution::new(widths, kernel, rng, &Device::Cpu).unwrap();
            let (same, halving) = (layer((3, 5), (5, 1)), layer((3, 3), (3, 2)));
            [same, halving, TemporalConvolution::doubling(3, rng, &Device::Cpu).unwrap()]
        };
        // The last has more sequences than patches are made for at a time.
        for (n, length) in [(2, 8), (3, 4), (2, 1), (1, 2), (700, 16)] {
            for layer in layers(&mut rng) {
                let x = variable(&[n, length, 3], &mut rng);
                let long = if layer.direction == Direction::Transposed { 2 * length } else { length };
                let sizes =
                    Layer { strip: Strip { length: long, ..layer.strip }, direction: layer.direction };
                let paths = [fused, composed].map(|path| {
                    let (x, layer) = (&x, &layer);
                    move || path(x, &layer.weight, &layer.bias, sizes)
                });
                let vars = [&x, &layer.weight, &layer.bias];
                let [ours, theirs] = values_and_gradients(paths, &vars, &mut rng);
                let scale = theirs.iter().fold(1.0f32, |most, x| most.max(x.abs()));
                for (ours, theirs) in ours.iter().zip(&theirs) {
                    assert!((ours - theirs).abs() < 1e-5 * scale, "{sizes:?}: {ours} {theirs}");
                }
            }
        }
    }

    #[test]
    fn a_doubling_is_the_transpose_of_a_halving() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let layer = TemporalConvolution::doubling(2, &mut rng, &Device::Cpu).unwrap();
        let (x, y) = (variable(&[3, 4, 2], &mut rng), variable(&[3, 8, 2], &mut rng));
        let strip = Strip { length: 8, ..layer.strip };
        let zero = Tensor::zeros(2, candle_core::DType::F32, &Device::Cpu).unwrap();
        let up = fused(&x, &layer.weight, &zero, Layer { strip, direction: Direction::Transposed }).unwrap();
        let weight = layer.weight.t().unwrap().contiguous().unwrap();
        let down = fused(&y, &weight, &zero, Layer { strip, direction: Direction::Forward }).unwrap();
        let dot = |a: &Tensor, b: &Tensor| -> f32 { flat(a).iter().zip(flat(b)).map(|(a, b)| a * b).sum() };
        let (left, right) = (dot(&up, &y), dot(&x, &down));
        assert!((left - right).abs() < 1e-4 * (1.0 + left.abs()), "{left} {right}");
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let layer = TemporalConvolution::new((3, 4), (5, 1), &mut rng, &Device::Cpu).unwrap();
        let error = layer.forward(&variable(&[1, 6, 2], &mut rng), Weights::Trained).unwrap_err();
        assert!(error.to_string().contains("an input [1, 6, 2]"), "{error}");
    }
}
