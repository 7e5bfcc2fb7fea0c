//! Reward gradients through the chain: Prabhudesai et al. 2023, "Aligning Text-to-Image Diffusion Models
//! with Reward Backpropagation" (AlignProp), arXiv 2310.03739. The reward of the chunk is differentiated
//! through the last steps that made it; earlier ones are cut off, which keeps gradients from exploding.
//!
//! L = -E r(s, a^0),   a^{k-1} = mean_theta(a^k, k, s) + std_k eps_k   for the last `truncation` steps

use serde::{Deserialize, Serialize};
use telos_nn::{NnError, Tensor};

use super::{ChainBatch, ChunkReward, GenerativePolicy};

/// The constant of AlignProp; by how many steps a [`ChainBatch`] has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardGradient {
    /// Bound on the reward, beyond which it has no gradient: against over-optimisation. Default none
    /// (AlignProp: 10 for the aesthetic score).
    pub target: Option<f64>,
}

impl RewardGradient {
    /// The loss, a scalar; the gradient goes through all steps of the batch, whose noise is that of the
    /// chain as drawn.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn loss(
        &self,
        policy: &dyn GenerativePolicy,
        batch: &ChainBatch,
        reward: &dyn ChunkReward,
    ) -> Result<Tensor, NnError> {
        let rows = batch.rows;
        let of = |column: &Tensor, step: usize| column.narrow(0, step * rows, rows);
        let obs = of(&batch.obs, 0)?;
        let mut x = of(&batch.x, 0)?;
        for step in 0..batch.count {
            let mean = policy.step_mean(&obs, &x, &batch.steps[step * rows..][..rows])?;
            let noise = (of(&batch.next, step)? - mean.detach())?;
            x = (mean + noise)?;
        }
        let mut rewards = reward.reward(&obs, &x)?;
        if let Some(target) = self.target {
            rewards = rewards.minimum(target)?;
        }
        Ok(rewards.mean_all()?.neg()?)
    }
}
