//! The convolution `y = max(x * W + b, 0)` of square pictures, without padding.
//!
//! Pictures are `[b, side, side, channels]`. On the CPU a convolution is a product of the matrix of its
//! patches, made for some pictures at a time so that it stays in the cache, and made anew on the way back,
//! where it would otherwise be by far the largest thing to remember.

use candle_core::{Device, Shape, Tensor, Var, bail};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{
    Activation, Init, NnError,
    dense::{self, Dense, Fused, Kernel},
    kernels::{
        gemm::{Matrix, multiply, multiply_add},
        patches::Grid,
        pointwise,
    },
    linear::Weights,
};

/// Numbers of the patches that are made at a time: 512 KiB, about half of a core's second-level cache.
const PATCH_NUMBERS: usize = 1 << 17;

/// One layer.
#[derive(Debug)]
pub(crate) struct Convolution {
    pub(crate) grid: Grid,
    /// `[kernel * kernel * channels, filters]`.
    pub(crate) weight: Var,
    /// `[filters]`.
    pub(crate) bias: Var,
}

impl Convolution {
    /// Draws the weights.
    pub(crate) fn new(
        grid: Grid,
        filters: usize,
        init: Init,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let (weight, bias) = init.draw(grid.patch(), filters, false, rng);
        Ok(Self {
            grid,
            weight: Var::from_vec(weight, (grid.patch(), filters), device)?,
            bias: Var::from_vec(bias, filters, device)?,
        })
    }

    /// `[b, side, side, channels] -> [b, places, places, filters]`.
    pub(crate) fn forward(&self, x: &Tensor, weights: Weights) -> candle_core::Result<Tensor> {
        let forward = if x.device().is_cpu() { fused } else { composed };
        match weights {
            Weights::Trained => forward(x, &self.weight, &self.bias, self.grid),
            Weights::Frozen => {
                forward(x, &self.weight.as_detached_tensor(), &self.bias.as_detached_tensor(), self.grid)
            }
        }
    }

    /// [`forward`](Self::forward) on slices, with the bits of [`fused`]; `patches` is scratch memory.
    pub(crate) fn infer(
        &self,
        x: &[f32],
        patches: &mut Vec<f32>,
        y: &mut Vec<f32>,
    ) -> candle_core::Result<()> {
        y.resize(x.len() / self.grid.picture() * self.grid.patches() * self.filters(), 0.0);
        dense::with_floats([&self.weight, &self.bias], |[weight, bias]| {
            convolve(self.grid, x, weight, bias, patches, y);
        })
    }

    /// Channels of the output.
    pub(crate) fn filters(&self) -> usize {
        self.bias.elem_count()
    }
}

/// The layer as one CPU operation.
fn fused(x: &Tensor, weight: &Tensor, bias: &Tensor, grid: Grid) -> candle_core::Result<Tensor> {
    x.contiguous()?.apply_op3(weight, bias, Fused(Layer(grid)))
}

/// The layer out of the tensor library's own operations: what devices without our kernels run.
fn composed(x: &Tensor, weight: &Tensor, bias: &Tensor, grid: Grid) -> candle_core::Result<Tensor> {
    let Grid { channels, kernel, stride, .. } = grid;
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let kernels = weight.reshape((kernel, kernel, channels, ()))?.permute((3, 2, 0, 1))?.contiguous()?;
    let y = x.conv2d(&kernels, 0, stride, 1, 1)?.permute((0, 2, 3, 1))?;
    y.broadcast_add(bias)?.relu()?.contiguous()
}

/// Pictures whose patches are made at a time.
fn at_once(grid: Grid) -> usize {
    (PATCH_NUMBERS / (grid.patches() * grid.patch())).max(1)
}

fn convolve(grid: Grid, x: &[f32], weight: &[f32], bias: &[f32], patches: &mut Vec<f32>, y: &mut [f32]) {
    let (filters, count) = (bias.len(), at_once(grid));
    let (rows, width) = (grid.patches(), grid.patch());
    patches.resize(count * rows * width, 0.0);
    let weight = Matrix::new(weight, width, filters);
    for (x, y) in x.chunks(count * grid.picture()).zip(y.chunks_mut(count * rows * filters)) {
        let rows = x.len() / grid.picture() * rows;
        let patches = &mut patches[..rows * width];
        grid.cut(x, patches);
        multiply(Matrix::new(patches, rows, width), weight, y);
        pointwise::bias_activation(y, bias, Activation::Relu);
    }
}

struct Layer(Grid);

impl Layer {
    /// Pictures and filters of a call.
    fn sizes(&self, x: &[usize], weight: &[usize], bias: &[usize]) -> candle_core::Result<(usize, usize)> {
        let Grid { side, channels, .. } = self.0;
        match (x, weight, bias) {
            (&[n, h, w, c], &[p, f], &[b])
                if h == side && w == side && c == channels && p == self.0.patch() && b == f =>
            {
                Ok((n, f))
            }
            _ => bail!("a convolution of {:?} met an input {x:?} with weights {weight:?}", self.0),
        }
    }
}

impl Kernel<3> for Layer {
    const NAME: &'static str = "fused-convolution";

    fn value(&self, [x, weight, bias]: [Dense<'_>; 3]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let (n, filters) = self.sizes(x.dims, weight.dims, bias.dims)?;
        let places = self.0.places();
        let mut y = vec![0.0; n * places * places * filters];
        convolve(self.0, x.values, weight.values, bias.values, &mut Vec::new(), &mut y);
        Ok((y, Shape::from((n, places, places, filters))))
    }

    fn gradient(
        &self,
        [x, weight, bias]: [Dense<'_>; 3],
        y: &[f32],
        grad: &[f32],
        wanted: [bool; 3],
    ) -> candle_core::Result<[Vec<f32>; 3]> {
        let grid = self.0;
        let (_, filters) = self.sizes(x.dims, weight.dims, bias.dims)?;
        let (rows, width, count) = (grid.patches(), grid.patch(), at_once(grid));
        let d_sums = pointwise::activation_gradient(grad, y, y, Activation::Relu);
        let mut d_x = vec![0.0; if wanted[0] { x.values.len() } else { 0 }];
        let mut d_weight = vec![0.0; if wanted[1] { weight.values.len() } else { 0 }];
        let mut d_bias = vec![0.0; filters];
        pointwise::column_sums(&d_sums, &mut d_bias);
        let mut patches = vec![0.0; count * rows * width];
        let weights = Matrix::new(weight.values, width, filters);
        let chunks = x.values.chunks(count * grid.picture());
        for (i, (x, d_sums)) in chunks.zip(d_sums.chunks(count * rows * filters)).enumerate() {
            let pictures = x.len() / grid.picture();
            let patches = &mut patches[..pictures * rows * width];
            let d_sums = Matrix::new(d_sums, pictures * rows, filters);
            if wanted[1] {
                grid.cut(x, patches);
                multiply_add(
                    Matrix::new(patches, pictures * rows, width).transposed(),
                    d_sums,
                    &mut d_weight,
                );
            }
            if wanted[0] {
                multiply(d_sums, weights.transposed(), patches);
                grid.add_back(patches, &mut d_x[i * count * grid.picture()..][..x.len()]);
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
        // The last has more pictures than patches are made for at a time.
        for (n, side, channels, stride, filters) in
            [(2, 7, 3, 2, 5), (3, 6, 4, 1, 2), (1, 3, 1, 1, 1), (40, 20, 9, 1, 4)]
        {
            let grid = Grid { side, channels, kernel: 3, stride };
            assert!(n < 40 || at_once(grid) < n);
            let x = variable(&[n, side, side, channels], &mut rng);
            let weight = variable(&[grid.patch(), filters], &mut rng);
            let bias = variable(&[filters], &mut rng);
            let paths = [fused, composed].map(|path| {
                let (x, weight, bias) = (&x, &weight, &bias);
                move || path(x, weight, bias, grid)
            });
            let [ours, theirs] = values_and_gradients(paths, &[&x, &weight, &bias], &mut rng);
            let scale = theirs.iter().fold(1.0f32, |most, x| most.max(x.abs()));
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert!((ours - theirs).abs() < 1e-5 * scale, "{grid:?}: {ours} {theirs}");
            }
        }
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let grid = Grid { side: 6, channels: 2, kernel: 3, stride: 2 };
        let x = variable(&[2, 6, 6, 2], &mut rng);
        let layer = Convolution::new(grid, 3, Init::FanIn, &mut rng, &Device::Cpu).unwrap();
        let value =
            |x: &Tensor| layer.forward(x, Weights::Trained).unwrap().sqr().unwrap().sum_all().unwrap();
        let gradients = value(&x).backward().unwrap();
        for var in [&x, &layer.weight, &layer.bias] {
            let (before, analytic) = (flat(var), flat(gradients.get(var).unwrap()));
            for i in 0..before.len() {
                let shifted = [1e-2f32, -1e-2].map(|step| {
                    let mut values = before.clone();
                    values[i] += step;
                    var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
                    value(&x).to_scalar::<f32>().unwrap()
                });
                var.set(&Tensor::from_vec(before.clone(), var.shape(), &Device::Cpu).unwrap()).unwrap();
                let numeric = (shifted[0] - shifted[1]) / 2e-2;
                assert!((numeric - analytic[i]).abs() < 0.03 * (1.0 + analytic[i].abs()), "{i}: {numeric}");
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let grid = Grid { side: 6, channels: 2, kernel: 3, stride: 2 };
        let layer = Convolution::new(grid, 3, Init::FanIn, &mut rng, &Device::Cpu).unwrap();
        let error = layer.forward(&variable(&[1, 5, 6, 2], &mut rng), Weights::Trained).unwrap_err();
        assert!(error.to_string().contains("an input [1, 5, 6, 2]"), "{error}");
    }
}
