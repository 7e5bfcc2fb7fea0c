//! The straight path of flow matching: Lipman et al. 2022, "Flow Matching for Generative Modeling",
//! arXiv 2210.02747, in the orientation of Domingo-Enrich et al. 2024, arXiv 2409.08861:
//!
//! x_t = (1 - t) noise + t data,   v(x_t, t) = E[data - noise | x_t]

use super::{DenoisingStep, NoiseLevel, SamplerConfig};
use crate::AgentError;

/// Signal and noise at time `t`.
pub(super) fn level(t: f64) -> NoiseLevel {
    NoiseLevel { signal: t, noise: 1.0 - t }
}

/// The steps of a sampler for a denoiser that predicts the velocity, from t = 0 to 1:
/// x0_hat = x + (1 - t) v, the end of the line that v points along.
///
/// # Errors
/// When the sampler is wrong.
pub(super) fn sampler(config: &SamplerConfig) -> Result<Vec<DenoisingStep>, AgentError> {
    config.validate()?;
    let n = config.steps as f64;
    let step = |i: usize| {
        let (t, next) = (i as f64 / n, (i + 1) as f64 / n);
        DenoisingStep::between(level(t), level(next), config.noise, 1.0 / n, t, (1.0, 1.0 - t))
    };
    Ok((0..config.steps).map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generative::ChainNoise;

    #[test]
    fn without_noise_a_step_is_eulers() {
        let config = SamplerConfig { steps: 8, noise: ChainNoise::Eta(0.0), ..SamplerConfig::default() };
        for step in sampler(&config).unwrap() {
            let (x, v) = (0.3, -1.7);
            let x0 = step.x0_of_sample * x + step.x0_of_prediction * v;
            let next = step.mean_of_sample * x + step.mean_of_x0 * x0;
            assert!((next - (x + v / 8.0)).abs() < 1e-6 && step.std == 0.0, "{step:?}");
        }
    }

    #[test]
    fn with_eta_one_it_is_memoryless() {
        let config = SamplerConfig { steps: 1000, ..SamplerConfig::default() };
        let steps = sampler(&config).unwrap();
        // The first latent leaves no trace ...
        assert_eq!(steps[0].mean_of_sample, 0.0);
        // ... and the diffusion is that of arXiv 2409.08861, equation 10: sigma^2 = 2 (1 - t) / t.
        for (i, step) in steps.iter().enumerate().filter(|(i, _)| (300..900).contains(i)) {
            let t = (i as f64 + 0.5) / 1000.0;
            let size = f64::from(step.std).powi(2) * 1000.0;
            assert!((size / (2.0 * (1.0 - t) / t) - 1.0).abs() < 0.01, "{size} at {t}");
        }
    }
}
