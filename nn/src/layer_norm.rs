//! Layer normalisation (Ba, Kiros and Hinton, arXiv:1607.06450, equation 4): every row of a layer's
//! output is shifted and scaled to mean zero and variance one, then by a learned gain and bias.
//!
//! In critics that learn off-policy it bounds how far values can be extrapolated beyond the data (Ball
//! et al., arXiv:2302.02948, section 4.2).

use candle_core::{D, Device, Shape, Tensor, Var, bail};

use crate::{
    Activation, NnError,
    dense::{self, Dense, Fused, Kernel},
    kernels::{normalize, pointwise},
    linear::Weights,
};

/// Gain and bias of one layer's normalisation, of one network or of an ensemble.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    /// `[width]`, or `[members, width]`.
    pub(crate) gain: Var,
    /// `[width]`, or `[members, width]`.
    pub(crate) bias: Var,
}

impl LayerNorm {
    /// Gains one and biases zero.
    pub(crate) fn new(members: Option<usize>, width: usize, device: &Device) -> Result<Self, NnError> {
        let shape = members.map_or_else(|| vec![width], |n| vec![n, width]);
        let values = |value: f32| vec![value; members.unwrap_or(1) * width];
        Ok(Self {
            gain: Var::from_vec(values(1.0), shape.clone(), device)?,
            bias: Var::from_vec(values(0.0), shape, device)?,
        })
    }

    /// Normalises `x`, `[.., width]`, or `[members, rows, width]` for an ensemble, and applies the activation.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        activation: Activation,
        weights: Weights,
    ) -> candle_core::Result<Tensor> {
        let forward = if x.device().is_cpu() { fused } else { composed };
        match weights {
            Weights::Trained => forward(x, &self.gain, &self.bias, activation),
            Weights::Frozen => {
                forward(x, &self.gain.as_detached_tensor(), &self.bias.as_detached_tensor(), activation)
            }
        }
    }

    /// One member's rows, in place, with the bits of [`fused`].
    pub(crate) fn infer(
        &self,
        member: usize,
        x: &mut [f32],
        activation: Activation,
    ) -> candle_core::Result<()> {
        let width = self.gain.dim(D::Minus1)?;
        dense::with_floats([&self.gain, &self.bias], |[gain, bias]| {
            let part = member * width..(member + 1) * width;
            normalize::layer_norm(x, &gain[part.clone()], &bias[part], activation);
        })
    }

    /// A copy of some members' gains and biases.
    pub(crate) fn select(&self, members: &Tensor) -> candle_core::Result<Self> {
        Ok(Self {
            gain: Var::from_tensor(&self.gain.as_detached_tensor().index_select(members, 0)?)?,
            bias: Var::from_tensor(&self.bias.as_detached_tensor().index_select(members, 0)?)?,
        })
    }

    pub(crate) fn deep_clone(&self) -> candle_core::Result<Self> {
        Ok(Self {
            gain: Var::from_tensor(&self.gain.as_detached_tensor().copy()?)?,
            bias: Var::from_tensor(&self.bias.as_detached_tensor().copy()?)?,
        })
    }
}

/// The normalisation out of the tensor library's own operations: what devices without our kernels run.
fn composed(x: &Tensor, gain: &Tensor, bias: &Tensor, activation: Activation) -> candle_core::Result<Tensor> {
    let (gain, bias) = match gain.rank() {
        2 => (gain.unsqueeze(1)?, bias.unsqueeze(1)?),
        _ => (gain.clone(), bias.clone()),
    };
    let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let deviation = (centered.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?.sqrt()?;
    activation.composed(&centered.broadcast_div(&deviation)?.broadcast_mul(&gain)?.broadcast_add(&bias)?)
}

/// The normalisation as one CPU operation, or two where the derivative of the activation needs its input.
fn fused(x: &Tensor, gain: &Tensor, bias: &Tensor, activation: Activation) -> candle_core::Result<Tensor> {
    let x = x.contiguous()?;
    if activation.derivative_from_output() {
        x.apply_op3(gain, bias, Fused(Rows { activation }))
    } else {
        activation.fused(&x.apply_op3(gain, bias, Fused(Rows { activation: Activation::Identity }))?)
    }
}

/// Rows that are normalised, each by itself, before the activation.
struct Rows {
    activation: Activation,
}

/// The numbers of each member: rows times width, and width.
fn sizes(x: &[usize], gain: &[usize]) -> candle_core::Result<(usize, usize)> {
    match (x, gain) {
        (&[.., width], &[w]) if w == width && w > 0 => Ok((x.iter().product(), width)),
        (&[n, rows, width], &[m, w]) if n == m && w == width && w > 0 => Ok((rows * width, width)),
        _ => bail!("a layer normalisation met an input {x:?} with gains {gain:?}"),
    }
}

impl Kernel<3> for Rows {
    const NAME: &'static str = "fused-layer-norm";

    fn value(&self, [x, gain, bias]: [Dense<'_>; 3]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let (size, width) = sizes(x.dims, gain.dims)?;
        let mut y = x.values.to_vec();
        if size > 0 {
            for (member, y) in y.chunks_exact_mut(size).enumerate() {
                let part = member * width..(member + 1) * width;
                normalize::layer_norm(y, &gain.values[part.clone()], &bias.values[part], self.activation);
            }
        }
        Ok((y, Shape::from(x.dims)))
    }

    fn gradient(
        &self,
        [x, gain, _]: [Dense<'_>; 3],
        y: &[f32],
        grad: &[f32],
        _: [bool; 3],
    ) -> candle_core::Result<[Vec<f32>; 3]> {
        let (size, width) = sizes(x.dims, gain.dims)?;
        let through;
        let d_normal = if self.activation == Activation::Identity {
            grad
        } else {
            through = pointwise::activation_gradient(grad, y, y, self.activation);
            &through
        };
        let (mut d_gain, mut d_bias) = (vec![0.0; gain.values.len()], vec![0.0; gain.values.len()]);
        let mut d_x = Vec::with_capacity(x.values.len());
        for (member, gains) in gain.values.chunks_exact(width).enumerate() {
            let (rows, part) = (member * size..(member + 1) * size, member * width..(member + 1) * width);
            d_x.extend(normalize::layer_norm_gradient(
                &x.values[rows.clone()],
                gains,
                &d_normal[rows],
                &mut d_gain[part.clone()],
                &mut d_bias[part],
            ));
        }
        Ok([d_x, d_gain, d_bias])
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
        let shapes = [
            (vec![5, 3], vec![3]),
            (vec![4, 37], vec![37]),
            (vec![2, 3, 16], vec![16]),
            (vec![2, 3, 16], vec![2, 16]),
        ];
        for (x, gain) in shapes {
            for activation in [Activation::Identity, Activation::Tanh, Activation::Silu] {
                let (x, gain, bias) =
                    (variable(&x, &mut rng), variable(&gain, &mut rng), variable(&gain, &mut rng));
                let paths = [fused, composed].map(|path| {
                    let (x, gain, bias) = (&x, &gain, &bias);
                    move || path(x, gain, bias, activation)
                });
                let both = values_and_gradients(paths, &[&x, &gain, &bias], &mut rng);
                assert_close(both, 3e-5, &format!("{activation:?}"));
            }
        }
    }

    #[test]
    fn rows_get_mean_zero_and_variance_one_whatever_their_scale() {
        let norm = LayerNorm::new(None, 4, &Device::Cpu).unwrap();
        let x = Tensor::new(&[[1e3_f32, 2e3, 3e3, 4e3], [0.5, 0.5, 0.5, 0.5]], &Device::Cpu).unwrap();
        let y = norm.forward(&x, Activation::Identity, Weights::Trained).unwrap();
        // Deviation sqrt(1.25) thousand; a constant row becomes zero.
        let expected = [-1.5, -0.5, 0.5, 1.5].map(|d| d / 1.25_f32.sqrt());
        for (y, expected) in flat(&y).iter().zip(expected.into_iter().chain([0.0; 4])) {
            assert!((y - expected).abs() < 1e-5, "{y} {expected}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        let norm = LayerNorm::new(None, 4, &Device::Cpu).unwrap();
        let x = Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = norm.forward(&x, Activation::Relu, Weights::Trained).unwrap_err().to_string();
        assert!(error.contains("an input [2, 3] with gains [4]"), "{error}");
    }
}
