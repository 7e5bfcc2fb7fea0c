//! Layer normalisation.

use candle_core::{D, Device, Tensor, Var};

use crate::{NnError, linear::Weights};

/// Added to the variance (PyTorch's default).
const EPS: f64 = 1e-5;

/// `y = γ (x - mean(x)) / sqrt(var(x) + 1e-5) + β` over the last dimension (Ba, Kiros, Hinton 2016,
/// arXiv:1607.06450, equation 4).
#[derive(Debug)]
pub(crate) struct LayerNorm {
    /// γ, `[width]`; starts at 1.
    pub(crate) weight: Var,
    /// β, `[width]`; starts at 0.
    pub(crate) bias: Var,
}

impl LayerNorm {
    pub(crate) fn new(width: usize, device: &Device) -> Result<Self, NnError> {
        Ok(Self {
            weight: Var::from_vec(vec![1.0_f32; width], width, device)?,
            bias: Var::from_vec(vec![0.0_f32; width], width, device)?,
        })
    }

    /// `[.., width]` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor, weights: Weights) -> candle_core::Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normal = centred.broadcast_div(&variance.affine(1.0, EPS)?.sqrt()?)?;
        match weights {
            Weights::Trained => normal.broadcast_mul(&self.weight)?.broadcast_add(&self.bias),
            Weights::Frozen => normal
                .broadcast_mul(&self.weight.as_detached_tensor())?
                .broadcast_add(&self.bias.as_detached_tensor()),
        }
    }
}
