//! DPPO: Ren et al. 2024, "Diffusion Policy Policy Optimization", arXiv 2409.00588. PPO over a two-layer
//! decision process: steps of the environment, and within each the last K' denoising steps.
//!
//! L = -E min(rho_k A_k, clip(rho_k, 1 - eps_k, 1 + eps_k) A_k),   A_k = gamma_denoise^k A(s, a^0)
//!
//! for the step a^{k+1} -> a^k, k = K' - 1 .. 0. The advantage A is that of the executed chunk, from a value
//! of the state alone (the paper's most important choice: no value of latents): use [`gae`](crate::gae()) over
//! chunks. eps_k falls from eps at the first step, whose noise is largest, to its base at the last:
//!
//! eps_k = base + (eps - base) (exp(3 k / (K' - 1)) - 1) / (exp(3) - 1)   (the authors' code)
//!
//! Draw chains with `sampler.min_std` = `sampler.min_log_prob_std` = 0.1, as the authors do: without it the
//! last steps do not explore.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{ChainBatch, GenerativePolicy, dpok::clipped_gain};

/// Rate of the growth of the clip range over the denoising steps (the authors' code).
const CLIP_RATE: f64 = 3.0;

/// The constants of DPPO; defaults are those of the authors' Gym configurations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dppo {
    /// eps: clip range of the noisiest step. Default 0.01.
    pub clip: f64,
    /// Clip range of the last step. Default 0.001.
    pub clip_base: f64,
    /// gamma_denoise: discount per denoising step, counted from the chunk. Default 0.99.
    pub gamma_denoise: f64,
}

impl Default for Dppo {
    fn default() -> Self {
        Self { clip: 0.01, clip_base: 0.001, gamma_denoise: 0.99 }
    }
}

impl Dppo {
    /// The loss, a scalar, of the last K' steps of chains whose chunks have these advantages `[rows]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        batch: &ChainBatch,
        advantages: &Tensor,
    ) -> Result<Tensor, NnError> {
        let device = advantages.device();
        let column = |number: &dyn Fn(usize) -> f64| -> Result<Tensor, NnError> {
            let numbers: Vec<f32> = (0..batch.count).rev().map(|k| number(k) as f32).collect();
            Ok(Tensor::from_vec(numbers, (batch.count, 1), device)?)
        };
        let discount = column(&|k| self.gamma_denoise.powi(k as i32))?;
        let range = column(&|k| self.clip_of(k, batch.count))?;
        let ratio = (batch.log_probs(policy)? - &batch.behaviour)?.exp()?;
        let (low, high) = (range.affine(-1.0, 1.0)?, range.affine(1.0, 1.0)?);
        let clipped = ratio.broadcast_maximum(&low)?.broadcast_minimum(&high)?;
        let advantages = advantages.unsqueeze(0)?.broadcast_mul(&discount)?;
        Ok(clipped_gain(&ratio, &advantages, &clipped)?.mean_all()?.neg()?)
    }

    /// eps_k of the step that leads to a^k.
    pub fn clip_of(&self, k: usize, count: usize) -> f64 {
        let t = k as f64 / count.saturating_sub(1).max(1) as f64;
        let grown = ((CLIP_RATE * t).exp() - 1.0) / (CLIP_RATE.exp() - 1.0);
        self.clip_base + (self.clip - self.clip_base) * grown
    }
}
