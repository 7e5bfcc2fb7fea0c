//! A chain as tensors: what fine-tuners compute their losses from.

use telos_nn::{Device, NnError, Tensor};

use super::{Chain, GenerativePolicy};
use crate::objective::Candidates;

/// The transitions of the last steps of a chain, step by step: `count` steps of `rows` chunks.
#[derive(Clone, Debug)]
pub struct ChainBatch {
    /// Number of chunks.
    pub rows: usize,
    /// Number of steps that are kept, the last of the sampler.
    pub count: usize,
    /// `[count rows]`: the step of the sampler that each transition is of.
    pub steps: Vec<usize>,
    /// `[count rows, obs]`.
    pub obs: Tensor,
    /// `[count rows, width]`: before the step.
    pub x: Tensor,
    /// `[count rows, width]`: after it.
    pub next: Tensor,
    /// `[count, rows]`: log-probabilities under the policy that drew the chain.
    pub behaviour: Tensor,
}

impl ChainBatch {
    /// The last `count` steps of a chain that was drawn for observations `[rows, obs]`.
    ///
    /// # Errors
    /// When the device refuses.
    ///
    /// # Panics
    /// When the chain has fewer steps.
    pub fn new(chain: &Chain, obs: &[f32], count: usize, device: &Device) -> Result<Self, NnError> {
        assert!(count <= chain.steps, "a chain of {} steps has no last {count}", chain.steps);
        let (rows, size, first) = (chain.rows, chain.rows * chain.width, chain.steps - count);
        let shape = (count * rows, chain.width);
        let latents = &chain.latents[first * size..];
        Ok(Self {
            rows,
            count,
            steps: (first..chain.steps).flat_map(|step| std::iter::repeat_n(step, rows)).collect(),
            obs: Tensor::from_vec(obs.repeat(count), (count * rows, obs.len() / rows.max(1)), device)?,
            x: Tensor::from_slice(&latents[..count * size], shape, device)?,
            next: Tensor::from_slice(&latents[size..], shape, device)?,
            behaviour: Tensor::from_slice(&chain.log_probs[first * rows..], (count, rows), device)?,
        })
    }

    /// Log-probabilities `[count, rows]` of the steps under a policy.
    ///
    /// # Errors
    /// When the policy is of other sizes.
    pub fn log_probs(&self, policy: &dyn GenerativePolicy) -> Result<Tensor, NnError> {
        let log_probs = policy.log_prob_step(&self.obs, &self.x, &self.next, &self.steps)?;
        Ok(log_probs.reshape((self.count, self.rows))?)
    }

    /// KL divergences `[count, rows]` of the steps of a policy from those of a reference.
    ///
    /// # Errors
    /// When the policies are of other sizes.
    pub fn kl(
        &self,
        policy: &dyn GenerativePolicy,
        reference: &dyn GenerativePolicy,
    ) -> Result<Tensor, NnError> {
        let kl = policy.step_kl(reference, &self.obs, &self.x, &self.steps)?;
        Ok(kl.reshape((self.count, self.rows))?)
    }

    /// Groups of `k` neighbouring rows as candidates for any [objective](crate::objective), their
    /// log-probabilities summed over the chain.
    ///
    /// # Errors
    /// When `scores` does not hold one number per row, or `k` does not divide the rows.
    pub fn candidates(
        &self,
        policy: &dyn GenerativePolicy,
        reference: &dyn GenerativePolicy,
        scores: &[f32],
        k: usize,
    ) -> Result<Candidates, NnError> {
        let groups = (self.rows / k.max(1), k);
        let column =
            |log_probs: Tensor| -> Result<Tensor, NnError> { Ok(log_probs.sum(0)?.reshape(groups)?) };
        let scores = Tensor::from_slice(scores, groups, self.x.device())?;
        let reference = column(self.log_probs(reference)?.detach())?;
        Candidates::new(column(self.log_probs(policy)?)?, reference, scores)?
            .drawn_by(column(self.behaviour.clone())?)
    }
}
