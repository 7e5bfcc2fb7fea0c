//! Medians of wall time.

use std::{
    fmt,
    time::{Duration, Instant},
};

use serde::Serialize;

/// One figure of a benchmark.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measurement {
    /// What was measured.
    pub(super) name: String,
    /// The figure.
    pub(super) value: f64,
    /// Its unit.
    pub(super) unit: &'static str,
}

impl Measurement {
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.value.abs() < 100.0 { 3 } else { 0 };
        write!(f, "{:<44} {:>12.digits$} {}", self.name, self.value, self.unit)
    }
}

/// Median time of each of `tasks` over `rounds` rounds, after one to warm up. Every other round
/// runs backwards, so that a machine that slows down or speeds up favours none of them.
pub(super) fn medians<const N: usize>(rounds: u32, tasks: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=rounds {
        for index in 0..N {
            let index = if round % 2 == 0 { index } else { N - 1 - index };
            let start = Instant::now();
            tasks[index]();
            if round > 0 {
                times[index].push(start.elapsed());
            }
        }
    }
    times.map(median)
}

/// The middle one, or the mean of the middle two.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    (low + high) / 2
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn rounds_alternate_and_the_first_does_not_count() {
        let order = RefCell::new(String::new());
        let [a, b] = medians(2, [&mut || order.borrow_mut().push('a'), &mut || order.borrow_mut().push('b')]);
        assert_eq!(order.into_inner(), "abbaab");
        assert!(a < Duration::from_secs(1) && b < Duration::from_secs(1));
    }

    #[test]
    fn an_even_number_of_rounds_takes_the_middle_of_two() {
        let seconds = |values: &[u64]| values.iter().map(|s| Duration::from_secs(*s)).collect();
        assert_eq!(median(seconds(&[9, 1, 5])), Duration::from_secs(5));
        assert_eq!(median(seconds(&[9, 1, 5, 7])), Duration::from_secs(6));
    }
}
