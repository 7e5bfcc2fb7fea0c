//! A sample of returns in four numbers.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Bootstrap, Scores, interquartile_mean, mean};

/// A sample of returns in four numbers, with the sample itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Arithmetic mean.
    #[serde(deserialize_with = "number")]
    pub mean: f64,
    /// Mean of the middle half of the sample.
    #[serde(deserialize_with = "number")]
    pub iqm: f64,
    /// 95% percentile-bootstrap interval of the mean; both ends equal the mean for a single value.
    #[serde(deserialize_with = "numbers")]
    pub interval: [f64; 2],
    /// The sample, in the order in which it was drawn.
    #[serde(deserialize_with = "numbers")]
    pub values: Vec<f64>,
}

impl Summary {
    /// Summarises a sample; equal samples have equal summaries. A sample with a value that is not finite has no
    /// interval either: all its numbers but the values are then not numbers.
    ///
    /// # Panics
    /// When `values` is empty.
    pub fn of(values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a summary needs at least one value");
        match Scores::of_one_task(values.clone()) {
            Some(scores) => Self {
                mean: mean(&scores),
                iqm: interquartile_mean(&scores),
                interval: Bootstrap::default().interval(&scores, mean),
                values,
            },
            None => Self { mean: f64::NAN, iqm: f64::NAN, interval: [f64::NAN; 2], values },
        }
    }
}

/// JSON writes what is not a number as null.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

fn numbers<'de, D, C>(from: D) -> Result<C, D::Error>
where
    D: Deserializer<'de>,
    C: TryFrom<Vec<f64>>,
{
    let values: Vec<Option<f64>> = Vec::deserialize(from)?;
    let count = values.len();
    let values: Vec<f64> = values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
    C::try_from(values).map_err(|_| serde::de::Error::invalid_length(count, &"another number of values"))
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
        let text = serde_json::to_string(&summary).unwrap();
        let read: Summary = serde_json::from_str(&text).unwrap();
        assert!(read.mean.is_nan() && read.interval[1].is_nan());
        assert!(read.values[0] == 3.0 && read.values[1].is_nan());
    }
}
