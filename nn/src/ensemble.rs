//! Several equal networks evaluated together: twin critics, reward ensembles.

use candle_core::{Device, Tensor, Var};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    MlpConfig, NnError, Parameters,
    layers::{Layers, Weights},
    weights,
};

/// `members` independent networks of one shape, with weights `[members, outputs, inputs]`.
///
/// Inputs are `[b, inputs]`, seen by every member, or `[members, b, inputs]`; outputs are
/// `[members, b, outputs]`.
#[derive(Debug)]
pub struct MlpEnsemble {
    layers: Layers,
}

impl MlpEnsemble {
    /// Draws the weights layer by layer, member by member, from `rng`.
    ///
    /// # Errors
    /// When `members` or a width is zero.
    pub fn new(
        name: &str,
        members: usize,
        config: &MlpConfig,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        Ok(Self { layers: Layers::new(name, Some(members), config, rng, device)? })
    }

    /// With gradients to the weights and to a tracked input.
    ///
    /// # Errors
    /// When `x` has another shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, NnError> {
        self.layers.forward(x, Weights::Trained)
    }

    /// As [`forward`](Self::forward), with the same values, but gradients reach the input only. With
    /// an untracked input there is no graph at all: the way to evaluate target networks.
    ///
    /// # Errors
    /// When `x` has another shape.
    pub fn forward_frozen(&self, x: &Tensor) -> Result<Tensor, NnError> {
        self.layers.forward(x, Weights::Frozen)
    }

    /// The outputs `[members.len(), b, outputs]` of some members for an input `[b, inputs]` that all of
    /// them see, with gradients to the input only.
    ///
    /// # Errors
    /// When `x` has another shape or there is no such member.
    pub fn forward_members(&self, members: &[usize], x: &Tensor) -> Result<Tensor, NnError> {
        self.layers.select(members)?.forward(x, Weights::Frozen)
    }

    /// Evaluates `rows` inputs, `[rows, inputs]` shared or `[members, rows, inputs]` per member, told
    /// apart by their length, into `output` `[members, rows, outputs]`. Bits and costs as
    /// [`Mlp::infer`](crate::Mlp::infer).
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn infer(&self, input: &[f32], rows: usize, output: &mut [f32]) -> Result<(), NnError> {
        self.layers.infer(input, rows, output)
    }

    /// Number of networks.
    pub fn members(&self) -> usize {
        self.layers.members().unwrap_or(1)
    }

    /// Width of the input.
    pub fn inputs(&self) -> usize {
        self.layers.inputs()
    }

    /// Width of the output of each member.
    pub fn outputs(&self) -> usize {
        self.layers.outputs()
    }

    /// Where the weights live.
    pub fn device(&self) -> &Device {
        self.layers.device()
    }

    /// An ensemble with equal weights in memory of its own.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn deep_clone(&self) -> Result<Self, NnError> {
        Ok(Self { layers: self.layers.deep_clone()? })
    }
}

impl Parameters for MlpEnsemble {
    fn named(&self) -> Vec<(String, &Var)> {
        self.layers.named()
    }
}

impl Checkpoint for MlpEnsemble {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)
    }
}
