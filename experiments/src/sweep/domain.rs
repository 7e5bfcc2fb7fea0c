//! What values a parameter can take, and their place on the unit interval, where samplers work.

use serde_json::{Number, Value};

/// The values of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// These, in this order.
    Values(Vec<Value>),
    /// A real number, uniform from the first to the second.
    Linear(f64, f64),
    /// A positive number whose logarithm is uniform.
    Log(f64, f64),
    /// A whole number, both ends included.
    Int(i64, i64),
    /// A positive whole number whose logarithm is uniform, both ends included.
    LogInt(i64, i64),
}

impl Domain {
    /// The value at `unit`, in [0, 1]. Real numbers are rounded to six digits, which is what
    /// people read and write in tables.
    pub fn at(&self, unit: f64) -> Value {
        let unit = unit.clamp(0.0, 1.0);
        match self {
            Self::Values(values) => values[bin(unit, values.len())].clone(),
            Self::Linear(low, high) => real(low + unit * (high - low)),
            Self::Log(low, high) => real((low.ln() + unit * (high.ln() - low.ln())).exp()),
            Self::Int(low, high) => Value::from(low + bin(unit, (high - low) as usize + 1) as i64),
            Self::LogInt(low, high) => {
                // Half a unit of room at both ends, so that they are as likely as their neighbours.
                let (from, to) = ((*low as f64 - 0.5).max(0.5).ln(), (*high as f64 + 0.5).ln());
                let value = (from + unit * (to - from)).exp().round() as i64;
                Value::from(value.clamp(*low, *high))
            }
        }
    }

    /// The place of a value that [`at`](Self::at) gave: some `unit` with `at(unit) == value`, up to
    /// the rounding of real numbers. `None` when the domain does not hold the value.
    pub fn unit(&self, value: &Value) -> Option<f64> {
        let centre = |index: usize, count: usize| (index as f64 + 0.5) / count as f64;
        match self {
            Self::Values(values) => {
                values.iter().position(|other| other == value).map(|index| centre(index, values.len()))
            }
            Self::Linear(low, high) => Some(((value.as_f64()? - low) / (high - low)).clamp(0.0, 1.0)),
            Self::Log(low, high) => {
                Some(((value.as_f64()?.ln() - low.ln()) / (high.ln() - low.ln())).clamp(0.0, 1.0))
            }
            Self::Int(low, high) => {
                let value = value.as_i64().filter(|value| (low..=high).contains(&value))?;
                Some(centre((value - low) as usize, (high - low) as usize + 1))
            }
            Self::LogInt(low, high) => {
                let value = value.as_i64().filter(|value| (low..=high).contains(&value))?;
                let (from, to) = ((*low as f64 - 0.5).max(0.5).ln(), (*high as f64 + 0.5).ln());
                Some((((value as f64).ln() - from) / (to - from)).clamp(0.0, 1.0))
            }
        }
    }

    /// How many values there are to choose from, where order and distance mean nothing.
    pub fn choices(&self) -> Option<usize> {
        match self {
            Self::Values(values) => Some(values.len()),
            _ => None,
        }
    }

    /// `points` values at equal distances, ends included; a list gives all of its own.
    pub fn grid(&self, points: usize) -> Vec<Value> {
        let mut values: Vec<Value> = match self {
            Self::Values(values) => return values.clone(),
            // Ends of whole-number ranges lie half a bin inside.
            Self::Int(low, high) => {
                let step =
                    |k: usize| *low as f64 + k as f64 * (high - low) as f64 / (points - 1).max(1) as f64;
                (0..points).map(|k| Value::from(step(k).round() as i64)).collect()
            }
            _ => (0..points).map(|k| self.at(k as f64 / (points - 1).max(1) as f64)).collect(),
        };
        values.dedup();
        values
    }
}

/// Which of `count` equal bins of the unit interval `unit` lies in.
fn bin(unit: f64, count: usize) -> usize {
    ((unit * count as f64) as usize).min(count - 1)
}

fn real(value: f64) -> Value {
    let rounded: f64 = format!("{value:.5e}").parse().expect("a formatted number is a number");
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn domains() -> Vec<Domain> {
        vec![
            Domain::Values(vec!["relu".into(), "tanh".into(), 3.into()]),
            Domain::Linear(-2.0, 5.0),
            Domain::Log(1e-5, 1e-1),
            Domain::Int(-3, 4),
            Domain::LogInt(1, 4096),
        ]
    }

    proptest! {
        #[test]
        fn a_value_leads_back_to_itself(unit in 0.0..=1.0f64) {
            for domain in domains() {
                let value = domain.at(unit);
                let back = domain.unit(&value).unwrap();
                prop_assert!((0.0..=1.0).contains(&back));
                let again = domain.at(back);
                match (value.as_i64(), value.as_f64()) {
                    (None, Some(value)) => {
                        let again = again.as_f64().unwrap();
                        prop_assert!((again - value).abs() <= 1e-4 * value.abs().max(1e-9), "{value} {again}");
                    }
                    _ => prop_assert_eq!(again, value),
                }
            }
        }
    }

    #[test]
    fn grids_hold_both_ends() {
        let numbers = |domain: Domain, points| -> Vec<f64> {
            domain.grid(points).iter().map(|value| value.as_f64().unwrap()).collect()
        };
        assert_eq!(numbers(Domain::Linear(0.0, 1.0), 3), [0.0, 0.5, 1.0]);
        assert_eq!(numbers(Domain::Log(0.001, 0.1), 3), [0.001, 0.01, 0.1]);
        assert_eq!(numbers(Domain::Int(2, 4), 9), [2.0, 3.0, 4.0]);
        assert_eq!(numbers(Domain::LogInt(1, 256), 2), [1.0, 256.0]);
        assert_eq!(numbers(Domain::Linear(3.0, 9.0), 1), [3.0]);
    }

    #[test]
    fn whole_numbers_are_equally_likely() {
        let domain = Domain::Int(0, 3);
        let mut counts = [0; 4];
        for k in 0..400 {
            counts[domain.at((f64::from(k) + 0.5) / 400.0).as_u64().unwrap() as usize] += 1;
        }
        assert_eq!(counts, [100; 4]);
    }
}
