//! The transformer: Chi et al. 2023, "Diffusion Policy", arXiv 2303.04137, section 3.1. Every action of the
//! chunk is a token, which attends to itself and those before it; here the embedded noise level and the
//! observation are the first two tokens, where the paper has a second stack for them that actions attend to.

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_nn::{
    Activation, CausalTransformer, Device, Mlp, MlpConfig, NnError, Parameter, Parameters, Tensor,
    TransformerConfig, Var, gaussian,
};

use super::{ChunkShape, Denoiser, check_time_features, infer_by, time_features};
use crate::{AgentError, error::require};

/// Deviation of the first embeddings of positions (GPT-2, and the paper's code).
const POSITION_STD: f32 = 0.02;
/// Tokens before those of the actions.
const CONDITIONS: usize = 2;

/// Sizes of a [`TransformerDenoiser`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransformerDenoiserConfig {
    /// Numbers per token, a multiple of `heads`. Default 128 (the paper: 256).
    pub width: usize,
    /// Attention heads per layer. Default 4 (the paper).
    pub heads: usize,
    /// Layers. Default 4 (the paper: 8).
    pub layers: usize,
    /// Features of the noise level, even. Default 64.
    pub time_features: usize,
}

impl Default for TransformerDenoiserConfig {
    fn default() -> Self {
        Self { width: 128, heads: 4, layers: 4, time_features: 64 }
    }
}

impl TransformerDenoiserConfig {
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        let Self { width, heads, layers, time_features } = self;
        require(*heads > 0, "generative.transformer.heads", heads, "use at least 1")?;
        require(*layers > 0, "generative.transformer.layers", layers, "use at least 1")?;
        let whole = *width > 0 && width.is_multiple_of(*heads);
        let expected = "use a multiple of `generative.transformer.heads`";
        require(whole, "generative.transformer.width", width, expected)?;
        check_time_features("generative.transformer.time_features", *time_features)
    }
}

/// A causal transformer over the noise level, the observation and the actions of a chunk.
#[derive(Debug)]
pub struct TransformerDenoiser {
    shape: ChunkShape,
    width: usize,
    time_features: usize,
    /// From the features of the time to its token.
    time: Mlp,
    /// From the observation to its token.
    obs: Mlp,
    /// From each action to its token.
    action: Mlp,
    /// `[2 + horizon, width]`.
    positions: Parameter,
    transformer: CausalTransformer,
    /// From an action's token to its part of the prediction.
    head: Mlp,
    frozen: bool,
}

impl TransformerDenoiser {
    /// A network with weights drawn from `rng`.
    ///
    /// # Errors
    /// When a size makes no sense.
    pub fn new(
        config: &TransformerDenoiserConfig,
        shape: ChunkShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        let TransformerDenoiserConfig { width, heads, layers, time_features } = *config;
        let mut mlp = |name: &str, inputs, hidden, outputs| {
            let activation = Activation::Silu;
            let layers = MlpConfig { inputs, hidden, outputs, activation, ..MlpConfig::default() };
            Mlp::new(name, &layers, rng, device)
        };
        let time = mlp("denoiser.time", time_features, vec![width], width)?;
        let obs = mlp("denoiser.obs", shape.obs, Vec::new(), width)?;
        let action = mlp("denoiser.action", shape.act, Vec::new(), width)?;
        let head = mlp("denoiser.head", width, Vec::new(), shape.act)?;
        let tokens = CONDITIONS + shape.horizon;
        let mut positions = vec![0.0; tokens * width];
        gaussian::standard_normal(rng, &mut positions);
        positions.iter_mut().for_each(|x| *x *= POSITION_STD);
        let positions = Parameter::new("denoiser.positions", &[tokens, width], positions, device)?;
        let sizes = TransformerConfig { width, heads, layers };
        let transformer = CausalTransformer::new("denoiser.transformer", sizes, rng, device)?;
        Ok(Self {
            shape,
            width,
            time_features,
            time,
            obs,
            action,
            positions,
            transformer,
            head,
            frozen: false,
        })
    }

    fn run(&self, latents: &Tensor, times: &[f32], obs: &Tensor, frozen: bool) -> Result<Tensor, NnError> {
        let (rows, ChunkShape { horizon, act, .. }) = (times.len(), self.shape);
        let through = |mlp: &Mlp, x: &Tensor| if frozen { mlp.forward_frozen(x) } else { mlp.forward(x) };
        let token = |x: Tensor, count: usize| x.reshape((rows, count, self.width));
        let features = time_features(times, self.time_features, self.device())?;
        let tokens = [
            token(through(&self.time, &features)?, 1)?,
            token(through(&self.obs, obs)?, 1)?,
            token(through(&self.action, &latents.reshape((rows * horizon, act))?)?, horizon)?,
        ];
        let positions = self.positions.var();
        let positions = if frozen { positions.as_detached_tensor() } else { positions.as_tensor().clone() };
        let tokens = Tensor::cat(&tokens, 1)?.broadcast_add(&positions)?;
        let seen = if frozen {
            self.transformer.output_frozen(&tokens)?
        } else {
            self.transformer.output(&tokens)?
        };
        let actions = seen.narrow(1, CONDITIONS, horizon)?.reshape((rows * horizon, self.width))?;
        Ok(through(&self.head, &actions)?.reshape((rows, self.shape.width()))?)
    }
}

impl Denoiser for TransformerDenoiser {
    fn shape(&self) -> ChunkShape {
        self.shape
    }

    fn forward(&self, latents: &Tensor, times: &[f32], obs: &Tensor) -> Result<Tensor, NnError> {
        self.run(latents, times, obs, self.frozen)
    }

    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        obs: &[f32],
        _: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError> {
        let network = |latents: &Tensor, times: &[f32], obs: &Tensor| self.run(latents, times, obs, true);
        infer_by(network, (self.shape, self.device()), (latents, time, obs), prediction)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(Self {
            time: self.time.deep_clone()?,
            obs: self.obs.deep_clone()?,
            action: self.action.deep_clone()?,
            positions: self.positions.deep_clone()?,
            transformer: self.transformer.deep_clone()?,
            head: self.head.deep_clone()?,
            frozen: true,
            ..*self
        })
    }

    fn device(&self) -> &Device {
        self.transformer.device()
    }
}

impl Parameters for TransformerDenoiser {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 6] =
            [&self.time, &self.obs, &self.action, &self.positions, &self.transformer, &self.head];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}
