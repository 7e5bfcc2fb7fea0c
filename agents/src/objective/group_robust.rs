//! Ramesh et al. 2024, "Group Robust Preference Optimization in Reward-free RLHF", arXiv 2405.20304: one
//! policy for annotators, tasks or robots that want different things, by its loss on the worst off.
//!
//! min_pi max_alpha sum_g alpha_g L_g(pi),   alpha_g <- alpha_g exp(eta L_g) / Z   (algorithm 1)
//!
//! L_g is any objective's mean loss over the rows of group g; the weights and the policy take turns.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{NnError, Tensor};

use super::{Candidates, PolicyObjective};
use crate::{AgentError, error::require};

/// The weights of the groups.
#[derive(Clone, Debug)]
pub struct GroupRobust {
    /// Step of the weights, eta.
    step: f64,
    /// alpha, `[groups]`.
    weights: Vec<f32>,
}

impl GroupRobust {
    /// Equal weights for `groups` groups. The authors take a step of 5e-7 for large, slow models; a policy
    /// for control moves faster and wants about 0.01.
    ///
    /// # Errors
    /// When there are no groups or the step is not positive.
    pub fn new(groups: usize, step: f64) -> Result<Self, AgentError> {
        require(groups > 0, "groups", &groups, "must be at least 1")?;
        require(step > 0.0 && step.is_finite(), "step", &step, "must be positive")?;
        Ok(Self { step, weights: vec![1.0 / groups as f32; groups] })
    }

    /// alpha, `[groups]`: at least 0, with sum 1.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Moves the weights towards the groups that are worst off in this batch, and returns the loss to
    /// minimise, a scalar. `group` says which group each row of candidates belongs to; groups without
    /// a row keep their share.
    ///
    /// # Errors
    /// When `group` has another length, names a group that does not exist, or the device refuses.
    pub fn loss(
        &mut self,
        objective: &dyn PolicyObjective,
        candidates: &Candidates,
        group: &[usize],
    ) -> Result<Tensor, AgentError> {
        let losses = objective.losses(candidates)?;
        let values = losses.to_vec1::<f32>().map_err(NnError::from)?;
        AgentError::check_length("group", group.len(), values.len())?;
        let (mut sums, mut counts) = (vec![0.0; self.weights.len()], vec![0u32; self.weights.len()]);
        for (&group, value) in group.iter().zip(&values) {
            require(group < counts.len(), "group", &group, "must be one of the groups")?;
            sums[group] += value;
            counts[group] += 1;
        }
        for ((weight, sum), &count) in self.weights.iter_mut().zip(sums).zip(&counts) {
            if count > 0 {
                *weight *= (self.step as f32 * sum / count as f32).exp();
            }
        }
        let total: f32 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight /= total);
        let of_rows: Vec<f32> =
            group.iter().map(|&group| self.weights[group] / counts[group] as f32).collect();
        let of_rows = Tensor::from_vec(of_rows, values.len(), losses.device()).map_err(NnError::from)?;
        Ok((losses * of_rows).and_then(|weighted| weighted.sum_all()).map_err(NnError::from)?)
    }
}

impl Checkpoint for GroupRobust {
    fn save(&self, out: &mut Writer) {
        out.f32s("weights", &self.weights);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.f32s("weights", &mut self.weights)
    }
}
