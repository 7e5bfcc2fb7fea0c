//! ReNO: Eyring et al. 2024, "ReNO: Enhancing One-step Text-to-Image Models through Reward-based Noise
//! Optimization", arXiv 2406.04312. Gradient ascent on the noise that a chunk is made of, at the time of
//! acting:
//!
//! eps <- eps + eta clip(grad [r(s, G(eps)) - w (|eps|^2 / 2 - (d - 1) log |eps|)]),   keep the best
//!
//! The second term is minus the log-density of the norm of d normals: noise stays where the policy was
//! trained. G follows the means of the sampler; few steps keep its gradient sane (the paper has one).

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor, Var};

use super::{ChunkReward, GenerativePolicy, adjoint_matching::gradient_at};

/// The constants of ReNO; defaults are those of the authors' code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseSearch {
    /// Number of steps. Default 50.
    pub iterations: usize,
    /// eta: step size. Default 5.
    pub lr: f64,
    /// Bound on the norm of each row's gradient. Default 0.1.
    pub max_grad_norm: f64,
    /// w: weight of the norm's density. Default 0.01.
    pub prior: f64,
}

impl Default for NoiseSearch {
    fn default() -> Self {
        Self { iterations: 50, lr: 5.0, max_grad_norm: 0.1, prior: 0.01 }
    }
}

impl NoiseSearch {
    /// Improves noise `[b, width]`; returns the best chunks found, `[b, width]`, and their rewards `[b]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn improve(
        &self,
        policy: &dyn GenerativePolicy,
        obs: &Tensor,
        noise: &Tensor,
        reward: &dyn ChunkReward,
    ) -> Result<(Tensor, Tensor), NnError> {
        let (rows, width) = noise.dims2()?;
        let mut noise = noise.detach();
        let mut best: Option<(Tensor, Tensor)> = None;
        for iteration in 0..=self.iterations {
            let eps = Var::from_tensor(&noise.contiguous()?)?;
            let chunks = follow_means(policy, obs, eps.as_tensor(), rows)?;
            let rewards = reward.reward(obs, &chunks)?;
            best = Some(better(best, chunks.detach(), rewards.detach())?);
            if iteration == self.iterations {
                break;
            }
            let square = eps.sqr()?.sum(1)?;
            let spread = ((&square * 0.5)? - (square.log()? * (0.5 * (width as f64 - 1.0)))?)?;
            let gain = (rewards - (spread * self.prior)?)?.sum_all()?;
            let gradient = gradient_at(&gain, &eps)?;
            let norm = gradient.sqr()?.sum_keepdim(1)?.sqrt()?;
            let scale = (norm.maximum(self.max_grad_norm)?.recip()? * (self.max_grad_norm * self.lr))?;
            noise = (eps.as_detached_tensor() + gradient.broadcast_mul(&scale)?)?;
        }
        Ok(best.expect("at least the noise as it came was tried"))
    }
}

/// The chunks that noise becomes along the means of the sampler.
fn follow_means(
    policy: &dyn GenerativePolicy,
    obs: &Tensor,
    noise: &Tensor,
    rows: usize,
) -> Result<Tensor, NnError> {
    let mut x = noise.clone();
    for step in 0..policy.steps().len() {
        x = policy.step_mean(obs, &x, &vec![step; rows])?;
    }
    Ok(x)
}

/// Row by row the chunk of the higher reward.
fn better(
    best: Option<(Tensor, Tensor)>,
    chunks: Tensor,
    rewards: Tensor,
) -> Result<(Tensor, Tensor), NnError> {
    let Some((old_chunks, old_rewards)) = best else { return Ok((chunks, rewards)) };
    let improved = rewards.gt(&old_rewards)?;
    let rows = improved.unsqueeze(1)?.broadcast_as(chunks.shape())?;
    Ok((rows.where_cond(&chunks, &old_chunks)?, improved.where_cond(&rewards, &old_rewards)?))
}
