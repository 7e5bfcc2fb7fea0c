//! Summaries of returns: mean, interquartile mean and a bootstrap interval (Agarwal et al. 2021,
//! "Deep Reinforcement Learning at the Edge of the Statistical Precipice", arXiv 2108.13264).

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// Bootstrap resamples behind every interval.
const RESAMPLES: usize = 2000;

/// A sample of returns in four numbers, with the sample itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Arithmetic mean.
    pub mean: f64,
    /// Mean of the middle half of the sample.
    pub iqm: f64,
    /// 95% percentile-bootstrap interval of the mean; both ends equal the mean for a single value.
    pub interval: [f64; 2],
    /// The sample, in the order in which it was drawn.
    pub values: Vec<f64>,
}

impl Summary {
    /// Summarises a sample. The bootstrap's random numbers depend on the size of the sample only,
    /// so equal samples have equal summaries.
    ///
    /// # Panics
    /// When `values` is empty.
    pub fn of(values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a summary needs at least one value");
        let mean = mean(&values);
        Self { mean, iqm: interquartile_mean(&values), interval: bootstrap_interval(&values), values }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The 25% trimmed mean, with fractional weights at both cuts so that any sample size is exact.
pub fn interquartile_mean(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let (low, high) = (n * 0.25, n * 0.75);
    let mut total = 0.0;
    for (index, value) in sorted.iter().enumerate() {
        let (start, end) = (index as f64, index as f64 + 1.0);
        total += value * (end.min(high) - start.max(low)).max(0.0);
    }
    total / (high - low)
}

/// The 95% percentile-bootstrap interval of the mean.
pub fn bootstrap_interval(values: &[f64]) -> [f64; 2] {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(values.len() as u64);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let total: f64 = (0..values.len()).map(|_| values[rng.random_range(0..values.len())]).sum();
            total / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |quantile: f64| means[((RESAMPLES - 1) as f64 * quantile).round() as usize];
    [at(0.025), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interquartile_mean_drops_the_outer_quarters() {
        assert_eq!(interquartile_mean(&[0.0, 1.0, 3.0, 100.0]), 2.0);
        assert_eq!(interquartile_mean(&[5.0]), 5.0);
        // Six values: 1.5 are cut at each end, so 2 and 5 count half.
        assert!(
            (interquartile_mean(&[9.0, 1.0, 2.0, 3.0, 4.0, 5.0]) - (1.0 + 3.0 + 4.0 + 2.5) / 3.0).abs()
                < 1e-12
        );
    }

    #[test]
    fn interval_covers_the_mean_at_its_nominal_rate() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let covered = (0..400)
            .filter(|_| {
                let sample: Vec<f64> = (0..30).map(|_| rng.random::<f64>()).collect();
                let [low, high] = bootstrap_interval(&sample);
                low <= 0.5 && 0.5 <= high
            })
            .count();
        // Binomial(400, 0.95) lies above 365 with probability 0.999; the percentile bootstrap at
        // n = 30 is a little narrow, so the lower bound leaves room for 92%.
        assert!((355..=396).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn a_single_value_has_a_degenerate_interval() {
        let summary = Summary::of(vec![3.0]);
        assert_eq!((summary.mean, summary.iqm, summary.interval), (3.0, 3.0, [3.0, 3.0]));
    }
}
