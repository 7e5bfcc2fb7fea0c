//! The cosine schedule of Nichol and Dhariwal 2021, "Improved Denoising Diffusion Probabilistic Models",
//! arXiv 2102.09672, equation 17, and the samplers that skip through it (DDIM).
//!
//! alpha_bar_k = f(k) / f(0),   f(k) = cos^2((k / K + s) / (1 + s) pi / 2),   s = 0.008,
//!
//! with each beta_k = 1 - alpha_bar_k / alpha_bar_{k-1} at most 0.999.

use super::{DenoisingStep, NoiseLevel, SamplerConfig};
use crate::{AgentError, error::require};

/// The levels of a diffusion with K steps.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSchedule {
    /// `[K + 1]`, from the clean chunk (1) to almost pure noise.
    alpha_bar: Vec<f64>,
}

impl NoiseSchedule {
    /// The cosine schedule with K steps.
    ///
    /// # Errors
    /// When K is 0.
    pub fn cosine(steps: usize) -> Result<Self, AgentError> {
        require(steps > 0, "generative.levels", &steps, "use at least 1")?;
        let f = |k: usize| {
            let angle = (k as f64 / steps as f64 + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2;
            angle.cos().powi(2)
        };
        let mut alpha_bar = vec![1.0];
        for k in 1..=steps {
            let beta = (1.0 - f(k) / f(k - 1)).min(0.999);
            alpha_bar.push(alpha_bar[k - 1] * (1.0 - beta));
        }
        Ok(Self { alpha_bar })
    }

    /// K.
    pub fn len(&self) -> usize {
        self.alpha_bar.len() - 1
    }

    /// Whether there is no step; never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Signal and noise after `k` steps.
    ///
    /// # Panics
    /// When `k` is more than K.
    pub fn level(&self, k: usize) -> NoiseLevel {
        let alpha_bar = self.alpha_bar[k];
        NoiseLevel { signal: alpha_bar.sqrt(), noise: (1.0 - alpha_bar).sqrt() }
    }

    /// What a denoiser is told at level `k`.
    pub fn time(&self, k: usize) -> f64 {
        k as f64 / self.len() as f64
    }

    /// The steps of a sampler for a denoiser that predicts the noise, noisiest first:
    /// x0_hat = (x - sigma eps) / alpha.
    ///
    /// Each of n steps begins in the middle of its n-th of the K levels. A short sampler that began at K itself,
    /// where alpha is almost 0, would divide the network's error by it and let that decide the chunk.
    ///
    /// # Errors
    /// When the sampler is wrong or has more steps than the schedule.
    pub fn sampler(&self, config: &SamplerConfig) -> Result<Vec<DenoisingStep>, AgentError> {
        config.validate()?;
        let (n, total) = (config.steps, self.len());
        require(n <= total, "generative.sampler.steps", &n, "use at most as many steps as the schedule has")?;
        let level = |i: usize| if i == n { 0 } else { (total * (2 * (n - i) - 1)).div_ceil(2 * n) };
        let step = |i: usize| {
            let (k, next) = (level(i), level(i + 1));
            let (from, to) = (self.level(k), self.level(next));
            let x0 = (1.0 / from.signal, -from.noise / from.signal);
            DenoisingStep::between(from, to, config.noise, self.time(k - next), self.time(k), x0)
        };
        Ok((0..n).map(step).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generative::ChainNoise;

    fn sampler(steps: usize, eta: f64) -> SamplerConfig {
        SamplerConfig { steps, noise: ChainNoise::Eta(eta), ..SamplerConfig::default() }
    }

    #[test]
    fn steps_with_eta_one_are_the_posterior_of_the_forward_process() {
        let schedule = NoiseSchedule::cosine(20).unwrap();
        let steps = schedule.sampler(&sampler(20, 1.0)).unwrap();
        for (i, step) in steps.iter().enumerate() {
            // q(x_{k-1} | x_k, x_0), Ho et al. 2020, arXiv 2006.11239, equations 6 and 7.
            let k = 20 - i;
            let (bar, before) = (schedule.alpha_bar[k], schedule.alpha_bar[k - 1]);
            let beta = 1.0 - bar / before;
            let of_x0 = before.sqrt() * beta / (1.0 - bar);
            let of_sample = (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - bar);
            let std = ((1.0 - before) / (1.0 - bar) * beta).sqrt();
            for (found, exact) in
                [(step.mean_of_x0, of_x0), (step.mean_of_sample, of_sample), (step.std, std)]
            {
                assert!((f64::from(found) - exact).abs() < 1e-6, "step {k}: {found} against {exact}");
            }
        }
        assert_eq!(steps[19].std, 0.0, "the last step ends in the clean chunk");
    }

    #[test]
    fn noising_then_one_exact_step_has_the_marginal_of_the_next_level() {
        let schedule = NoiseSchedule::cosine(50).unwrap();
        for eta in [0.0, 0.3, 1.0] {
            for (i, step) in schedule.sampler(&sampler(10, eta)).unwrap().iter().enumerate() {
                let (from, to) =
                    (schedule.level(48 - 5 * i), schedule.level((43usize).saturating_sub(5 * i)));
                let signal = f64::from(step.mean_of_sample) * from.signal + f64::from(step.mean_of_x0);
                let noise = (f64::from(step.mean_of_sample) * from.noise).hypot(step.std.into());
                assert!((signal - to.signal).abs() < 1e-6 && (noise - to.noise).abs() < 1e-6, "{eta} {i}");
            }
        }
    }

    #[test]
    fn a_short_sampler_begins_where_the_chunk_can_still_be_seen() {
        let schedule = NoiseSchedule::cosine(100).unwrap();
        for count in 1..=8 {
            let steps = schedule.sampler(&sampler(count, 0.0)).unwrap();
            assert!(steps[0].x0_of_prediction > -11.0, "{count} steps: {steps:?}");
            assert!(steps.is_sorted_by(|a, b| a.time > b.time), "{count} steps: {steps:?}");
        }
        let levels = |steps| -> Vec<u32> {
            let steps = schedule.sampler(&sampler(steps, 0.0)).unwrap();
            steps.iter().map(|step| (100.0 * step.time).round() as u32).collect()
        };
        assert_eq!(levels(4), [88, 63, 38, 13]);
        assert_eq!(levels(100), (1..=100).rev().collect::<Vec<u32>>());
    }

    #[test]
    fn a_sampler_cannot_have_more_steps_than_its_schedule() {
        let error = NoiseSchedule::cosine(4).unwrap().sampler(&sampler(5, 0.0)).unwrap_err().to_string();
        assert!(error.contains("sampler.steps") && error.contains('5'), "{error}");
    }
}
