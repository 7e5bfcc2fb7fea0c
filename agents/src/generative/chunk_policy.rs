//! A generative policy of a kind that is known at run time.

use telos_nn::{NnError, Parameters, Tensor, Var};

use super::{
    ChunkDenoiser, ConsistencyPolicy, Denoiser, DenoisingStep, DiffusionPolicy, FlowPolicy, GenerativePolicy,
    NoiseDraw, SamplerConfig,
};
use crate::AgentError;

/// One of the generative policies.
#[derive(Debug)]
pub enum ChunkPolicy {
    /// Predicts noise.
    Diffusion(DiffusionPolicy<ChunkDenoiser>),
    /// Predicts velocity.
    Flow(FlowPolicy<ChunkDenoiser>),
    /// Predicts the end.
    Consistency(ConsistencyPolicy<ChunkDenoiser>),
}

impl ChunkPolicy {
    fn kind(&self) -> &dyn GenerativePolicy {
        match self {
            Self::Diffusion(policy) => policy,
            Self::Flow(policy) => policy,
            Self::Consistency(policy) => policy,
        }
    }
}

impl GenerativePolicy for ChunkPolicy {
    fn denoiser(&self) -> &dyn Denoiser {
        self.kind().denoiser()
    }

    fn steps(&self) -> &[DenoisingStep] {
        self.kind().steps()
    }

    fn sampler(&self) -> &SamplerConfig {
        self.kind().sampler()
    }

    fn set_sampler(&mut self, config: SamplerConfig) -> Result<(), AgentError> {
        match self {
            Self::Diffusion(policy) => policy.set_sampler(config),
            Self::Flow(policy) => policy.set_sampler(config),
            Self::Consistency(policy) => policy.set_sampler(config),
        }
    }

    fn one_step_loss(&self, obs: &Tensor, chunks: &Tensor, draw: &NoiseDraw) -> Result<Tensor, NnError> {
        self.kind().one_step_loss(obs, chunks, draw)
    }

    fn log_ratio(
        &self,
        reference: &dyn GenerativePolicy,
        obs: &Tensor,
        chunks: &Tensor,
        draw: &NoiseDraw,
    ) -> Result<Tensor, NnError> {
        self.kind().log_ratio(reference, obs, chunks, draw)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(match self {
            Self::Diffusion(policy) => Self::Diffusion(policy.frozen_copy()?),
            Self::Flow(policy) => Self::Flow(policy.frozen_copy()?),
            Self::Consistency(policy) => Self::Consistency(policy.frozen_copy()?),
        })
    }
}

impl Parameters for ChunkPolicy {
    fn named(&self) -> Vec<(String, &Var)> {
        self.kind().named()
    }
}
