//! Layer normalisation (Ba, Kiros and Hinton, arXiv:1607.06450, equation 4): every row of a layer's
//! output is shifted and scaled to mean zero and variance one, then by a learned gain and bias.
//!
//! In critics that learn off-policy it bounds how far values can be extrapolated beyond the data (Ball
//! et al., arXiv:2302.02948, section 4.2).

use candle_core::{CpuStorage, CustomOp3, D, Device, Layout, Shape, Tensor, Var, bail};

use crate::{
    Activation, NnError, dense,
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
        x.apply_op3(gain, bias, FusedLayerNorm { activation })
    } else {
        activation.fused(&x.apply_op3(gain, bias, FusedLayerNorm { activation: Activation::Identity })?)
    }
}

struct FusedLayerNorm {
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

impl CustomOp3 for FusedLayerNorm {
    fn name(&self) -> &'static str {
        "fused-layer-norm"
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
        let (size, width) = sizes(x_layout.dims(), gain_layout.dims())?;
        let (gain, bias) = (dense::floats(gain, gain_layout)?, dense::floats(bias, bias_layout)?);
        let mut y = dense::floats(x, x_layout)?.to_vec();
        if size > 0 {
            for (member, y) in y.chunks_exact_mut(size).enumerate() {
                let part = member * width..(member + 1) * width;
                normalize::layer_norm(y, &gain[part.clone()], &bias[part], self.activation);
            }
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (size, width) = sizes(x.dims(), gain.dims())?;
        let grad = grad.contiguous()?;
        dense::with_floats([x, gain, y, &grad], |[x_values, gains, y, grad]| {
            let through;
            let d_normal = if self.activation == Activation::Identity {
                grad
            } else {
                through = pointwise::activation_gradient(grad, y, y, self.activation);
                &through
            };
            let (mut d_gain, mut d_bias) = (vec![0.0; gains.len()], vec![0.0; gains.len()]);
            let mut d_x = Vec::with_capacity(x_values.len());
            for (member, gains) in gains.chunks_exact(width).enumerate() {
                let (rows, part) = (member * size..(member + 1) * size, member * width..(member + 1) * width);
                d_x.extend(normalize::layer_norm_gradient(
                    &x_values[rows.clone()],
                    gains,
                    &d_normal[rows],
                    &mut d_gain[part.clone()],
                    &mut d_bias[part],
                ));
            }
            let tensor = |wanted: &Tensor, values: Vec<f32>| {
                let tensor = Tensor::from_vec(values, wanted.shape(), wanted.device());
                wanted.track_op().then_some(tensor).transpose()
            };
            Ok((tensor(x, d_x)?, tensor(gain, d_gain)?, tensor(bias, d_bias)?))
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
                let factors = variable(x.dims(), &mut rng).as_detached_tensor();
                let [ours, theirs] = [fused, composed].map(|norm| {
                    let y = norm(&x, &gain, &bias, activation).unwrap();
                    let gradients = (&y * &factors).unwrap().sum_all().unwrap().backward().unwrap();
                    [flat(&y)]
                        .into_iter()
                        .chain([&x, &gain, &bias].map(|var| flat(gradients.get(var).unwrap())))
                        .flatten()
                        .collect::<Vec<f32>>()
                });
                assert_eq!(ours.len(), theirs.len());
                for (ours, theirs) in ours.iter().zip(&theirs) {
                    assert!(
                        (ours - theirs).abs() < 3e-5 * (1.0 + theirs.abs()),
                        "{activation:?}: {ours} {theirs}"
                    );
                }
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
