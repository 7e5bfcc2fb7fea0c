//! Consistency policies: Song et al. 2023, "Consistency Models", arXiv 2303.01469, for chunks of actions as
//! Prasad et al. 2024, "Consistency Policy", arXiv 2405.07503, have them, trained without a teacher and
//! without averaged targets (Song and Dhariwal 2023, "Improved Techniques for Training Consistency Models",
//! arXiv 2310.14189). On the straight path x_t = (1 - t) eps + t a between noise and chunk:
//!
//! f_theta(x, t) = x + (1 - t) F_theta(x, t, s)         the end of the path, at once; f(x, 1) = x
//! L = E |f_theta(x_t, t) - sg f_theta(x_t', t')|^2 / (1 - t)^2,   t' = t + 1 / N, the same eps
//!
//! The weight is the one that makes errors of the network's output count alike at all levels. Every step of
//! the sampler is one evaluation: predict the end, go back to the next level with fresh noise,
//!
//! x_t' = t' f(x_t, t) + (1 - t') z   (arXiv 2303.01469, algorithm 1)

use telos_nn::{NnError, Parameters, Tensor, Var};

use super::{
    ChainNoise, Denoiser, DenoisingStep, GenerativePolicy, MlpDenoiser, NoiseDraw, SamplerConfig,
    generative_policy::per_row,
};
use crate::{AgentError, error::require};

/// A policy that goes from noise to chunk in one step, or in a few.
#[derive(Debug)]
pub struct ConsistencyPolicy<D = MlpDenoiser> {
    denoiser: D,
    /// N.
    levels: usize,
    sampler: SamplerConfig,
    steps: Vec<DenoisingStep>,
}

impl<D: Denoiser> ConsistencyPolicy<D> {
    /// A policy around a network, trained at `levels` levels. Its sampler's noise is always fresh, whatever
    /// [`SamplerConfig::noise`] says, but for `eta = 0`, with which it keeps the first noise throughout.
    ///
    /// # Errors
    /// When the sampler makes no sense or there is no level.
    pub fn new(denoiser: D, levels: usize, sampler: SamplerConfig) -> Result<Self, AgentError> {
        require(levels > 0, "generative.levels", &levels, "use at least 1")?;
        let steps = steps(&sampler)?;
        Ok(Self { denoiser, levels, sampler, steps })
    }
}

/// The end of the path from latents `[b, width]` at one time per row, where the network says F.
fn end(x: &Tensor, velocity: &Tensor, times: &[f32]) -> Result<Tensor, NnError> {
    let left: Vec<f32> = times.iter().map(|t| 1.0 - t).collect();
    Ok((x + velocity.broadcast_mul(&Tensor::from_vec(left, (times.len(), 1), x.device())?)?)?)
}

/// From t = 0 to 1 in equal parts.
fn steps(config: &SamplerConfig) -> Result<Vec<DenoisingStep>, AgentError> {
    config.validate()?;
    let n = config.steps as f32;
    let keeps = config.noise == ChainNoise::Eta(0.0);
    let step = |i: usize| {
        let (t, next) = (i as f32 / n, (i + 1) as f32 / n);
        // What is left of the noise of x, after its part of the end is taken off.
        let kept = if keeps { (1.0 - next) / (1.0 - t) } else { 0.0 };
        DenoisingStep {
            time: t,
            x0_of_sample: 1.0,
            x0_of_prediction: 1.0 - t,
            mean_of_sample: kept,
            mean_of_x0: next - kept * t,
            std: if keeps { 0.0 } else { 1.0 - next },
        }
    };
    Ok((0..config.steps).map(step).collect())
}

impl<D: Denoiser> GenerativePolicy for ConsistencyPolicy<D> {
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
        self.steps = steps(&config)?;
        self.sampler = config;
        Ok(())
    }

    fn one_step_loss(&self, obs: &Tensor, chunks: &Tensor, draw: &NoiseDraw) -> Result<Tensor, NnError> {
        let n = self.levels;
        let levels: Vec<usize> = draw.levels.iter().map(|u| ((u * n as f32) as usize).min(n - 1)).collect();
        let at = |i: usize| i as f32 / n as f32;
        let noised = |times: &[f32]| -> Result<Tensor, NnError> {
            let t = Tensor::from_slice(times, (times.len(), 1), chunks.device())?;
            Ok((&draw.noise + (chunks - &draw.noise)?.broadcast_mul(&t)?)?)
        };
        let times: Vec<f32> = levels.iter().map(|&i| at(i)).collect();
        let later: Vec<f32> = levels.iter().map(|&i| at(i + 1)).collect();
        let (x, x_later) = (noised(&times)?, noised(&later)?);
        let velocity_later = self.denoiser.forward(&x_later, &later, obs)?.detach();
        let target = end(&x_later, &velocity_later, &later)?;
        let left = per_row(&levels, |i| 1.0 / (1.0 - at(i)), chunks.device())?;
        let straight = (target - &x)?.broadcast_mul(&left)?.detach();
        Ok((self.denoiser.forward(&x, &times, obs)? - straight)?.sqr()?)
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(Self {
            denoiser: self.denoiser.frozen_copy()?,
            sampler: self.sampler.clone(),
            steps: self.steps.clone(),
            levels: self.levels,
        })
    }
}

impl<D: Denoiser> Parameters for ConsistencyPolicy<D> {
    fn named(&self) -> Vec<(String, &Var)> {
        self.denoiser.named()
    }
}
