//! Gaussian noise whose power falls with frequency: Timmer and König 1995, "On generating power law
//! noise", Astronomy and Astrophysics 300.

use std::f64::consts::TAU;

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Draws sequences of a fixed length with power spectrum `f^-beta` and unit variance.
///
/// A sequence is a sum of harmonics with independent normal amplitudes,
/// `x_t = sum_k s_k (a_k cos(2 pi k t / h) + b_k sin(2 pi k t / h))`, where `s_k = f_k^(-beta / 2)`, the
/// frequency of the constant term is taken to be that of the first harmonic, and the sum is scaled to
/// unit variance.
#[derive(Clone, Debug)]
pub(super) struct ColouredNoise {
    length: usize,
    /// `[2 * harmonics, length]`: scaled cosines and sines.
    basis: Vec<f32>,
    amplitudes: Vec<f32>,
}

impl ColouredNoise {
    pub(super) fn new(beta: f64, length: usize) -> Self {
        let harmonics = length / 2 + 1;
        let scale = |k: usize| (k.max(1) as f64 / length as f64).powf(-beta / 2.0);
        let waves = (0..harmonics).flat_map(|k| [(k, 0.25), (k, 0.0)]);
        let raw: Vec<f64> = waves
            .flat_map(|(k, shift)| {
                (0..length).map(move |t| scale(k) * (TAU * ((k * t) as f64 / length as f64 + shift)).sin())
            })
            .collect();
        let variance = raw.iter().map(|x| x * x).sum::<f64>() / length as f64;
        let basis = raw.iter().map(|x| (x / variance.sqrt()) as f32).collect();
        Self { length, basis, amplitudes: vec![0.0; 2 * harmonics] }
    }

    /// Writes one sequence to `out[t * stride]` for every step t.
    pub(super) fn draw(&mut self, rng: &mut Xoshiro256PlusPlus, out: &mut [f32], stride: usize) {
        self.amplitudes.iter_mut().for_each(|amplitude| *amplitude = rng.sample(StandardNormal));
        for (t, x) in out.iter_mut().step_by(stride).enumerate() {
            let waves = self.basis.iter().skip(t).step_by(self.length);
            *x = self.amplitudes.iter().zip(waves).map(|(amplitude, wave)| amplitude * wave).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Variance, and correlation of neighbours, over many sequences.
    fn moments(beta: f64) -> (f32, f32) {
        let (length, sequences) = (30, 4000);
        let mut noise = ColouredNoise::new(beta, length);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let (mut variance, mut product) = (0.0, 0.0);
        let mut x = vec![0.0; 2 * length];
        for _ in 0..sequences {
            noise.draw(&mut rng, &mut x, 2);
            variance += x.iter().step_by(2).map(|x| x * x).sum::<f32>() / length as f32;
            let pairs = (0..length - 1).map(|t| x[2 * t] * x[2 * t + 2]);
            product += pairs.sum::<f32>() / (length - 1) as f32;
        }
        assert!(x.iter().skip(1).step_by(2).all(|x| *x == 0.0), "only every second place is written");
        (variance / sequences as f32, product / variance)
    }

    #[test]
    fn white_noise_forgets_and_red_noise_remembers() {
        let (variance, correlation) = moments(0.0);
        assert!((variance - 1.0).abs() < 0.03 && correlation.abs() < 0.05, "{variance} {correlation}");
        let (variance, pink) = moments(1.0);
        assert!((variance - 1.0).abs() < 0.05 && (0.3..0.8).contains(&pink), "{variance} {pink}");
        let (variance, red) = moments(3.0);
        assert!((variance - 1.0).abs() < 0.08 && red > 0.9, "{variance} {red}");
    }
}
