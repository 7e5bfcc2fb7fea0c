//! Group normalisation of sequences (Wu and He 2018, arXiv:1803.08494), followed by SiLU, and feature-wise
//! modulation (FiLM: Perez et al. 2017, arXiv:1709.07871).

use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, Device, Layout, Shape, Tensor, Var, bail};

use crate::{
    Activation, NnError, dense,
    kernels::group::{self, Groups},
    linear::Weights,
};

/// Gains and biases of `silu(norm(x))`, in which neighbouring channels share mean and deviation over time.
#[derive(Debug)]
pub(crate) struct GroupNorm {
    /// Channels that are normalised together.
    group: usize,
    /// `[channels]`.
    pub(crate) gain: Var,
    /// `[channels]`.
    pub(crate) bias: Var,
}

impl GroupNorm {
    /// Gains one and biases zero. `groups` divides `channels`.
    pub(crate) fn new(channels: usize, groups: usize, device: &Device) -> Result<Self, NnError> {
        Ok(Self {
            group: channels / groups,
            gain: Var::from_vec(vec![1.0f32; channels], channels, device)?,
            bias: Var::from_vec(vec![0.0f32; channels], channels, device)?,
        })
    }

    /// `[b, length, channels]` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor, weights: Weights) -> candle_core::Result<Tensor> {
        let forward = if x.device().is_cpu() { fused } else { composed };
        match weights {
            Weights::Trained => forward(x, &self.gain, &self.bias, self.group),
            Weights::Frozen => {
                forward(x, &self.gain.as_detached_tensor(), &self.bias.as_detached_tensor(), self.group)
            }
        }
    }

    pub(crate) fn deep_clone(&self) -> candle_core::Result<Self> {
        Ok(Self {
            group: self.group,
            gain: Var::from_tensor(&self.gain.as_detached_tensor().copy()?)?,
            bias: Var::from_tensor(&self.bias.as_detached_tensor().copy()?)?,
        })
    }
}

fn fused(x: &Tensor, gain: &Tensor, bias: &Tensor, group: usize) -> candle_core::Result<Tensor> {
    x.contiguous()?.apply_op3(gain, bias, FusedGroupNorm { group })
}

/// Out of the tensor library's own operations: what devices without our kernels run.
fn composed(x: &Tensor, gain: &Tensor, bias: &Tensor, group: usize) -> candle_core::Result<Tensor> {
    let (b, length, channels) = x.dims3()?;
    let grouped = x.reshape((b, length, channels / group, group))?;
    let mean = |x: &Tensor| x.mean_keepdim(D::Minus1)?.mean_keepdim(1);
    let centered = grouped.broadcast_sub(&mean(&grouped)?)?;
    let deviation = (mean(&centered.sqr()?)? + 1e-5)?.sqrt()?;
    let normal = centered.broadcast_div(&deviation)?.reshape((b, length, channels))?;
    Activation::Silu.composed(&normal.broadcast_mul(gain)?.broadcast_add(bias)?)
}

struct FusedGroupNorm {
    group: usize,
}

impl FusedGroupNorm {
    fn groups(&self, x: &[usize], gain: &[usize]) -> candle_core::Result<Groups> {
        match (x, gain) {
            (&[_, length, channels], &[c]) if channels == c => {
                Ok(Groups { length, channels, group: self.group })
            }
            _ => bail!("a group normalisation met an input {x:?} with gains {gain:?}"),
        }
    }
}

impl CustomOp3 for FusedGroupNorm {
    fn name(&self) -> &'static str {
        "fused-group-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gain: &CpuStorage,
        gain_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let groups = self.groups(x_layout.dims(), gain_layout.dims())?;
        let (gain, bias) = (dense::floats(gain, gain_layout)?, dense::floats(bias, bias_layout)?);
        let y = group::group_norm(groups, dense::floats(x, x_layout)?, gain, bias);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let groups = self.groups(x.dims(), gain.dims())?;
        let grad = grad.contiguous()?;
        dense::with_floats([x, gain, bias, &grad], |[values, gains, biases, grad]| {
            let (mut d_gain, mut d_bias) = (vec![0.0; gains.len()], vec![0.0; gains.len()]);
            let both = (&mut d_gain[..], &mut d_bias[..]);
            let d_x = group::group_norm_gradient(groups, values, (gains, biases), grad, both);
            let tensor = |wanted: &Tensor, values: Vec<f32>| {
                let tensor = || Tensor::from_vec(values, wanted.shape(), wanted.device());
                wanted.track_op().then(tensor).transpose()
            };
            Ok((tensor(x, d_x)?, tensor(gain, d_gain)?, tensor(bias, d_bias)?))
        })?
    }
}

/// `x (1 + scale) + shift` for `x` `[b, length, channels]` and `film` `[b, 2 channels]`, scales before shifts:
/// at first, when both are small, almost `x`.
pub(crate) fn modulate(x: &Tensor, film: &Tensor) -> candle_core::Result<Tensor> {
    if x.device().is_cpu() {
        x.contiguous()?.apply_op2(&film.contiguous()?, Modulation)
    } else {
        modulate_composed(x, film)
    }
}

fn modulate_composed(x: &Tensor, film: &Tensor) -> candle_core::Result<Tensor> {
    let channels = x.dim(2)?;
    let part = |start: usize| film.narrow(1, start, channels)?.unsqueeze(1);
    x.broadcast_mul(&(part(0)? + 1.0)?)?.broadcast_add(&part(channels)?)
}

struct Modulation;

impl Modulation {
    /// Length and channels.
    fn sizes(x: &[usize], film: &[usize]) -> candle_core::Result<(usize, usize)> {
        match (x, film) {
            (&[n, length, channels], &[m, both]) if n == m && both == 2 * channels => Ok((length, channels)),
            _ => bail!("a modulation met an input {x:?} with factors {film:?}"),
        }
    }
}

impl CustomOp2 for Modulation {
    fn name(&self) -> &'static str {
        "modulation"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        film: &CpuStorage,
        film_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (length, channels) = Self::sizes(x_layout.dims(), film_layout.dims())?;
        let (x, film) = (dense::floats(x, x_layout)?, dense::floats(film, film_layout)?);
        Ok((CpuStorage::F32(group::modulate(length, x, film, channels)), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        film: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let (length, channels) = Self::sizes(x.dims(), film.dims())?;
        let grad = grad.contiguous()?;
        dense::with_floats([x, film, &grad], |[values, films, grad]| {
            let (d_x, d_film) = group::modulate_gradient(length, values, films, grad, channels);
            let tensor = |wanted: &Tensor, values: Vec<f32>| {
                let tensor = || Tensor::from_vec(values, wanted.shape(), wanted.device());
                wanted.track_op().then(tensor).transpose()
            };
            Ok((tensor(x, d_x)?, tensor(film, d_film)?))
        })?
    }
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};

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

    /// Values, then the gradients of a weighted sum.
    fn all(y: &Tensor, factors: &Tensor, vars: &[&Var]) -> Vec<f32> {
        let gradients = (y * factors).unwrap().sum_all().unwrap().backward().unwrap();
        let gradients = vars.iter().flat_map(|var| flat(gradients.get(var).unwrap()));
        flat(y).into_iter().chain(gradients).collect()
    }

    fn assert_close(ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs).abs() < 5e-5 * (1.0 + theirs.abs()), "{ours} {theirs}");
        }
    }

    #[test]
    fn both_device_paths_agree_in_values_and_gradients() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for (shape, group) in [([2, 5, 6], 3), ([3, 1, 8], 2), ([1, 4, 40], 40), ([2, 16, 32], 4)] {
            let x = variable(&shape, &mut rng);
            let (gain, bias) = (variable(&shape[2..], &mut rng), variable(&shape[2..], &mut rng));
            let factors = variable(&shape, &mut rng).as_detached_tensor();
            let vars = [&x, &gain, &bias];
            let [ours, theirs] =
                [fused, composed].map(|norm| all(&norm(&x, &gain, &bias, group).unwrap(), &factors, &vars));
            assert_close(&ours, &theirs);

            let film = variable(&[shape[0], 2 * shape[2]], &mut rng);
            let ours = all(&modulate(&x, &film).unwrap(), &factors, &[&x, &film]);
            assert_close(&ours, &all(&modulate_composed(&x, &film).unwrap(), &factors, &[&x, &film]));
        }
    }

    #[test]
    fn groups_get_mean_zero_and_variance_one_before_the_nonlinearity() {
        let norm = GroupNorm::new(4, 2, &Device::Cpu).unwrap();
        let x = Tensor::new(&[[[1e3f32, 3e3, 0.5, 0.5], [2e3, 4e3, 0.5, 0.5]]], &Device::Cpu).unwrap();
        let y = norm.forward(&x, Weights::Frozen).unwrap();
        let silu = |x: f32| x / (1.0 + (-x).exp());
        // 1, 2, 3, 4 thousand have mean 2.5 and deviation sqrt(1.25); a constant group becomes zero.
        let expected = [-1.5, 0.5, 0.0, 0.0, -0.5, 1.5, 0.0, 0.0].map(|d| silu(d / 1.25f32.sqrt()));
        for (y, expected) in flat(&y).iter().zip(expected) {
            assert!((y - expected).abs() < 1e-5, "{y} {expected}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        let norm = GroupNorm::new(4, 2, &Device::Cpu).unwrap();
        let x = Tensor::zeros((2, 3, 5), candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = norm.forward(&x, Weights::Frozen).unwrap_err().to_string();
        assert!(error.contains("an input [2, 3, 5] with gains [4]"), "{error}");
        let error = modulate(&x, &Tensor::zeros((2, 5), candle_core::DType::F32, &Device::Cpu).unwrap());
        assert!(error.unwrap_err().to_string().contains("factors [2, 5]"));
    }
}
