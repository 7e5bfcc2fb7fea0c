//! A generative policy by name, as configurations write it.

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_envs::EnvSpec;
use telos_nn::Device;

use super::{
    ChunkDenoiser, ChunkPolicy, ChunkShape, ConsistencyPolicy, DenoiserKind, DiffusionPolicy, EnergyDenoiser,
    FlowPolicy, MlpDenoiser, MlpDenoiserConfig, NoiseSchedule, SamplerConfig, TransformerDenoiser,
    TransformerDenoiserConfig, UnetDenoiser, UnetDenoiserConfig,
};
use crate::{AgentError, error::require};

/// What leads from noise to a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// A diffusion with the cosine schedule, whose noise is predicted.
    #[default]
    Diffusion,
    /// A straight flow, whose velocity is predicted.
    Flow,
    /// A straight flow, whose end is predicted.
    Consistency,
}

/// Sizes and sampler of a generative policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GenerativeConfig {
    /// `"diffusion"` (default), `"flow"` or `"consistency"`.
    pub process: Process,
    /// Noise levels that a diffusion or a consistency policy is trained at. Default 100 (Diffusion Policy).
    pub levels: usize,
    /// Actions in a chunk. Default 16 (Diffusion Policy).
    pub horizon: usize,
    /// Actions of a chunk that are executed before the next is drawn. Default 8 (Diffusion Policy).
    pub executed: usize,
    /// Whether chunks are what a linear regression on the observation leaves of the actions (see
    /// [`ResidualActions`](super::ResidualActions)), in place of the actions. Default false.
    pub residual: bool,
    /// The network: `"mlp"` (default), `"unet"` or `"transformer"`, each with a table of its sizes here, or, for a
    /// diffusion, `"energy"`, which has those of `mlp`.
    pub denoiser: DenoiserKind,
    /// A multi-layer perceptron.
    pub mlp: MlpDenoiserConfig,
    /// A temporal U-Net.
    pub unet: UnetDenoiserConfig,
    /// A transformer.
    pub transformer: TransformerDenoiserConfig,
    /// How chunks are drawn.
    pub sampler: SamplerConfig,
}

impl Default for GenerativeConfig {
    fn default() -> Self {
        Self {
            process: Process::Diffusion,
            levels: 100,
            horizon: 16,
            executed: 8,
            residual: false,
            denoiser: DenoiserKind::Mlp,
            mlp: MlpDenoiserConfig::default(),
            unet: UnetDenoiserConfig::default(),
            transformer: TransformerDenoiserConfig::default(),
            sampler: SamplerConfig::default(),
        }
    }
}

impl GenerativeConfig {
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        require(self.levels > 0, "generative.levels", &self.levels, "use at least 1")?;
        require(self.horizon > 0, "generative.horizon", &self.horizon, "use at least 1")?;
        let sound = (1..=self.horizon).contains(&self.executed);
        let expected = "use at least 1 and at most `generative.horizon`";
        require(sound, "generative.executed", &self.executed, expected)?;
        match self.denoiser {
            DenoiserKind::Mlp => self.mlp.validate()?,
            DenoiserKind::Energy => EnergyDenoiser::validate(&self.mlp)?,
            DenoiserKind::Unet => self.unet.validate(self.horizon)?,
            DenoiserKind::Transformer => self.transformer.validate()?,
        }
        let defined = self.denoiser != DenoiserKind::Energy || self.process == Process::Diffusion;
        let expected = "an energy has a gradient that is noise: use process = \"diffusion\"";
        require(defined, "generative.denoiser", &self.denoiser, expected)?;
        self.sampler.validate()?;
        let steps = self.sampler.steps;
        let few = self.process != Process::Diffusion || steps <= self.levels;
        require(few, "generative.sampler.steps", &steps, "use at most `generative.levels`")
    }

    /// The policy for environments of this spec, with weights drawn from `rng`.
    ///
    /// # Errors
    /// When a value is outside its range.
    pub fn build(
        &self,
        spec: &EnvSpec,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<ChunkPolicy, AgentError> {
        self.validate()?;
        let (obs, act) = (spec.observation.size(), spec.action.size());
        let shape = ChunkShape { obs, horizon: self.horizon, act };
        let denoiser = self.denoiser(shape, rng, device)?;
        let sampler = self.sampler.clone();
        Ok(match self.process {
            Process::Diffusion => {
                let schedule = NoiseSchedule::cosine(self.levels)?;
                ChunkPolicy::Diffusion(DiffusionPolicy::new(denoiser, schedule, sampler)?)
            }
            Process::Flow => ChunkPolicy::Flow(FlowPolicy::new(denoiser, sampler)?),
            Process::Consistency => {
                ChunkPolicy::Consistency(ConsistencyPolicy::new(denoiser, self.levels, sampler)?)
            }
        })
    }

    /// The network for chunks of this shape.
    fn denoiser(
        &self,
        shape: ChunkShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<ChunkDenoiser, AgentError> {
        Ok(match self.denoiser {
            DenoiserKind::Mlp => ChunkDenoiser::Mlp(MlpDenoiser::new(&self.mlp, shape, rng, device)?),
            DenoiserKind::Energy => {
                ChunkDenoiser::Energy(EnergyDenoiser::new(&self.mlp, shape, rng, device)?)
            }
            DenoiserKind::Unet => {
                ChunkDenoiser::Unet(Box::new(UnetDenoiser::new(&self.unet, shape, rng, device)?))
            }
            DenoiserKind::Transformer => {
                let transformer = TransformerDenoiser::new(&self.transformer, shape, rng, device)?;
                ChunkDenoiser::Transformer(Box::new(transformer))
            }
        })
    }
}
