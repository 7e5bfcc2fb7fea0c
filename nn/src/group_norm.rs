//! Group normalisation of sequences (Wu and He 2018, arXiv:1803.08494), followed by SiLU, and feature-wise
//! modulation (FiLM: Perez et al. 2017, arXiv:1709.07871).

use candle_core::{D, Device, Shape, Tensor, Var, bail};

use crate::{
    Activation, NnError,
    dense::{Dense, Fused, Kernel},
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
    x.contiguous()?.apply_op3(gain, bias, Fused(Grouped { group }))
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

/// Channels in groups of this size.
struct Grouped {
    group: usize,
}

impl Grouped {
    fn groups(&self, x: &[usize], gain: &[usize]) -> candle_core::Result<Groups> {
        match (x, gain) {
            (&[_, length, channels], &[c]) if channels == c => {
                Ok(Groups { length, channels, group: self.group })
            }
            _ => bail!("a group normalisation met an input {x:?} with gains {gain:?}"),
        }
    }
}

impl Kernel<3> for Grouped {
    const NAME: &'static str = "fused-group-norm";

    fn value(&self, [x, gain, bias]: [Dense<'_>; 3]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let groups = self.groups(x.dims, gain.dims)?;
        Ok((group::group_norm(groups, x.values, gain.values, bias.values), Shape::from(x.dims)))
    }

    fn gradient(
        &self,
        [x, gain, bias]: [Dense<'_>; 3],
        _: &[f32],
        grad: &[f32],
        _: [bool; 3],
    ) -> candle_core::Result<[Vec<f32>; 3]> {
        let groups = self.groups(x.dims, gain.dims)?;
        let (mut d_gain, mut d_bias) = (vec![0.0; gain.values.len()], vec![0.0; gain.values.len()]);
        let both = (&mut d_gain[..], &mut d_bias[..]);
        let d_x = group::group_norm_gradient(groups, x.values, (gain.values, bias.values), grad, both);
        Ok([d_x, d_gain, d_bias])
    }
}

/// `x (1 + scale) + shift` for `x` `[b, length, channels]` and `film` `[b, 2 channels]`, scales before shifts:
/// at first, when both are small, almost `x`.
pub(crate) fn modulate(x: &Tensor, film: &Tensor) -> candle_core::Result<Tensor> {
    if x.device().is_cpu() {
        x.contiguous()?.apply_op2(&film.contiguous()?, Fused(Modulation))
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

impl Kernel<2> for Modulation {
    const NAME: &'static str = "modulation";

    fn value(&self, [x, film]: [Dense<'_>; 2]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let (length, channels) = Self::sizes(x.dims, film.dims)?;
        Ok((group::modulate(length, x.values, film.values, channels), Shape::from(x.dims)))
    }

    fn gradient(
        &self,
        [x, film]: [Dense<'_>; 2],
        _: &[f32],
        grad: &[f32],
        _: [bool; 2],
    ) -> candle_core::Result<[Vec<f32>; 2]> {
        let (length, channels) = Self::sizes(x.dims, film.dims)?;
        let (d_x, d_film) = group::modulate_gradient(length, x.values, film.values, grad, channels);
        Ok([d_x, d_film])
    }
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};

    use super::*;
    use crate::device_paths::{assert_close, flat, values_and_gradients, variable};

    #[test]
    fn both_device_paths_agree_in_values_and_gradients() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for (shape, group) in [([2, 5, 6], 3), ([3, 1, 8], 2), ([1, 4, 40], 40), ([2, 16, 32], 4)] {
            let x = variable(&shape, &mut rng);
            let (gain, bias) = (variable(&shape[2..], &mut rng), variable(&shape[2..], &mut rng));
            let paths = [fused, composed].map(|path| {
                let (x, gain, bias) = (&x, &gain, &bias);
                move || path(x, gain, bias, group)
            });
            let both = values_and_gradients(paths, &[&x, &gain, &bias], &mut rng);
            assert_close(both, 5e-5, "normalisation");

            let film = variable(&[shape[0], 2 * shape[2]], &mut rng);
            let paths = [modulate, modulate_composed].map(|path| {
                let (x, film) = (&x, &film);
                move || path(x, film)
            });
            assert_close(values_and_gradients(paths, &[&x, &film], &mut rng), 5e-5, "modulation");
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
