//! Denoisers of one action whose predictions are exact, because their data are Gaussians.

use telos_agents::generative::{ChainNoise, ChunkShape, Denoiser, NoiseLevel, NoiseSchedule, SamplerConfig};
use telos_nn::{Device, NnError, Parameters, Tensor, Var};

const SHAPE: ChunkShape = ChunkShape { obs: 1, horizon: 1, act: 1 };

/// A sampler without a clip on x0_hat.
pub(crate) fn sampler(steps: usize, eta: f64) -> SamplerConfig {
    SamplerConfig { steps, noise: ChainNoise::Eta(eta), clip: None, ..SamplerConfig::default() }
}

/// The velocity of a flow to N(mean, std^2), plus a shift that may be learned, one for each of `n` times.
pub(crate) struct GaussianFlow {
    pub(crate) mean: f64,
    pub(crate) std: f64,
    pub(crate) shifts: Var,
    frozen: bool,
}

impl GaussianFlow {
    pub(crate) fn new(mean: f64, std: f64, n: usize) -> Self {
        let shifts = Var::from_vec(vec![0.0f32; n], n, &Device::Cpu).unwrap();
        Self { mean, std, shifts, frozen: false }
    }

    /// Slope and offset of E[data | x_t] in x_t.
    pub(crate) fn regression(&self, t: f64) -> (f64, f64) {
        let variance = (t * self.std).powi(2) + (1.0 - t).powi(2);
        let slope = t * self.std * self.std / variance;
        (slope, self.mean * (1.0 - slope * t))
    }

    fn index(&self, time: f32) -> u32 {
        let n = self.shifts.elem_count();
        ((time * n as f32).round() as u32).min(n as u32 - 1)
    }
}

impl Parameters for GaussianFlow {
    fn named(&self) -> Vec<(String, &Var)> {
        vec![("shifts".into(), &self.shifts)]
    }
}

impl Denoiser for GaussianFlow {
    fn shape(&self) -> ChunkShape {
        SHAPE
    }

    fn forward(&self, latents: &Tensor, times: &[f32], _: &Tensor) -> Result<Tensor, NnError> {
        let column = |f: &dyn Fn(f64) -> f64| -> Result<Tensor, NnError> {
            let numbers: Vec<f32> = times.iter().map(|t| f(f64::from(*t)) as f32).collect();
            Ok(Tensor::from_vec(numbers, (times.len(), 1), &Device::Cpu)?)
        };
        let slope = column(&|t| (self.regression(t).0 - 1.0) / (1.0 - t))?;
        let offset = column(&|t| self.regression(t).1 / (1.0 - t))?;
        let index: Vec<u32> = times.iter().map(|t| self.index(*t)).collect();
        let shifts =
            if self.frozen { self.shifts.as_detached_tensor() } else { self.shifts.as_tensor().clone() };
        let shifts = shifts.index_select(&Tensor::new(index, &Device::Cpu)?, 0)?.unsqueeze(1)?;
        Ok((((latents * slope)? + offset)? + shifts)?)
    }

    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        obs: &[f32],
        _: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError> {
        let column = |values: &[f32]| Tensor::from_slice(values, (values.len(), 1), &Device::Cpu);
        let times = vec![time; latents.len()];
        let output = self.forward(&column(latents)?, &times, &column(obs)?)?;
        prediction.copy_from_slice(&output.flatten_all()?.to_vec1::<f32>()?);
        Ok(())
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        let shifts = Var::from_tensor(&self.shifts.as_detached_tensor().copy()?)?;
        Ok(Self { shifts, frozen: true, ..*self })
    }

    fn device(&self) -> &Device {
        &Device::Cpu
    }
}

/// The noise in latents of a mixture of Gaussians (weight, mean, std), under a diffusion.
#[derive(Clone)]
pub(crate) struct Mixture {
    pub(crate) components: Vec<(f64, f64, f64)>,
    pub(crate) schedule: NoiseSchedule,
}

impl Mixture {
    pub(crate) fn mean_and_variance(&self) -> (f64, f64) {
        let moment = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            self.components.iter().map(|(weight, mean, std)| weight * f(*mean, *std)).sum()
        };
        let mean = moment(&|mean, _| mean);
        (mean, moment(&|m, s| s * s + m * m) - mean * mean)
    }

    /// The mixture tilted by exp(lambda x), which is one again.
    pub(crate) fn tilted(&self, lambda: f64) -> Self {
        let tilt = |(weight, mean, std): &(f64, f64, f64)| {
            let factor = (lambda * mean + 0.5 * (lambda * std).powi(2)).exp();
            (weight * factor, mean + lambda * std * std, *std)
        };
        let mut components: Vec<_> = self.components.iter().map(tilt).collect();
        let total: f64 = components.iter().map(|(weight, ..)| weight).sum();
        components.iter_mut().for_each(|(weight, ..)| *weight /= total);
        Self { components, ..self.clone() }
    }

    fn noise_in(&self, x: f64, level: NoiseLevel) -> f64 {
        let NoiseLevel { signal, noise } = level;
        let (mut total, mut clean) = (0.0, 0.0);
        for (weight, mean, std) in &self.components {
            let variance = (signal * std).powi(2) + noise * noise;
            let surprise = x - signal * mean;
            let likelihood = weight * (-0.5 * surprise * surprise / variance).exp() / variance.sqrt();
            total += likelihood;
            clean += likelihood * (mean + signal * std * std * surprise / variance);
        }
        (x - signal * clean / total) / noise
    }
}

impl Parameters for Mixture {
    fn named(&self) -> Vec<(String, &Var)> {
        Vec::new()
    }
}

impl Denoiser for Mixture {
    fn shape(&self) -> ChunkShape {
        SHAPE
    }

    fn forward(&self, latents: &Tensor, times: &[f32], _: &Tensor) -> Result<Tensor, NnError> {
        let x = latents.flatten_all()?.to_vec1::<f32>()?;
        let mut predictions = vec![0.0; x.len()];
        for ((x, time), prediction) in x.iter().zip(times).zip(&mut predictions) {
            self.infer(&[*x], *time, &[], &mut Vec::new(), std::slice::from_mut(prediction))?;
        }
        Ok(Tensor::from_vec(predictions, latents.shape(), &Device::Cpu)?)
    }

    fn infer(
        &self,
        latents: &[f32],
        time: f32,
        _: &[f32],
        _: &mut Vec<f32>,
        prediction: &mut [f32],
    ) -> Result<(), NnError> {
        let level = self.schedule.level((f64::from(time) * self.schedule.len() as f64).round() as usize);
        for (x, prediction) in latents.iter().zip(prediction) {
            *prediction = self.noise_in((*x).into(), level) as f32;
        }
        Ok(())
    }

    fn frozen_copy(&self) -> Result<Self, NnError> {
        Ok(self.clone())
    }

    fn device(&self) -> &Device {
        &Device::Cpu
    }
}

/// Two modes of unequal weight.
pub(crate) fn two_modes(levels: usize) -> Mixture {
    let components = vec![(0.3, -0.6, 0.15), (0.7, 0.5, 0.1)];
    Mixture { components, schedule: NoiseSchedule::cosine(levels).unwrap() }
}

pub(crate) fn mean_and_variance(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    (mean, values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n)
}
