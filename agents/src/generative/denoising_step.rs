//! One step of a sampler, for every noise schedule and flow.

use serde::{Deserialize, Serialize};

/// How much signal and how much noise a latent holds: a^t = signal a^0 + noise eps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseLevel {
    /// alpha_t: the factor on the clean chunk.
    pub signal: f64,
    /// sigma_t: the factor on standard normal noise.
    pub noise: f64,
}

/// A Gaussian step from a latent x to a cleaner one, with what a denoiser predicts at x:
///
/// x0_hat = x0_of_sample x + x0_of_prediction prediction, clipped where the policy says so;
/// next ~ N(mean_of_sample x + mean_of_x0 x0_hat, std^2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenoisingStep {
    /// What the denoiser is told of the noise, in [0, 1].
    pub time: f32,
    /// See the equation above.
    pub x0_of_sample: f32,
    /// See the equation above.
    pub x0_of_prediction: f32,
    /// See the equation above.
    pub mean_of_sample: f32,
    /// See the equation above.
    pub mean_of_x0: f32,
    /// Standard deviation; 0 for a step without noise.
    pub std: f32,
}

/// How random the steps of a sampler are. All choices have the same marginals at every level, given a
/// perfect denoiser; what differs is how much of the first noise the chunk remembers.
///
/// Written as `{ eta = 1.0 }` or `{ constant = 0.5 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum ChainNoise {
    /// Song et al. 2020, "Denoising Diffusion Implicit Models", arXiv 2010.02502, equation 16: 0 is
    /// deterministic (for a flow: Euler's method), 1 draws from the posterior as DDPM does, which for a
    /// flow is the memoryless process of Domingo-Enrich et al. 2024, arXiv 2409.08861.
    Eta(f64),
    /// A diffusion of this constant size per root of time, as far as the next level has room for it.
    Constant(f64),
}

/// [`ChainNoise`] as a table with one of these keys.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    eta: Option<f64>,
    constant: Option<f64>,
}

impl TryFrom<Written> for ChainNoise {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written { eta: Some(eta), constant: None } => Ok(Self::Eta(eta)),
            Written { eta: None, constant: Some(size) } => Ok(Self::Constant(size)),
            _ => Err("expected one of the keys `eta` and `constant`"),
        }
    }
}

impl From<ChainNoise> for Written {
    fn from(noise: ChainNoise) -> Self {
        match noise {
            ChainNoise::Eta(eta) => Self { eta: Some(eta), ..Self::default() },
            ChainNoise::Constant(size) => Self { constant: Some(size), ..Self::default() },
        }
    }
}

impl ChainNoise {
    /// Standard deviation of the step `from` -> `to` that takes `duration` of the sampler's unit time.
    fn std(self, from: NoiseLevel, to: NoiseLevel, duration: f64) -> f64 {
        match self {
            Self::Eta(eta) => {
                let kept = from.signal / to.signal * to.noise;
                let fresh = (from.noise.powi(2) - kept.powi(2)).max(0.0).sqrt();
                eta * to.noise / from.noise * fresh
            }
            Self::Constant(size) => (size * duration.sqrt()).min(to.noise),
        }
    }
}

impl DenoisingStep {
    /// The mean and deviation of the step `from` -> `to` (DDIM, equation 12, for any levels):
    ///
    /// mean = alpha_to x0_hat + sqrt(sigma_to^2 - std^2) (x - alpha_from x0_hat) / sigma_from
    ///
    /// `x0` holds the factors of sample and prediction in x0_hat.
    pub(super) fn between(
        from: NoiseLevel,
        to: NoiseLevel,
        noise: ChainNoise,
        duration: f64,
        time: f64,
        x0: (f64, f64),
    ) -> Self {
        let std = noise.std(from, to, duration);
        let direction = (to.noise.powi(2) - std.powi(2)).max(0.0).sqrt() / from.noise;
        Self {
            time: time as f32,
            x0_of_sample: x0.0 as f32,
            x0_of_prediction: x0.1 as f32,
            mean_of_sample: direction as f32,
            mean_of_x0: (to.signal - direction * from.signal) as f32,
            std: std as f32,
        }
    }
}
