//! Convolutions along the steps of sequences `[b, length, channels]`, and their transposes, which lengthen.
//!
//! On the CPU both are products with the matrix of patches, made for some sequences at a time so that it stays
//! in the cache, and made anew on the way back.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Shape, Tensor, Var, bail};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{
    Activation, Init, NnError, dense,
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
    x.contiguous()?.apply_op3(weight, bias, layer)
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

impl CustomOp3 for Layer {
    fn name(&self) -> &'static str {
        "temporal-convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, short) = self.sizes(x_layout.dims(), weight_layout.dims(), bias_layout.dims())?;
        let x = dense::floats(x, x_layout)?;
        let (weight, bias) = (dense::floats(weight, weight_layout)?, dense::floats(bias, bias_layout)?);
        let (strip, width) = (self.strip, self.strip.patch());
        let mut patches = vec![0.0; self.at_once().min(n) * strip.places() * width];
        let (y, shape) = match self.direction {
            Direction::Forward => {
                let mut y = vec![0.0; n * strip.places() * short];
                let weight = Matrix::new(weight, width, short);
                for Part { rows, long, short: out, patches: size } in self.parts(n, short) {
                    let patches = &mut patches[..size];
                    strip.cut(&x[long], patches);
                    multiply(Matrix::new(patches, rows, width), weight, &mut y[out]);
                }
                (y, (n, strip.places(), short))
            }
            Direction::Transposed => {
                let mut y = vec![0.0; n * strip.sequence()];
                let weight = Matrix::new(weight, short, width);
                for Part { rows, long, short: input, patches: size } in self.parts(n, short) {
                    let patches = &mut patches[..size];
                    multiply(Matrix::new(&x[input], rows, short), weight, patches);
                    strip.add_back(patches, &mut y[long]);
                }
                (y, (n, strip.length, strip.channels))
            }
        };
        let mut y = y;
        pointwise::bias_activation(&mut y, bias, Activation::Identity);
        Ok((CpuStorage::F32(y), Shape::from(shape)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, short) = self.sizes(x.dims(), weight.dims(), bias.dims())?;
        let (strip, width) = (self.strip, self.strip.patch());
        let grad = grad.contiguous()?;
        dense::with_floats([x, weight, &grad], |[x_values, weights, grad]| {
            let mut d_x = vec![0.0; if x.track_op() { x_values.len() } else { 0 }];
            let mut d_weight = vec![0.0; if weight.track_op() { weights.len() } else { 0 }];
            let mut patches = vec![0.0; self.at_once().min(n) * strip.places() * width];
            for Part { rows, long, short: narrow, patches: size } in self.parts(n, short) {
                let patches = &mut patches[..size];
                match self.direction {
                    Direction::Forward => {
                        let d_sums = Matrix::new(&grad[narrow], rows, short);
                        if weight.track_op() {
                            strip.cut(&x_values[long.clone()], patches);
                            let patches = Matrix::new(patches, rows, width);
                            multiply_add(patches.transposed(), d_sums, &mut d_weight);
                        }
                        if x.track_op() {
                            multiply(d_sums, Matrix::new(weights, width, short).transposed(), patches);
                            strip.add_back(patches, &mut d_x[long]);
                        }
                    }
                    Direction::Transposed => {
                        strip.cut(&grad[long], patches);
                        let d_patches = Matrix::new(patches, rows, width);
                        if weight.track_op() {
                            let input = Matrix::new(&x_values[narrow.clone()], rows, short);
                            multiply_add(input.transposed(), d_patches, &mut d_weight);
                        }
                        if x.track_op() {
                            let weights = Matrix::new(weights, short, width);
                            multiply(d_patches, weights.transposed(), &mut d_x[narrow]);
                        }
                    }
                }
            }
            let mut d_bias = vec![0.0; bias.elem_count()];
            pointwise::column_sums(grad, &mut d_bias);
            let tensor = |wanted: &Tensor, values: Vec<f32>| {
                let tensor = || Tensor::from_vec(values, wanted.shape(), wanted.device());
                wanted.track_op().then(tensor).transpose()
            };
            Ok((tensor(x, d_x)?, tensor(weight, d_weight)?, tensor(bias, d_bias)?))
        })?
    }
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::rand_core::SeedableRng;

    use super::*;
    use crate::gaussian::standard_normal;

    fn variable(shape: &[usize], rng: &mut Xoshiro256PlusPlus) -> Var {
        let mut values = vec![0.0; shape.iter().product()];
        standard_normal(rng, &mut values);
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn flat(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// The same sums out of the tensor library's operations, with its gradients.
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
                let y = layer.forward(&x, Weights::Trained).unwrap();
                let factors = variable(y.dims(), &mut rng).as_detached_tensor();
                let [ours, theirs] = [fused, composed].map(|convolution| {
                    let y = convolution(&x, &layer.weight, &layer.bias, sizes).unwrap();
                    let gradients = (&y * &factors).unwrap().sum_all().unwrap().backward().unwrap();
                    [&x, &layer.weight, &layer.bias].iter().fold(flat(&y), |mut all, var| {
                        all.extend(flat(gradients.get(var).unwrap()));
                        all
                    })
                });
                assert_eq!(ours.len(), theirs.len());
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
