//! Adjoint Matching: Domingo-Enrich et al. 2024, "Adjoint Matching: Fine-tuning Flow and Diffusion
//! Generative Models with Memoryless Stochastic Optimal Control", arXiv 2409.08861. Tilts a policy to
//! p_base exp(lambda r), normalised, by regression on the lean adjoint of chains of the current policy:
//!
//! a_K = -lambda grad r(x_K),   a_i = J_i^T a_{i+1},   J_i = d mean_base(x_i) / d x_i
//! L = E sum_i |(mean_theta(x_i) - mean_base(x_i)) / std_i + std_i a_{i+1}|^2
//!
//! That is equations 38 to 40 for the Gaussian steps of a sampler: with steps of duration h, std = sqrt(h)
//! sigma and mean_theta - mean_base = h sigma u. Chains must be drawn with eta = 1, the memoryless process; with any
//! other noise the chunk depends on the first latent and the result is biased by its value function. Afterwards any
//! sampler may be used, also eta = 0.

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor, Var};

use super::{ChainBatch, ChunkReward, GenerativePolicy, generative_policy::per_row};

/// The constant of Adjoint Matching.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdjointMatching {
    /// lambda: how much a unit of reward tilts the policy, in nats. Default 1.
    pub lambda: f64,
}

impl Default for AdjointMatching {
    fn default() -> Self {
        Self { lambda: 1.0 }
    }
}

impl AdjointMatching {
    /// The loss, a scalar, of whole chains; gradients reach `policy` only.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        base: &dyn GenerativePolicy,
        batch: &ChainBatch,
        reward: &dyn ChunkReward,
    ) -> Result<Tensor, NnError> {
        let (base_mean, adjoint) = self.lean_adjoint(base, batch, reward)?;
        let mean = policy.step_mean(&batch.obs, &batch.x, &batch.steps)?;
        let device = batch.x.device();
        // The last step is certain: nothing can be changed there, and nothing is asked of it.
        let inverse =
            per_row(&batch.steps, |i| if policy.std(i) > 0.0 { 1.0 / policy.std(i) } else { 0.0 }, device)?;
        let std = per_row(&batch.steps, |i| policy.std(i), device)?;
        let control = (mean - base_mean)?.broadcast_mul(&inverse)?;
        let error = (control + adjoint.broadcast_mul(&std)?)?.sqr()?;
        Ok((error.sum_all()? / batch.rows as f64)?)
    }

    /// Means of the base policy and the adjoint a_{i+1} after each step, both `[count rows, width]`,
    /// without gradients.
    fn lean_adjoint(
        &self,
        base: &dyn GenerativePolicy,
        batch: &ChainBatch,
        reward: &dyn ChunkReward,
    ) -> Result<(Tensor, Tensor), NnError> {
        let rows = batch.rows;
        let of = |column: &Tensor, step: usize| column.narrow(0, step * rows, rows);
        let obs = of(&batch.obs, 0)?;
        let chunk = Var::from_tensor(&of(&batch.next, batch.count - 1)?.contiguous()?)?;
        let total = reward.reward(&obs, &chunk)?.sum_all()?;
        let gradient = gradient_at(&total, &chunk)?;
        let mut adjoint = (gradient * -self.lambda)?;
        let (mut means, mut adjoints) = (Vec::new(), Vec::new());
        for step in (0..batch.count).rev() {
            let x = Var::from_tensor(&of(&batch.x, step)?.contiguous()?)?;
            let mean = base.step_mean(&obs, &x, &batch.steps[step * rows..][..rows])?;
            let product = (&mean * &adjoint)?.sum_all()?;
            let before = gradient_at(&product, &x)?;
            means.push(mean.detach());
            adjoints.push(std::mem::replace(&mut adjoint, before));
        }
        means.reverse();
        adjoints.reverse();
        Ok((Tensor::cat(&means, 0)?, Tensor::cat(&adjoints, 0)?))
    }
}

/// The gradient of a scalar at a variable; zeros where it does not depend on it.
pub(super) fn gradient_at(scalar: &Tensor, at: &Var) -> Result<Tensor, NnError> {
    Ok(match scalar.backward()?.get(at.as_tensor()) {
        Some(gradient) => gradient.detach(),
        None => at.zeros_like()?,
    })
}
