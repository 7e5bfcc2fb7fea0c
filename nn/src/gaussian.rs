//! Gaussian policies: diagonal, and squashed by tanh.

use candle_core::{Shape, Tensor};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{
    Activation, NnError,
    dense::{Dense, Fused, Kernel},
    kernels::{pointwise, squash},
};

const HALF_LOG_2PI: f64 = 0.918_938_533_204_672_7;
const LOG_2: f64 = std::f64::consts::LN_2;

/// Fills a slice with independent standard normal numbers.
pub fn standard_normal(rng: &mut Xoshiro256PlusPlus, out: &mut [f32]) {
    out.iter_mut().for_each(|x| *x = StandardNormal.sample(rng));
}

/// Log-density `[b]` of `actions` `[b, a]` under independent normals of mean `[b, a]` and log
/// standard deviation `[a]` or `[b, a]`.
///
/// # Errors
/// When shapes differ.
pub fn log_prob(mean: &Tensor, log_std: &Tensor, actions: &Tensor) -> Result<Tensor, NnError> {
    let log_std = log_std.broadcast_as(mean.shape())?;
    let z = ((actions - mean)? / log_std.exp()?)?;
    Ok((z.sqr()?.affine(-0.5, -HALF_LOG_2PI)? - log_std)?.sum(1)?)
}

/// Entropy in nats of independent normals of log standard deviation `[.., a]`, summed over `a`.
///
/// # Errors
/// When `log_std` is a scalar.
pub fn entropy(log_std: &Tensor) -> Result<Tensor, NnError> {
    Ok(log_std.affine(1.0, 0.5 + HALF_LOG_2PI)?.sum(candle_core::D::Minus1)?)
}

/// The tanh-squashed Gaussian policy of SAC (Haarnoja et al., arXiv:1812.05905, appendix C): actions
/// `tanh(u)` with `u` normal. A network's output `[b, 2a]` holds the `a` means, then the `a` log
/// standard deviations, which are clamped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquashedGaussian {
    /// Least log standard deviation; default -20 (the authors' code).
    pub log_std_min: f32,
    /// Greatest log standard deviation; default 2 (the authors' code).
    pub log_std_max: f32,
}

impl Default for SquashedGaussian {
    fn default() -> Self {
        Self { log_std_min: -20.0, log_std_max: 2.0 }
    }
}

impl SquashedGaussian {
    /// Actions `[b, a]` and their log-density `[b]`, both differentiable with respect to `output`
    /// `[b, 2a]` (the reparameterisation with standard normal `noise` `[b, a]`).
    ///
    /// The squashing term is `log(1 - tanh(u)²) = 2 (log 2 - u - softplus(-2u))`, which keeps its
    /// digits where the action is near ±1.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn sample(&self, output: &Tensor, noise: &Tensor) -> Result<(Tensor, Tensor), NnError> {
        let (rows, width) = noise.dims2()?;
        if width == 0 || output.dims() != [rows, 2 * width] {
            return Err(NnError::Shape {
                module: "squashed gaussian".into(),
                what: "the network's output",
                found: output.dims().to_vec(),
                expected: format!("[{rows}, {}] for noise [{rows}, {width}]", 2 * width),
            });
        }
        if !output.device().is_cpu() {
            return self.composed_sample(output, noise);
        }
        let packed = output.contiguous()?.apply_op2(&noise.contiguous()?.detach(), Fused(Squash(*self)))?;
        Ok((packed.narrow(1, 0, width)?, packed.narrow(1, width, 1)?.squeeze(1)?))
    }

    /// The sample out of the tensor library's own operations: what devices without our kernels run.
    fn composed_sample(&self, output: &Tensor, noise: &Tensor) -> Result<(Tensor, Tensor), NnError> {
        let (mean, log_std) = self.split(output)?;
        let u = (&mean + log_std.exp()?.mul(noise)?)?;
        let normal = (noise.sqr()?.affine(-0.5, -HALF_LOG_2PI)? - log_std)?;
        Ok((u.tanh()?, (normal - log_det(&u)?)?.sum(1)?))
    }

    /// Log-density `[b]` of given `actions` `[b, a]`, which are moved inside ±(1 - 1e-6) first.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn log_prob(&self, output: &Tensor, actions: &Tensor) -> Result<Tensor, NnError> {
        let (mean, log_std) = self.split(output)?;
        let a = actions.clamp(-1.0 + 1e-6, 1.0 - 1e-6)?;
        let u = ((&a + 1.0)?.log()? - a.affine(-1.0, 1.0)?.log()?)?.affine(0.5, 0.0)?;
        let z = ((&u - mean)? / log_std.exp()?)?;
        let normal = (z.sqr()?.affine(-0.5, -HALF_LOG_2PI)? - log_std)?;
        Ok((normal - log_det(&u)?)?.sum(1)?)
    }

    /// Samples without a graph: `output` `[rows, 2a]` and `noise` `[rows, a]` give `actions` `[rows, a]`.
    ///
    /// # Panics
    /// When the slices do not have these lengths.
    pub fn sample_into(&self, output: &[f32], noise: &[f32], rows: usize, actions: &mut [f32]) {
        assert!(output.len() == 2 * actions.len() && noise.len() == actions.len());
        if !actions.is_empty() {
            squash::draw(*self, output, noise, actions.len() / rows, actions);
            pointwise::activate(actions, Activation::Tanh);
        }
    }

    /// The action of the mean, `tanh(mean)`, without a graph; sizes as [`sample_into`](Self::sample_into).
    ///
    /// # Panics
    /// When the slices do not have these lengths.
    pub fn mode_into(&self, output: &[f32], rows: usize, actions: &mut [f32]) {
        let width = actions.len() / rows.max(1);
        assert!(output.len() == 2 * actions.len());
        for (row, actions) in
            output.chunks_exact(2 * width.max(1)).zip(actions.chunks_exact_mut(width.max(1)))
        {
            actions.copy_from_slice(&row[..width]);
        }
        pointwise::activate(actions, Activation::Tanh);
    }

    pub(crate) fn clamp(&self, log_std: f32) -> f32 {
        log_std.clamp(self.log_std_min, self.log_std_max)
    }

    fn split(&self, output: &Tensor) -> Result<(Tensor, Tensor), NnError> {
        let width = output.dim(1)? / 2;
        let log_std = output.narrow(1, width, width)?;
        Ok((output.narrow(1, 0, width)?, log_std.clamp(self.log_std_min, self.log_std_max)?))
    }
}

/// `log(1 - tanh(u)²)` per element.
fn log_det(u: &Tensor) -> Result<Tensor, NnError> {
    let softplus = Activation::Softplus.apply(&u.affine(-2.0, 0.0)?)?;
    Ok(((softplus + u)?.affine(-2.0, 2.0 * LOG_2))?)
}

/// `output` `[b, 2a]` and `noise` `[b, a]` to `[b, a + 1]`: the actions, then their log-density.
struct Squash(SquashedGaussian);

impl Kernel<2> for Squash {
    const NAME: &'static str = "squashed-gaussian";

    fn value(&self, [output, noise]: [Dense<'_>; 2]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let (rows, width) = Shape::from(noise.dims).dims2()?;
        let mut u = vec![0.0; rows * width];
        squash::draw(self.0, output.values, noise.values, width, &mut u);
        let packed = squash::squash(self.0, output.values, noise.values, width, &mut u);
        Ok((packed, Shape::from((rows, width + 1))))
    }

    fn gradient(
        &self,
        [output, noise]: [Dense<'_>; 2],
        packed: &[f32],
        grad: &[f32],
        _: [bool; 2],
    ) -> candle_core::Result<[Vec<f32>; 2]> {
        let (_, width) = Shape::from(noise.dims).dims2()?;
        let gradient = squash::gradient(self.0, output.values, noise.values, width, packed, grad);
        // The noise is detached.
        Ok([gradient, Vec::new()])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use rand_xoshiro::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn both_device_paths_agree() {
        let law = SquashedGaussian { log_std_min: -1.0, log_std_max: 1.0 };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut values = vec![0.0; 11 * 9];
        standard_normal(&mut rng, &mut values);
        let output = Var::from_slice(&values[..66], (11, 6), &Device::Cpu).unwrap();
        let noise = Tensor::from_slice(&values[66..], (11, 3), &Device::Cpu).unwrap();
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let results = [law.sample(&output, &noise), law.composed_sample(&output, &noise)].map(|sample| {
            let (actions, log_prob) = sample.unwrap();
            let loss = (actions.sqr().unwrap().sum_all().unwrap() + log_prob.sum_all().unwrap()).unwrap();
            let gradients = loss.backward().unwrap();
            [flat(&actions), flat(&log_prob), flat(gradients.get(&output).unwrap())]
        });
        for (ours, theirs) in results[0].iter().flatten().zip(results[1].iter().flatten()) {
            assert!((ours - theirs).abs() < 2e-5 * (1.0 + theirs.abs()), "{ours} against {theirs}");
        }
    }

    #[test]
    fn diagonal_density_and_entropy_have_their_closed_forms() {
        let tensor = |values: &[f32]| Tensor::from_slice(values, (1, 2), &Device::Cpu).unwrap();
        let log_std = Tensor::new(&[0.5_f32, -1.0], &Device::Cpu).unwrap();
        let density = log_prob(&tensor(&[1.0, 2.0]), &log_std, &tensor(&[0.0, 2.5])).unwrap();
        let one = |z: f64, log_std: f64| -0.5 * z * z - log_std - HALF_LOG_2PI;
        let exact = one(-1.0 / 0.5_f64.exp(), 0.5) + one(0.5 / (-1.0_f64).exp(), -1.0);
        assert!((f64::from(density.to_vec1::<f32>().unwrap()[0]) - exact).abs() < 1e-6);
        let exact = 2.0 * (0.5 + HALF_LOG_2PI) + 0.5 - 1.0;
        assert!((f64::from(entropy(&log_std).unwrap().to_scalar::<f32>().unwrap()) - exact).abs() < 1e-6);
    }
}
