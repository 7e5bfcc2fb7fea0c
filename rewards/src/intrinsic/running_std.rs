//! Standard deviation of a stream of batches.

use serde::{Deserialize, Serialize};

/// Count, mean and sum of squared deviations, merged batch by batch (Chan et al. 1979).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RunningStd {
    count: f64,
    mean: f64,
    squares: f64,
}

impl RunningStd {
    pub(super) fn update(&mut self, values: &[f32]) {
        if values.is_empty() {
            return;
        }
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let squares: f64 = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
        let (total, delta) = (self.count + count, mean - self.mean);
        self.squares += squares + delta * delta * self.count * count / total;
        self.mean += delta * count / total;
        self.count = total;
    }

    /// The population standard deviation; 1 while it is unknown or zero.
    pub(super) fn std(&self) -> f32 {
        let std = (self.squares / self.count).sqrt();
        if std > 1e-6 { std as f32 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_merge_to_the_whole() {
        let values: Vec<f32> = (0..100).map(|i| 1000.0 + (i as f32 * 0.7).sin()).collect();
        let mut stream = RunningStd::default();
        assert_eq!(stream.std(), 1.0);
        values.chunks(7).for_each(|batch| stream.update(batch));
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 100.0;
        let std = (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / 100.0).sqrt();
        assert!((f64::from(stream.std()) - std).abs() < 1e-6);
    }
}
