//! How chunks are drawn from a trained denoiser.

use serde::{Deserialize, Serialize};

use super::ChainNoise;
use crate::{AgentError, error::require};

/// Settings of a sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplerConfig {
    /// Denoising steps, each one evaluation of the network. Default 10 (DPPO fine-tunes the last 10 of
    /// its 20).
    pub steps: usize,
    /// How random the steps are. Default `eta = 1`: the posterior of DDPM.
    pub noise: ChainNoise,
    /// Least standard deviation of a step when it is drawn. Default 0; DPPO explores with 0.1 (Ren et
    /// al. 2024, arXiv 2409.00588, the authors' Gym configurations).
    pub min_std: f32,
    /// Least standard deviation of a step when its log-probability is computed, which keeps ratios
    /// of nearly deterministic steps finite. Default 0; DPPO has 0.1.
    pub min_log_prob_std: f32,
    /// Bound on the components of x0_hat; actions lie in [-1, 1]. Default 1; none leaves it free.
    pub clip: Option<f32>,
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self { steps: 10, noise: ChainNoise::Eta(1.0), min_std: 0.0, min_log_prob_std: 0.0, clip: Some(1.0) }
    }
}

impl SamplerConfig {
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        require(self.steps > 0, "generative.sampler.steps", &self.steps, "use at least 1")?;
        let sound = match self.noise {
            ChainNoise::Eta(eta) => (0.0..=1.0).contains(&eta),
            ChainNoise::Constant(size) => size >= 0.0 && size.is_finite(),
        };
        let expected = "use an eta in [0, 1] or a constant that is not negative";
        require(sound, "generative.sampler.noise", &self.noise, expected)?;
        let floor = |x: f32| x >= 0.0 && x.is_finite();
        require(floor(self.min_std), "generative.sampler.min_std", &self.min_std, "use 0 or more")?;
        let least = self.min_log_prob_std;
        require(floor(least), "generative.sampler.min_log_prob_std", &least, "use 0 or more")?;
        require(
            self.clip.is_none_or(|c| c > 0.0),
            "generative.sampler.clip",
            &self.clip,
            "use a positive number",
        )
    }
}
