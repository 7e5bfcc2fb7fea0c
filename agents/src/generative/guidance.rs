//! Guidance by a critic: Janner et al. 2022, "Planning with Diffusion for Flexible Behavior Synthesis", arXiv
//! 2205.09991, algorithm 1. The mean of every step is shifted up the gradient of the critic, in proportion to
//! the variance of the step:
//!
//! a^{k-1} ~ N(mu_k + scale std_k^2 grad_x Q(s, x0_hat(x)) at x = a^k, std_k^2)
//!
//! The paper's critic is trained on noisy plans. Critics here know clean chunks, so the gradient is taken at the
//! estimate of the clean chunk and goes on through the denoiser (Chung et al. 2022, "Diffusion Posterior
//! Sampling", arXiv 2209.14687, equation 10). For many steps and eta = 1 chunks come from p exp(scale Q),
//! normalised, where data are Gaussian and Q is linear; elsewhere about.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{NnError, Tensor, Var, gaussian};

use super::{Chain, ChunkReward, GenerativePolicy, adjoint_matching::gradient_at};
use crate::{AgentError, error::require};

/// Draws chunks, guided; keeps its memory.
#[derive(Debug)]
pub struct Guidance {
    scale: f32,
    chain: Chain,
}

impl Guidance {
    /// With this factor on the gradient: how much a unit of the critic tilts the policy, in nats.
    ///
    /// # Errors
    /// When the factor is not finite.
    pub fn new(scale: f32) -> Result<Self, AgentError> {
        require(scale.is_finite(), "steering.scale", &scale, "use a finite number")?;
        Ok(Self { scale, chain: Chain::default() })
    }

    /// Draws one chunk `[rows, width]` for each of the observations `[rows, obs]`. A
    /// [frozen](GenerativePolicy::frozen_copy) policy saves the gradients of its weights.
    ///
    /// # Errors
    /// When a slice has another length, the critic refuses, or the sampler has no noise to shift.
    pub fn sample(
        &mut self,
        policy: &dyn GenerativePolicy,
        obs: &[f32],
        critic: &dyn ChunkReward,
        rng: &mut Xoshiro256PlusPlus,
        chunks: &mut [f32],
    ) -> Result<(), AgentError> {
        let (shape, count) = (policy.shape(), policy.steps().len());
        let rows = chunks.len() / shape.width();
        AgentError::check_length("obs", obs.len(), rows * shape.obs)?;
        let noisy = (0..count).any(|step| policy.std(step) > 0.0);
        let expected = "use an eta above 0: guidance shifts a step in proportion to its variance";
        require(noisy, "generative.sampler.noise", &policy.sampler().noise, expected)?;
        let seen = Tensor::from_slice(obs, (rows, shape.obs), policy.device()).map_err(NnError::from)?;
        gaussian::standard_normal(rng, self.chain.begin(rows, shape.width(), count));
        for step in 0..count {
            policy.take_step(step, obs, Some(rng), &mut self.chain)?;
            let factor = self.scale * policy.std(step).powi(2);
            if factor != 0.0 {
                let gradient = self.gradient(policy, &seen, critic, step)?;
                let next = &mut self.chain.latents[(step + 1) * chunks.len()..][..chunks.len()];
                next.iter_mut().zip(gradient).for_each(|(x, slope)| *x += factor * slope);
            }
        }
        chunks.copy_from_slice(self.chain.chunks());
        Ok(())
    }

    /// The gradient of the critic `[rows width]` at the latents before a step.
    fn gradient(
        &self,
        policy: &dyn GenerativePolicy,
        obs: &Tensor,
        critic: &dyn ChunkReward,
        step: usize,
    ) -> Result<Vec<f32>, NnError> {
        let rows = self.chain.rows;
        let x = Var::from_slice(self.chain.latent(step), (rows, self.chain.width), policy.device())?;
        let x0_hat = policy.x0_hat(obs, &x, &vec![step; rows])?;
        let total = critic.reward(obs, &x0_hat)?.sum_all()?;
        Ok(gradient_at(&total, &x)?.flatten_all()?.to_vec1()?)
    }
}
