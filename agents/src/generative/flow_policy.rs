//! Flow policies: the network predicts the velocity of the straight path from noise to chunk (Lipman et
//! al. 2022, "Flow Matching for Generative Modeling", arXiv 2210.02747).
//!
//! L = E |(a - eps) - v_theta((1 - t) eps + t a, t, s)|^2

use telos_nn::{NnError, Parameters, Tensor, Var};

use super::{Denoiser, DenoisingStep, GenerativePolicy, MlpDenoiser, NoiseDraw, SamplerConfig, flow_path};
use crate::AgentError;

/// A policy over a flow. With `eta = 0` it integrates the flow, with `eta = 1` the memoryless process that
/// has the same chunks.
#[derive(Debug)]
pub struct FlowPolicy<D = MlpDenoiser> {
    denoiser: D,
    sampler: SamplerConfig,
    steps: Vec<DenoisingStep>,
}

impl<D: Denoiser> FlowPolicy<D> {
    /// A policy around a network.
    ///
    /// # Errors
    /// When the sampler makes no sense.
    pub fn new(denoiser: D, sampler: SamplerConfig) -> Result<Self, AgentError> {
        let steps = flow_path::sampler(&sampler)?;
        Ok(Self { denoiser, sampler, steps })
    }
}

impl<D: Denoiser> GenerativePolicy for FlowPolicy<D> {
    fn denoiser(&self) -> &dyn Denoiser {
        &self.denoiser
    }

    fn steps(&self) -> &[DenoisingStep] {
        &self.steps
    }

    fn sampler(&self) -> &SamplerConfig {
        &self.sampler
    }

    fn set_sampler(&mut self, config: SamplerConfig) -> Result<(), AgentError> {
        self.steps = flow_path::sampler(&config)?;
        self.sampler = config;
        Ok(())
    }

    fn one_step_loss(&self, obs: &Tensor, chunks: &Tensor, draw: &NoiseDraw) -> Result<Tensor, NnError> {
        let t = Tensor::from_slice(&draw.levels, (draw.levels.len(), 1), chunks.device())?;
        let velocity = (chunks - &draw.noise)?;
        let x = (&draw.noise + velocity.broadcast_mul(&t)?)?;
        Ok((self.denoiser.forward(&x, &draw.levels, obs)? - velocity)?.sqr()?)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        let denoiser = self.denoiser.frozen_copy()?;
        Ok(Self { denoiser, sampler: self.sampler.clone(), steps: self.steps.clone() })
    }
}

impl<D: Denoiser> Parameters for FlowPolicy<D> {
    fn named(&self) -> Vec<(String, &Var)> {
        self.denoiser.named()
    }
}
