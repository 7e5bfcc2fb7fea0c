//! The fully connected layer `y = f(x Wᵀ + b)`, for one network or a batch of them.

use candle_core::{Device, Tensor, Var};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{Activation, Init, NnError};

/// Weights and biases of one layer, of one network or of an ensemble.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `[outputs, inputs]`, or `[members, outputs, inputs]`.
    pub(crate) weight: Var,
    /// `[outputs]`, or `[members, outputs]`.
    pub(crate) bias: Var,
}

/// Whether gradients reach the weights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weights {
    /// The layer learns.
    Trained,
    /// Gradients pass through to the input only.
    Frozen,
}

impl Linear {
    /// Draws the weights of `members` networks one after the other; `None` is a single network,
    /// whose tensors have no member dimension.
    pub(crate) fn new(
        members: Option<usize>,
        (inputs, outputs): (usize, usize),
        init: Init,
        last: bool,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for _ in 0..members.unwrap_or(1) {
            let (weight, bias) = init.draw(inputs, outputs, last, rng);
            weights.extend(weight);
            biases.extend(bias);
        }
        let (weight, bias) = match members {
            None => (
                Tensor::from_vec(weights, (outputs, inputs), device)?,
                Tensor::from_vec(biases, outputs, device)?,
            ),
            Some(n) => (
                Tensor::from_vec(weights, (n, outputs, inputs), device)?,
                Tensor::from_vec(biases, (n, outputs), device)?,
            ),
        };
        Ok(Self { weight: Var::from_tensor(&weight)?, bias: Var::from_tensor(&bias)? })
    }

    /// `x` is `[b, inputs]`, or `[members, b, inputs]` for an ensemble; the result has `outputs` in
    /// the place of `inputs`.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        activation: Activation,
        weights: Weights,
    ) -> candle_core::Result<Tensor> {
        match weights {
            Weights::Trained => composed(x, &self.weight, &self.bias, activation),
            Weights::Frozen => {
                composed(x, &self.weight.as_detached_tensor(), &self.bias.as_detached_tensor(), activation)
            }
        }
    }

    pub(crate) fn deep_clone(&self) -> candle_core::Result<Self> {
        Ok(Self {
            weight: Var::from_tensor(&self.weight.as_detached_tensor().copy()?)?,
            bias: Var::from_tensor(&self.bias.as_detached_tensor().copy()?)?,
        })
    }
}

/// The layer out of the tensor library's own operations: what devices without our kernels run.
pub(crate) fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> candle_core::Result<Tensor> {
    let product = match (x.rank(), weight.rank()) {
        (2, 3) => x.unsqueeze(0)?.broadcast_matmul(&weight.transpose(1, 2)?)?,
        (_, rank) => x.matmul(&weight.transpose(rank - 2, rank - 1)?)?,
    };
    let bias = if bias.rank() == 2 { bias.unsqueeze(1)? } else { bias.clone() };
    activation.composed(&product.broadcast_add(&bias)?)
}
