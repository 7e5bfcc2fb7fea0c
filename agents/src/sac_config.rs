//! Settings of Soft Actor-Critic.

use serde::{Deserialize, Serialize};

use crate::{AgentError, error::require};

/// Settings of Soft Actor-Critic. The sources are the paper (Haarnoja et al. 2018, arXiv 1812.05905,
/// table 1) and CleanRL's `sac_continuous_action.py`.
///
/// How often to update, from when on, and how much to remember is the training loop's business.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SacConfig {
    /// Discount per step, in [0, 1]. Default 0.99 (paper).
    pub gamma: f32,
    /// Share of the online critics that moves into the target critics at each target update, in
    /// (0, 1]. Default 0.005 (paper).
    pub tau: f32,
    /// Transitions per update. Default 256 (paper).
    pub batch_size: usize,
    /// Units of each hidden layer, of actor and critics. Default `[256, 256]` (paper).
    pub hidden: Vec<usize>,
    /// Step size of the actor's Adam. Default 3e-4 (paper).
    pub actor_lr: f64,
    /// Step size of the critics' Adam. Default 3e-4 (paper; CleanRL has 1e-3).
    pub critic_lr: f64,
    /// Step size of the temperature's Adam. Default 3e-4 (paper; CleanRL has 1e-3).
    pub temperature_lr: f64,
    /// The actor and the temperature take one step in every so many updates. Default 1 (paper).
    pub actor_period: u64,
    /// The target critics move in every so many updates. Default 1 (paper; PEBBLE has 2).
    pub target_period: u64,
    /// The temperature alpha to begin with, > 0. Default 1 (CleanRL; PEBBLE has 0.1).
    pub initial_temperature: f32,
    /// Whether the temperature follows the target entropy (paper, section 5) or stays as it is.
    /// Default true.
    pub learn_temperature: bool,
    /// Entropy that the temperature steers to, in nats, of the action scaled to [-1, 1]. Default:
    /// minus the number of action components (paper).
    pub target_entropy: Option<f32>,
    /// Least log standard deviation of the policy, before tanh. Default -5 (CleanRL, PEBBLE).
    pub log_std_min: f32,
    /// Greatest log standard deviation of the policy, before tanh. Default 2 (paper's code).
    pub log_std_max: f32,
}

impl Default for SacConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            tau: 0.005,
            batch_size: 256,
            hidden: vec![256, 256],
            actor_lr: 3e-4,
            critic_lr: 3e-4,
            temperature_lr: 3e-4,
            actor_period: 1,
            target_period: 1,
            initial_temperature: 1.0,
            learn_temperature: true,
            target_entropy: None,
            log_std_min: -5.0,
            log_std_max: 2.0,
        }
    }
}

impl SacConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        require((0.0..=1.0).contains(&self.gamma), "sac.gamma", &self.gamma, "use a number in [0, 1]")?;
        require(self.tau > 0.0 && self.tau <= 1.0, "sac.tau", &self.tau, "use a number in (0, 1]")?;
        require(self.batch_size > 0, "sac.batch_size", &self.batch_size, "use at least 1")?;
        require(!self.hidden.contains(&0), "sac.hidden", &self.hidden, "use at least 1 unit per layer")?;
        require(positive(self.actor_lr), "sac.actor_lr", &self.actor_lr, "use a positive number")?;
        require(positive(self.critic_lr), "sac.critic_lr", &self.critic_lr, "use a positive number")?;
        let temperature_lr = self.temperature_lr;
        require(positive(temperature_lr), "sac.temperature_lr", &temperature_lr, "use a positive number")?;
        require(self.actor_period > 0, "sac.actor_period", &self.actor_period, "use at least 1")?;
        require(self.target_period > 0, "sac.target_period", &self.target_period, "use at least 1")?;
        let alpha = self.initial_temperature;
        require(positive(alpha.into()), "sac.initial_temperature", &alpha, "use a positive number")?;
        let bounds = (self.log_std_min, self.log_std_max);
        let ordered = bounds.0 < bounds.1 && bounds.0.is_finite() && bounds.1.is_finite();
        require(ordered, "sac.log_std_min", &bounds, "use finite bounds with log_std_min < log_std_max")
    }
}
