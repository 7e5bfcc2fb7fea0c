//! The parts of a PPO learner from outside, and the critic's new start when the reward changes its
//! nature.

use super::{AgentError, Mlp, NORMALIZED_CLIP, ObservationNormalizer, Ppo, RewardScaler, weights};

impl Ppo {
    /// Draws the critic anew and forgets the optimiser's moments and the scale of rewards, as PEBBLE
    /// does when a learned reward takes the place of novelty (Lee et al. 2021, arXiv 2106.05091).
    ///
    /// # Errors
    /// When the device refuses.
    pub fn reset_critic(&mut self) -> Result<(), AgentError> {
        let network = self.config.network(self.obs_size, 1, 1.0);
        let fresh = Mlp::new("critic", &network, &mut self.update_rng, &self.device)?;
        weights::copy(&self.critic, &fresh)?;
        if let Some(scaler) = &mut self.reward_scaler {
            *scaler = RewardScaler::new(self.config.gamma, NORMALIZED_CLIP);
        }
        Ok(self.optimizer.reset()?)
    }

    /// The network of the mean action; its input is normalised by
    /// [`observation_normalizer`](Self::observation_normalizer).
    pub fn actor(&self) -> &Mlp {
        &self.actor
    }

    /// Log standard deviations of the action scaled to [-1, 1], one per component.
    pub fn log_std(&self) -> &[f32] {
        &self.log_std_values
    }

    /// The value network, with inputs like the actor's and values in scaled rewards.
    pub fn critic(&self) -> &Mlp {
        &self.critic
    }

    /// The moments of observations, if they are normalised.
    pub fn observation_normalizer(&self) -> Option<&ObservationNormalizer> {
        self.observation_normalizer.as_ref()
    }
}
