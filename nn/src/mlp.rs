//! The multi-layer perceptron.

use candle_core::{Device, Tensor, Var};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    Activation, Init, NnError, Parameters,
    layers::{Layers, Weights},
    weights,
};

/// Sizes, nonlinearities and initial weights of an [`Mlp`] or of each member of an
/// [`MlpEnsemble`](crate::MlpEnsemble).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpConfig {
    /// Width of the input; set by whoever knows the environment. Default 1.
    pub inputs: usize,
    /// Widths of the hidden layers; default `[256, 256]` (Haarnoja et al., arXiv:1812.05905, table 1).
    pub hidden: Vec<usize>,
    /// Width of the output; set by whoever knows the environment. Default 1.
    pub outputs: usize,
    /// Nonlinearity of the hidden layers; default [`Activation::Relu`] (same table).
    pub activation: Activation,
    /// Nonlinearity of the output; default [`Activation::Identity`].
    pub output_activation: Activation,
    /// Whether the sums of every hidden layer are normalised before its nonlinearity (Ba et al.,
    /// arXiv:1607.06450); default false.
    pub layer_norm: bool,
    /// Initial weights; default [`Init::FanIn`].
    pub init: Init,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            inputs: 1,
            hidden: vec![256, 256],
            outputs: 1,
            activation: Activation::Relu,
            output_activation: Activation::Identity,
            layer_norm: false,
            init: Init::FanIn,
        }
    }
}

/// One network `[b, inputs] -> [b, outputs]`.
///
/// ```
/// use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
/// use telos_nn::{Device, Mlp, MlpConfig, Tensor};
///
/// let config = MlpConfig { inputs: 3, hidden: vec![8], outputs: 2, ..Default::default() };
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
/// let mlp = Mlp::new("actor", &config, &mut rng, &Device::Cpu)?;
///
/// let x = [0.1, -0.2, 0.3];
/// let y = mlp.forward(&Tensor::new(&[x], &Device::Cpu)?)?;
/// let mut fast = [0.0; 2];
/// mlp.infer(&x, 1, &mut fast)?;
/// assert_eq!(y.to_vec2::<f32>()?[0], fast);
/// # Ok::<(), telos_nn::NnError>(())
/// ```
#[derive(Debug)]
pub struct Mlp {
    layers: Layers,
}

impl Mlp {
    /// Draws the weights layer by layer from `rng`.
    ///
    /// # Errors
    /// When a width is zero.
    pub fn new(
        name: &str,
        config: &MlpConfig,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        Ok(Self { layers: Layers::new(name, None, config, rng, device)? })
    }

    /// `[b, inputs] -> [b, outputs]`, with gradients to the weights and to a tracked input.
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

    /// Evaluates `rows` inputs `[rows, inputs]` into `output` `[rows, outputs]`, with the same bits as
    /// [`forward`](Self::forward) on the same rows. On the CPU it builds no graph and, once this
    /// thread has seen the size, allocates nothing itself; the matrix product takes short-lived scratch
    /// memory for packing.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn infer(&self, input: &[f32], rows: usize, output: &mut [f32]) -> Result<(), NnError> {
        self.layers.infer(input, rows, output)
    }

    /// Width of the input.
    pub fn inputs(&self) -> usize {
        self.layers.inputs()
    }

    /// Width of the output.
    pub fn outputs(&self) -> usize {
        self.layers.outputs()
    }

    /// Where the weights live.
    pub fn device(&self) -> &Device {
        self.layers.device()
    }

    /// A network with equal weights in memory of its own.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn deep_clone(&self) -> Result<Self, NnError> {
        Ok(Self { layers: self.layers.deep_clone()? })
    }
}

impl Parameters for Mlp {
    fn named(&self) -> Vec<(String, &Var)> {
        self.layers.named()
    }
}

impl Checkpoint for Mlp {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)
    }
}
