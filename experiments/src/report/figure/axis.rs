//! From numbers to places on paper, with ticks at round numbers.

use crate::number::with_separators;

/// One axis: a range of numbers laid out over a range of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis that holds all of `values` and, when `zero` is set, 0 too; `from` and `to` are the
    /// pixels of its ends.
    pub(super) fn over(values: impl IntoIterator<Item = f64>, zero: bool, from: f64, to: f64) -> Self {
        let start = if zero { (0.0, 0.0) } else { (f64::MAX, f64::MIN) };
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold(start, |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        // A single number still needs a length to stand in the middle of.
        let (low, high) = if high - low < 1e-12 * high.abs().max(1e-300) {
            (low - 0.5 * low.abs().max(1.0), high + 0.5 * high.abs().max(1.0))
        } else {
            (low, high)
        };
        Self { low, high, from, to }
    }

    /// The same axis, longer at both ends up to the next round number.
    pub(super) fn rounded(self) -> Self {
        let step = tick_step(self.low, self.high);
        let (low, high) = ((self.low / step).floor() * step, (self.high / step).ceil() * step);
        Self { low, high, ..self }
    }

    /// The pixels of both ends.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// The pixel of `value`.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round numbers along the axis, with their text.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let step = tick_step(self.low, self.high);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|index| (index as f64 * step, tick_text(index as f64 * step, step))).collect()
    }
}

/// 1, 2 or 5 times a power of ten, so that four to ten ticks fit.
fn tick_step(low: f64, high: f64) -> f64 {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let lead = rough / power;
    power
        * if lead < 1.5 {
            1.0
        } else if lead < 3.5 {
            2.0
        } else if lead < 7.5 {
            5.0
        } else {
            10.0
        }
}

fn tick_text(value: f64, step: f64) -> String {
    if step >= 1.0 {
        return with_separators(value);
    }
    let decimals = (-step.log10()).ceil().clamp(0.0, 9.0) as usize;
    // Adding 0 turns a negative zero into a plain one.
    format!("{:.decimals$}", (value / step).round() * step + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            texts(Axis::over([12.0, 357.0], true, 0.0, 1.0).rounded()),
            ["0", "100", "200", "300", "400"]
        );
        assert_eq!(
            texts(Axis::over([-0.3, 0.31], false, 0.0, 1.0)),
            ["-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"]
        );
        assert_eq!(texts(Axis::over([0.0, 40000.0], true, 0.0, 1.0)).last().unwrap(), "40,000");
    }

    #[test]
    fn every_sample_has_an_axis() {
        for values in [vec![], vec![5.0], vec![0.0, 0.0], vec![f64::NAN, 1.0], vec![-1e-9, 1e9]] {
            let axis = Axis::over(values.clone(), false, 10.0, 110.0).rounded();
            let ticks = axis.ticks();
            assert!((2..=12).contains(&ticks.len()), "{values:?}: {ticks:?}");
            for value in values.into_iter().filter(|value| value.is_finite()) {
                assert!((10.0..=110.0).contains(&axis.at(value)), "{value}");
            }
        }
    }
}
