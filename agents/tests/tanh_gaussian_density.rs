//! The log-density that SAC's losses use is that of the actions its policy really takes.

#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Device, SquashedGaussian, Tensor, gaussian};

const DISTRIBUTION: SquashedGaussian = SquashedGaussian { log_std_min: -5.0, log_std_max: 2.0 };

/// Actions and densities of policies with this mean and log standard deviation, for given noise.
fn sample(mean: f32, log_std: f32, noise: &[f32]) -> (Vec<f32>, Vec<f64>) {
    let rows = noise.len();
    let output = Tensor::from_vec([mean, log_std].repeat(rows), (rows, 2), &Device::Cpu).unwrap();
    let noise = Tensor::from_slice(noise, (rows, 1), &Device::Cpu).unwrap();
    let (actions, log_probs) = DISTRIBUTION.sample(&output, &noise).unwrap();
    let densities = log_probs.to_vec1::<f32>().unwrap().iter().map(|p| f64::from(*p).exp()).collect();
    (actions.flatten_all().unwrap().to_vec1().unwrap(), densities)
}

/// Trapezoids between the actions that a fine grid of noise leads to.
#[test]
fn the_density_integrates_to_one_over_the_actions() {
    let grid: Vec<f32> = (-6000..=6000).map(|i| i as f32 * 1e-3).collect();
    for (mean, log_std) in [(0.0, -0.5), (0.8, -1.0), (-1.5, 0.0), (0.1, 0.7)] {
        let (actions, densities) = sample(mean, log_std, &grid);
        let strips = actions.windows(2).zip(densities.windows(2));
        let total: f64 = strips.map(|(a, p)| f64::from(a[1] - a[0]) * 0.5 * (p[0] + p[1])).sum();
        assert!((total - 1.0).abs() < 2e-3, "mean {mean}, log std {log_std}: {total}");
    }
}

/// The share of sampled actions below a threshold is the integral of the density up to it.
#[test]
fn the_density_is_that_of_sampled_actions() {
    let (mean, log_std, threshold) = (0.3, -0.4, 0.5);
    let mut noise = vec![0.0; 200_000];
    gaussian::standard_normal(&mut Xoshiro256PlusPlus::seed_from_u64(0), &mut noise);
    let mut actions = vec![0.0; noise.len()];
    let output = [mean, log_std].repeat(noise.len());
    DISTRIBUTION.sample_into(&output, &noise, noise.len(), &mut actions);
    let share = actions.iter().filter(|a| **a < threshold).count() as f64 / actions.len() as f64;

    let grid: Vec<f32> = (-6000..=6000).map(|i| i as f32 * 1e-3).collect();
    let (points, densities) = sample(mean, log_std, &grid);
    let strips = points.windows(2).zip(densities.windows(2)).filter(|(a, _)| a[1] < threshold);
    let integral: f64 = strips.map(|(a, p)| f64::from(a[1] - a[0]) * 0.5 * (p[0] + p[1])).sum();
    // Three standard errors of the share, and a grid step.
    assert!((share - integral).abs() < 0.0045, "{share} of the samples against {integral}");
}
