//! Running mean and variance per component, merged batch by batch.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

/// Count, mean and sum of squared deviations of `size` components, in `f64`.
///
/// A batch is summarised in two passes and merged by the pairwise formula of Chan, Golub & LeVeque,
/// "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979), which keeps
/// its precision where the mean is large compared to the deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningMoments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl RunningMoments {
    /// No samples yet, of `size` components each.
    pub fn new(size: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; size], squares: vec![0.0; size] }
    }

    /// The moments of the rows of `samples`, `[rows, size]`. Rows with a number that is not finite are
    /// left out, because one of them would poison the statistics for the rest of the run.
    pub fn of(size: usize, samples: &[f32]) -> Self {
        let finite = || samples.chunks_exact(size).filter(|row| row.iter().all(|x| x.is_finite()));
        let mut batch = Self::new(size);
        for row in finite() {
            batch.count += 1.0;
            batch.mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        batch.mean.iter_mut().for_each(|sum| *sum /= batch.count.max(1.0));
        for row in finite() {
            for ((squares, mean), &x) in batch.squares.iter_mut().zip(&batch.mean).zip(row) {
                *squares += (f64::from(x) - mean).powi(2);
            }
        }
        batch
    }

    /// Adds the rows of `samples`, `[rows, size]`, as [`of`](Self::of) sees them.
    pub fn update(&mut self, samples: &[f32]) {
        self.merge(&Self::of(self.mean.len(), samples));
    }

    /// Adds all samples that `other` has seen.
    ///
    /// # Panics
    /// When the two have another number of components.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.mean.len(), other.mean.len(), "moments of the same components");
        let total = self.count + other.count;
        if other.count == 0.0 {
            return;
        }
        for i in 0..self.mean.len() {
            let delta = other.mean[i] - self.mean[i];
            self.mean[i] += delta * other.count / total;
            self.squares[i] += other.squares[i] + delta * delta * self.count * other.count / total;
        }
        self.count = total;
    }

    /// Count, means and sums of squared deviations, for another process to merge.
    pub(crate) fn to_numbers(&self) -> Vec<f64> {
        [&[self.count], self.mean.as_slice(), self.squares.as_slice()].concat()
    }

    /// What [`to_numbers`](Self::to_numbers) gave.
    pub(crate) fn from_numbers(numbers: &[f64]) -> Self {
        let (mean, squares) = numbers[1..].split_at(numbers.len() / 2);
        Self { count: numbers[0], mean: mean.to_vec(), squares: squares.to_vec() }
    }

    /// Number of samples seen.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Mean per component; 0 before the first sample.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Population variance of one component; 1 before the first sample.
    pub fn variance(&self, component: usize) -> f64 {
        if self.count == 0.0 { 1.0 } else { self.squares[component] / self.count }
    }
}

impl Checkpoint for RunningMoments {
    fn save(&self, out: &mut Writer) {
        out.value("count", &self.count);
        out.value("mean", &self.mean);
        out.value("squares", &self.squares);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let size = self.mean.len();
        self.count = from.value("count")?;
        self.mean = from.value("mean")?;
        self.squares = from.value("squares")?;
        if self.mean.len() != size || self.squares.len() != size {
            let reason = format!("holds {} components, expected {size}", self.mean.len());
            return Err(from.wrong("mean", &reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The textbook definition over everything at once.
    fn two_pass(column: &[f32]) -> (f64, f64) {
        let n = column.len() as f64;
        let mean = column.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        (mean, column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n)
    }

    proptest! {
        #[test]
        fn any_split_gives_the_two_pass_moments(
            samples in prop::collection::vec(-1e3f32..1e3, 2..60),
            cuts in prop::collection::vec(0usize..60, 3),
            offset in prop::sample::select(vec![0.0f32, 1e4]),
        ) {
            let samples: Vec<f32> = samples.iter().map(|x| x + offset).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|c| c % samples.len()).collect();
            cuts.sort_unstable();
            let mut updated = RunningMoments::new(1);
            let mut merged = RunningMoments::new(1);
            let mut start = 0;
            for end in cuts.into_iter().chain([samples.len()]) {
                updated.update(&samples[start..end]);
                let mut part = RunningMoments::new(1);
                samples[start..end].iter().for_each(|x| part.update(std::slice::from_ref(x)));
                merged.merge(&part);
                start = end;
            }
            let (mean, variance) = two_pass(&samples);
            for moments in [&updated, &merged] {
                prop_assert_eq!(moments.count(), samples.len() as f64);
                prop_assert!((moments.mean()[0] - mean).abs() <= 1e-9 * (1.0 + mean.abs()));
                prop_assert!((moments.variance(0) - variance).abs() <= 1e-7 * (1.0 + variance));
            }
        }
    }

    #[test]
    fn components_do_not_mix_and_unsound_rows_do_not_count() {
        let mut moments = RunningMoments::new(2);
        moments.update(&[1.0, 10.0, 3.0, 30.0, f32::NAN, 7.0, 7.0, f32::INFINITY]);
        assert_eq!(moments.count(), 2.0);
        assert_eq!(moments.mean(), [2.0, 20.0]);
        assert_eq!((moments.variance(0), moments.variance(1)), (1.0, 100.0));
    }
}
