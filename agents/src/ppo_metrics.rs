//! What proximal policy optimisation says of itself.

use crate::ppo_objective::Losses;

/// What one update did; losses are means over its minibatches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PpoMetrics {
    /// Minus the clipped objective of equation 7.
    pub policy_loss: f32,
    /// Half the squared error of the critic, clipped as configured.
    pub value_loss: f32,
    /// The policy's entropy in nats, of the action scaled to [-1, 1].
    pub entropy: f32,
    /// Estimate of the KL divergence of the policy from the old one.
    pub approximate_kl: f32,
    /// Share of the samples whose probability ratio was clipped.
    pub clip_fraction: f32,
    /// Share of the returns' variance that the critic had predicted; 1 at best.
    pub explained_variance: f32,
    /// Norm of the gradients before clipping.
    pub grad_norm: f32,
    /// Passes over the rollout; fewer than configured where the KL divergence stopped them.
    pub epochs: usize,
}

impl PpoMetrics {
    /// The means of losses that were added up over `steps` minibatches.
    pub(crate) fn of_losses(total: Losses, steps: f32) -> Self {
        let [policy_loss, value_loss, entropy, approximate_kl, clip_fraction] =
            total.to_array().map(|sum| sum / steps);
        Self { policy_loss, value_loss, entropy, approximate_kl, clip_fraction, ..Self::default() }
    }
}
