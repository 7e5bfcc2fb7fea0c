//! A sample of returns in four numbers.

use serde::{Deserialize, Serialize};

use super::{Bootstrap, Scores, interquartile_mean, mean};

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
    /// so equal samples have equal summaries. A sample with a value that is not finite has no
    /// interval either: all its numbers but the values are then not numbers.
    ///
    /// # Panics
    /// When `values` is empty.
    pub fn of(values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a summary needs at least one value");
        let bootstrap = Bootstrap { seed: values.len() as u64, ..Bootstrap::default() };
        match Scores::of_one_task(values.clone()) {
            Some(scores) => Self {
                mean: mean(&scores),
                iqm: interquartile_mean(&scores),
                interval: bootstrap.interval(&scores, mean),
                values,
            },
            None => Self { mean: f64::NAN, iqm: f64::NAN, interval: [f64::NAN; 2], values },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_value_has_a_degenerate_interval() {
        let summary = Summary::of(vec![3.0]);
        assert_eq!((summary.mean, summary.iqm, summary.interval), (3.0, 3.0, [3.0, 3.0]));
    }

    #[test]
    fn a_value_that_is_no_number_is_not_hidden() {
        let summary = Summary::of(vec![3.0, f64::NAN]);
        assert!(summary.mean.is_nan() && summary.interval[0].is_nan());
    }
}
