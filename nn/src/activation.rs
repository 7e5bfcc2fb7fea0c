//! Activation functions.

use candle_core::{Shape, Tensor};
use serde::{Deserialize, Serialize};

use crate::{
    NnError,
    dense::{Dense, Fused, Kernel},
    kernels::pointwise,
};

/// An element-wise nonlinearity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x` above zero, `0.01 x` below (PyTorch's default slope).
    LeakyRelu,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x sigmoid(x)`, also called swish.
    Silu,
    /// `x Φ(x)` in its tanh approximation (Hendrycks and Gimpel, arXiv:1606.08415, section 2).
    Gelu,
    /// `log(1 + exp(x))`.
    Softplus,
}

impl Activation {
    /// Applies the function to every element, keeping the graph.
    ///
    /// # Errors
    /// When the tensor library refuses, for instance for an integer tensor.
    pub fn apply(self, x: &Tensor) -> Result<Tensor, NnError> {
        Ok(if x.device().is_cpu() { self.fused(x)? } else { self.composed(x)? })
    }

    pub(crate) fn fused(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Identity => Ok(x.clone()),
            _ => x.contiguous()?.apply_op1(Fused(Pointwise(self))),
        }
    }

    /// Whether the derivative is a function of the output, so that a fused layer needs to keep nothing
    /// but its output.
    pub(crate) fn derivative_from_output(self) -> bool {
        match self {
            Self::Identity | Self::Relu | Self::LeakyRelu | Self::Tanh | Self::Sigmoid => true,
            Self::Silu | Self::Gelu | Self::Softplus => false,
        }
    }

    /// The function out of the tensor library's own operations: what devices without our kernels run.
    pub(crate) fn composed(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Identity => Ok(x.clone()),
            Self::Relu => x.relu(),
            Self::LeakyRelu => x.maximum(&x.affine(0.01, 0.0)?),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => sigmoid(x),
            Self::Silu => x.mul(&sigmoid(x)?),
            Self::Gelu => x.gelu(),
            // max(x, 0) + log(1 + exp(-|x|)) neither overflows nor loses small values.
            Self::Softplus => x.relu()?.add(&(x.abs()?.neg()?.exp()? + 1.0)?.log()?),
        }
    }
}

/// Through tanh, which saturates instead of overflowing.
fn sigmoid(x: &Tensor) -> candle_core::Result<Tensor> {
    x.affine(0.5, 0.0)?.tanh()?.affine(0.5, 0.5)
}

/// An activation as one CPU operation.
struct Pointwise(Activation);

impl Kernel<1> for Pointwise {
    const NAME: &'static str = "activation";

    fn value(&self, [x]: [Dense<'_>; 1]) -> candle_core::Result<(Vec<f32>, Shape)> {
        let mut y = x.values.to_vec();
        pointwise::activate(&mut y, self.0);
        Ok((y, Shape::from(x.dims)))
    }

    fn gradient(
        &self,
        [x]: [Dense<'_>; 1],
        y: &[f32],
        grad: &[f32],
        _: [bool; 1],
    ) -> candle_core::Result<[Vec<f32>; 1]> {
        Ok([pointwise::activation_gradient(grad, x.values, y, self.0)])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn both_device_paths_agree() {
        let values: Vec<f32> = (-400..=400).map(|i| i as f32 * 0.05 + 0.01).collect();
        for activation in [
            Activation::Identity,
            Activation::Relu,
            Activation::LeakyRelu,
            Activation::Tanh,
            Activation::Sigmoid,
            Activation::Silu,
            Activation::Gelu,
            Activation::Softplus,
        ] {
            let x = Var::from_vec(values.clone(), (9, 89), &Device::Cpu).unwrap();
            let results: Vec<(Vec<f32>, Vec<f32>)> = [activation.fused(&x), activation.composed(&x)]
                .into_iter()
                .map(|y| {
                    let y = y.unwrap();
                    let gradients = y.sum_all().unwrap().backward().unwrap();
                    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1().unwrap();
                    (flat(&y), flat(gradients.get(&x).unwrap()))
                })
                .collect();
            let [(y, dy), (expected_y, expected_dy)] = &results[..] else { unreachable!("two paths") };
            for (ours, theirs) in y.iter().zip(expected_y).chain(dy.iter().zip(expected_dy)) {
                assert!(
                    (ours - theirs).abs() < 2e-6 * (1.0 + theirs.abs()),
                    "{activation:?}: {ours} {theirs}"
                );
            }
        }
    }
}
