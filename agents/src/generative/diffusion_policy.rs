//! Diffusion policies: Ho et al. 2020, "Denoising Diffusion Probabilistic Models", arXiv 2006.11239, with
//! actions for pictures as Chi et al. 2023, "Diffusion Policy", arXiv 2303.04137, do.
//!
//! The network predicts the noise in a^k = sqrt(alpha_bar_k) a^0 + sqrt(1 - alpha_bar_k) eps:
//!
//! L = E |eps - eps_theta(a^k, k, s)|^2   (DDPM, equation 14)

use telos_nn::{NnError, Parameters, Tensor, Var};

use super::{
    Denoiser, DenoisingStep, GenerativePolicy, MlpDenoiser, NoiseDraw, NoiseSchedule, SamplerConfig,
    generative_policy::{estimated_log_ratio, per_row},
};
use crate::AgentError;

/// Chunks with noise.
struct Noised {
    /// `[b, width]`
    x: Tensor,
    /// `[b]`: what the denoiser is told.
    times: Vec<f32>,
    /// `[b, 1]`: the deviation of the noise.
    sigma: Tensor,
}

/// A policy over a diffusion.
#[derive(Debug)]
pub struct DiffusionPolicy<D = MlpDenoiser> {
    denoiser: D,
    schedule: NoiseSchedule,
    sampler: SamplerConfig,
    steps: Vec<DenoisingStep>,
}

impl<D: Denoiser> DiffusionPolicy<D> {
    /// A policy around a network, with the levels to train at and a sampler that uses some of them.
    ///
    /// # Errors
    /// When the sampler makes no sense or has more steps than the schedule.
    pub fn new(denoiser: D, schedule: NoiseSchedule, sampler: SamplerConfig) -> Result<Self, AgentError> {
        let steps = schedule.sampler(&sampler)?;
        Ok(Self { denoiser, schedule, sampler, steps })
    }

    /// Chunks `[b, width]` at the levels, and with the noise, of a draw.
    fn noised(&self, chunks: &Tensor, draw: &NoiseDraw) -> Result<Noised, NnError> {
        let count = self.schedule.len();
        let k: Vec<usize> =
            draw.levels.iter().map(|u| ((u * count as f32) as usize).min(count - 1) + 1).collect();
        let times = k.iter().map(|&k| self.schedule.time(k) as f32).collect();
        let signal = per_row(&k, |k| self.schedule.level(k).signal as f32, chunks.device())?;
        let sigma = per_row(&k, |k| self.schedule.level(k).noise as f32, chunks.device())?;
        let x = (chunks.broadcast_mul(&signal)? + draw.noise.broadcast_mul(&sigma)?)?;
        Ok(Noised { x, times, sigma })
    }
}

impl<D: Denoiser> GenerativePolicy for DiffusionPolicy<D> {
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
        self.steps = self.schedule.sampler(&config)?;
        self.sampler = config;
        Ok(())
    }

    fn one_step_loss(&self, obs: &Tensor, chunks: &Tensor, draw: &NoiseDraw) -> Result<Tensor, NnError> {
        let Noised { x, times, .. } = self.noised(chunks, draw)?;
        Ok((self.denoiser.forward(&x, &times, obs)? - &draw.noise)?.sqr()?)
    }

    /// Where the network is an energy: (g - g_ref) / sigma_t at the latent, up to a constant for each level and
    /// observation (Chen et al. 2024, arXiv 2407.09024, equation 12).
    fn log_ratio(
        &self,
        reference: &dyn GenerativePolicy,
        obs: &Tensor,
        chunks: &Tensor,
        draw: &NoiseDraw,
    ) -> Result<Tensor, NnError> {
        let Noised { x, times, sigma } = self.noised(chunks, draw)?;
        let energies = |policy: &dyn GenerativePolicy| policy.denoiser().energy(&x, &times, obs).transpose();
        match (energies(self)?, energies(reference)?) {
            (Some(ours), Some(theirs)) => Ok(((ours - theirs.detach())? / sigma)?.squeeze(1)?),
            _ => estimated_log_ratio(self, reference, obs, chunks, draw),
        }
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(Self {
            denoiser: self.denoiser.frozen_copy()?,
            schedule: self.schedule.clone(),
            sampler: self.sampler.clone(),
            steps: self.steps.clone(),
        })
    }
}

impl<D: Denoiser> Parameters for DiffusionPolicy<D> {
    fn named(&self) -> Vec<(String, &Var)> {
        self.denoiser.named()
    }
}
