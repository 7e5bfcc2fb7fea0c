//! The parts of a PPO learner: how they are drawn, how they are looked at, and how the critic starts
//! anew when the reward changes its nature.

use super::{
    Activation, AgentError, Device, Init, Mlp, MlpConfig, NORMALIZED_CLIP, NnError, ObservationNormalizer,
    Ppo, PpoConfig, RewardScaler, Xoshiro256PlusPlus, weights,
};

/// Draws a network of observations with CleanRL's gains.
pub(super) fn draw(
    name: &str,
    config: &PpoConfig,
    [inputs, outputs]: [usize; 2],
    output_gain: f32,
    rng: &mut Xoshiro256PlusPlus,
    device: &Device,
) -> Result<Mlp, NnError> {
    let shape = MlpConfig {
        inputs,
        hidden: config.hidden.clone(),
        outputs,
        activation: Activation::Tanh,
        init: Init::Orthogonal { hidden_gain: std::f32::consts::SQRT_2, output_gain },
        ..MlpConfig::default()
    };
    Mlp::new(name, &shape, rng, device)
}

impl Ppo {
    /// Draws the critic anew and forgets the optimiser's moments and the scale of rewards, as PEBBLE
    /// does when a learned reward takes the place of novelty (Lee et al. 2021, arXiv 2106.05091).
    ///
    /// # Errors
    /// When the device refuses.
    pub fn reset_critic(&mut self) -> Result<(), AgentError> {
        let sizes = [self.obs_size, 1];
        let fresh = draw("critic", &self.config, sizes, 1.0, &mut self.update_rng, &self.device)?;
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
