//! Stratified percentile-bootstrap intervals.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Scores;

/// How to resample: the runs of each task with replacement, every task keeping its number of runs.
///
/// The interval of a statistic then says how it would vary with other seeds on the same tasks. With
/// few runs it is too narrow, see [`seed_warning`](super::seed_warning).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Resamples behind an interval, at least 1.
    pub resamples: usize,
    /// Share of the resampled statistics that an interval spans.
    pub confidence: f64,
    /// Seed of the resampling. The number of scores is added to it, so that samples of different
    /// sizes do not share their random numbers.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 2000 resamples, 95%.
    fn default() -> Self {
        Self { resamples: 2000, confidence: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    /// The interval of `statistic`, lower end first.
    pub fn interval(&self, scores: &Scores, statistic: impl Fn(&Scores) -> f64) -> [f64; 2] {
        let [interval] = &self.intervals(scores, |resample| vec![statistic(resample)])[..] else {
            unreachable!("one number per resample gives one interval")
        };
        *interval
    }

    /// The interval of each number of a statistic of several numbers, such as a profile, all from
    /// the same resamples. `statistic` must always return equally many.
    pub fn intervals(&self, scores: &Scores, statistic: impl Fn(&Scores) -> Vec<f64>) -> Vec<[f64; 2]> {
        let mut rng = self.rng(scores.count());
        let mut resample = scores.clone();
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for _ in 0..self.resamples.max(1) {
            draw(scores, &mut resample, &mut rng);
            let values = statistic(&resample);
            columns.resize_with(values.len(), || Vec::with_capacity(self.resamples));
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
        columns.into_iter().map(|column| self.ends(column)).collect()
    }

    /// The interval of a statistic of two methods, each resampled independently of the other.
    pub fn interval_of_pair(
        &self,
        first: &Scores,
        second: &Scores,
        statistic: impl Fn(&Scores, &Scores) -> f64,
    ) -> [f64; 2] {
        let mut rng = self.rng(first.count() + second.count());
        let (mut a, mut b) = (first.clone(), second.clone());
        let draw_both = |_| {
            draw(first, &mut a, &mut rng);
            draw(second, &mut b, &mut rng);
            statistic(&a, &b)
        };
        self.ends((0..self.resamples.max(1)).map(draw_both).collect())
    }

    fn rng(&self, scores: usize) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.seed.wrapping_add(scores as u64))
    }

    fn ends(&self, mut values: Vec<f64>) -> [f64; 2] {
        values.sort_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        [quantile(&values, tail), quantile(&values, 1.0 - tail)]
    }
}

fn draw(scores: &Scores, resample: &mut Scores, rng: &mut Xoshiro256PlusPlus) {
    for (runs, drawn) in scores.tasks().iter().zip(resample.tasks_mut()) {
        for score in drawn {
            *score = runs[rng.random_range(0..runs.len())];
        }
    }
}

/// The `q`-quantile of values in ascending order, interpolated linearly between neighbours (type 7 of
/// Hyndman and Fan 1996, NumPy's default).
///
/// # Panics
/// When there is no value.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * q.clamp(0.0, 1.0);
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (position - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::mean;

    #[test]
    fn interval_covers_the_mean_at_its_nominal_rate() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let covered = (0..400)
            .filter(|_| {
                let sample: Vec<f64> = (0..30).map(|_| rng.random::<f64>()).collect();
                let scores = Scores::of_one_task(sample).unwrap();
                let [low, high] = Bootstrap::default().interval(&scores, mean);
                low <= 0.5 && 0.5 <= high
            })
            .count();
        // Binomial(400, 0.95) lies above 365 with probability 0.999; the percentile bootstrap at
        // n = 30 is a little narrow, so the lower bound leaves room for 92%.
        assert!((355..=396).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn tasks_are_never_mixed() {
        // Each task is constant, so only a resample across tasks could have another mean.
        let scores = Scores::new(vec![vec![1.0; 3], vec![5.0; 4]]).unwrap();
        assert_eq!(Bootstrap::default().interval(&scores, mean), [3.0, 3.0]);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }
}
