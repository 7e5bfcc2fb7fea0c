//! Settings of Proximal Policy Optimisation.

use serde::{Deserialize, Serialize};
use telos_nn::{Activation, AdamConfig, Init, MlpConfig};

use crate::{AgentError, error::require};

/// Settings of Proximal Policy Optimisation. The sources are the paper (Schulman et al. 2017, arXiv
/// 1707.06347, table 3) and CleanRL's `ppo_continuous_action.py`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PpoConfig {
    /// Steps of every environment between two updates. Default 2048 (paper; meant for one
    /// environment: divide by the number of environments to keep the batch).
    pub rollout_steps: usize,
    /// Passes over a rollout per update. Default 10 (paper).
    pub epochs: usize,
    /// Equal parts that a rollout is shuffled into, one gradient step each. Default 32 (CleanRL).
    pub minibatches: usize,
    /// Units of each hidden layer, of actor and critic. Default `[64, 64]` (paper).
    pub hidden: Vec<usize>,
    /// Step size of Adam. Default 3e-4 (paper).
    pub lr: f64,
    /// Whether the step size falls linearly to 0 over the run. Default true (CleanRL).
    pub anneal_lr: bool,
    /// Adam's epsilon. Default 1e-5 (CleanRL).
    pub adam_eps: f64,
    /// Largest joint norm of all gradients; larger ones are scaled down.
    /// Default 0.5 (CleanRL).
    pub max_grad_norm: Option<f64>,
    /// Discount per step, in [0, 1]. Default 0.99 (paper).
    pub gamma: f32,
    /// Decay of the advantage estimator, in [0, 1]. Default 0.95 (paper).
    pub gae_lambda: f32,
    /// Half width of the interval around 1 in which the probability ratio counts. Default 0.2
    /// (paper).
    pub clip: f32,
    /// Half width of the interval around the old value in which the new value counts; none: no
    /// value clipping. Default 0.2 (CleanRL).
    pub value_clip: Option<f32>,
    /// Whether advantages are scaled to mean 0 and deviation 1 in every minibatch. Default true
    /// (CleanRL).
    pub normalize_advantages: bool,
    /// Weight of the policy's entropy in the objective. Default 0 (paper).
    pub entropy_coefficient: f32,
    /// Weight of the value loss. Default 0.5 (CleanRL).
    pub value_coefficient: f32,
    /// Stops an update after the epoch in which the approximate KL divergence from the old policy
    /// exceeds this. Default none (CleanRL).
    pub target_kl: Option<f32>,
    /// Log standard deviation of the policy to begin with, of the action scaled to [-1, 1].
    /// Default 0 (CleanRL).
    pub initial_log_std: f32,
    /// Whether observations are shifted and scaled by their running moments, and clipped to 10.
    /// Default true (CleanRL).
    pub normalize_observations: bool,
    /// Whether rewards are divided by the running deviation of the discounted return, and clipped
    /// to 10. Default true (CleanRL).
    pub normalize_rewards: bool,
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            rollout_steps: 2048,
            epochs: 10,
            minibatches: 32,
            hidden: vec![64, 64],
            lr: 3e-4,
            anneal_lr: true,
            adam_eps: 1e-5,
            max_grad_norm: Some(0.5),
            gamma: 0.99,
            gae_lambda: 0.95,
            clip: 0.2,
            value_clip: Some(0.2),
            normalize_advantages: true,
            entropy_coefficient: 0.0,
            value_coefficient: 0.5,
            target_kl: None,
            initial_log_std: 0.0,
            normalize_observations: true,
            normalize_rewards: true,
        }
    }
}

impl PpoConfig {
    /// A network of the configured width whose last layer is drawn with `output_gain`.
    pub(crate) fn network(&self, inputs: usize, outputs: usize, output_gain: f32) -> MlpConfig {
        MlpConfig {
            inputs,
            hidden: self.hidden.clone(),
            outputs,
            activation: Activation::Tanh,
            output_activation: Activation::Identity,
            layer_norm: false,
            init: Init::Orthogonal { hidden_gain: std::f32::consts::SQRT_2, output_gain },
        }
    }

    /// The optimiser of all networks.
    pub(crate) fn adam(&self) -> AdamConfig {
        AdamConfig {
            lr: self.lr,
            eps: self.adam_eps,
            max_grad_norm: self.max_grad_norm,
            ..AdamConfig::default()
        }
    }

    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        let unit = |x: f32| (0.0..=1.0).contains(&x);
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let not_negative = |x: f32| x >= 0.0 && x.is_finite();
        require(self.rollout_steps > 0, "ppo.rollout_steps", &self.rollout_steps, "use at least 1")?;
        require(self.epochs > 0, "ppo.epochs", &self.epochs, "use at least 1")?;
        require(self.minibatches > 0, "ppo.minibatches", &self.minibatches, "use at least 1")?;
        require(!self.hidden.contains(&0), "ppo.hidden", &self.hidden, "use at least 1 unit per layer")?;
        require(positive(self.lr), "ppo.lr", &self.lr, "use a positive number")?;
        require(positive(self.adam_eps), "ppo.adam_eps", &self.adam_eps, "use a positive number")?;
        let norm = self.max_grad_norm;
        require(norm.is_none_or(positive), "ppo.max_grad_norm", &norm, "use a positive number")?;
        require(unit(self.gamma), "ppo.gamma", &self.gamma, "use a number in [0, 1]")?;
        require(unit(self.gae_lambda), "ppo.gae_lambda", &self.gae_lambda, "use a number in [0, 1]")?;
        require(positive(self.clip.into()), "ppo.clip", &self.clip, "use a positive number")?;
        let clip = self.value_clip;
        require(clip.is_none_or(|x| positive(x.into())), "ppo.value_clip", &clip, "use a positive number")?;
        let kl = self.target_kl;
        require(kl.is_none_or(|x| positive(x.into())), "ppo.target_kl", &kl, "use a positive number")?;
        let (entropy, value) = (self.entropy_coefficient, self.value_coefficient);
        require(not_negative(entropy), "ppo.entropy_coefficient", &entropy, "use 0 or a positive number")?;
        require(not_negative(value), "ppo.value_coefficient", &value, "use 0 or a positive number")?;
        let log_std = self.initial_log_std;
        require(log_std.is_finite(), "ppo.initial_log_std", &log_std, "use a finite number")
    }
}
