//! Smooth indicator functions, the building blocks of rewards in [0, 1].
//!
//! Defined as in the DeepMind Control Suite (Tassa et al. 2018, section 2, "Reward"): 1 inside an
//! interval, falling to a given value at a margin outside it.

/// How a tolerance falls outside its bounds, as a function of the distance `d` in margins. Each
/// shape is 1 at `d = 0` and `v` (the value at the margin) at `d = 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sigmoid {
    /// `exp(-(s d)^2 / 2)` with `s = sqrt(-2 ln v)`; needs `v > 0`.
    Gaussian,
    /// `max(0, 1 - s d)` with `s = 1 - v`.
    Linear,
    /// `max(0, 1 - (s d)^2)` with `s = sqrt(1 - v)`.
    Quadratic,
    /// `1 / (1 + (s d)^2)` with `s = sqrt(1 / v - 1)`; needs `v > 0`.
    LongTail,
}

impl Sigmoid {
    fn at(self, distance: f32, value_at_margin: f32) -> f32 {
        let v = value_at_margin;
        match self {
            Self::Gaussian => (v.ln() * distance.powi(2)).exp(),
            Self::Linear => (1.0 - (1.0 - v) * distance).max(0.0),
            Self::Quadratic => (1.0 - (1.0 - v) * distance.powi(2)).max(0.0),
            Self::LongTail => 1.0 / (1.0 + (1.0 / v - 1.0) * distance.powi(2)),
        }
    }
}

/// An interval with soft edges.
///
/// ```
/// use telos_envs::tasks::{Sigmoid, Tolerance};
///
/// let near_zero = Tolerance::new(-0.1, 0.1).margin(1.0, Sigmoid::Gaussian, 0.1);
/// assert_eq!(near_zero.of(0.05), 1.0);
/// assert!((near_zero.of(1.1) - 0.1).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    lower: f32,
    upper: f32,
    margin: f32,
    sigmoid: Sigmoid,
    value_at_margin: f32,
}

impl Tolerance {
    /// 1 from `lower` to `upper`, which may be infinite, and 0 elsewhere.
    pub const fn new(lower: f32, upper: f32) -> Self {
        Self { lower, upper, margin: 0.0, sigmoid: Sigmoid::Gaussian, value_at_margin: 0.1 }
    }

    /// 1 from `lower` on.
    pub const fn at_least(lower: f32) -> Self {
        Self::new(lower, f32::INFINITY)
    }

    /// 1 only at zero; meant to be given a margin.
    pub const fn zero() -> Self {
        Self::new(0.0, 0.0)
    }

    /// Falls to `value_at_margin` at a distance of `margin` outside the bounds.
    pub const fn margin(mut self, margin: f32, sigmoid: Sigmoid, value_at_margin: f32) -> Self {
        (self.margin, self.sigmoid, self.value_at_margin) = (margin, sigmoid, value_at_margin);
        self
    }

    /// The value of `x`, in [0, 1]. NaN is 0.
    pub fn of(&self, x: f32) -> f32 {
        let outside = (self.lower - x).max(x - self.upper);
        if x.is_nan() {
            0.0
        } else if outside <= 0.0 {
            1.0
        } else if self.margin == 0.0 {
            0.0
        } else {
            self.sigmoid.at(outside / self.margin, self.value_at_margin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_sigmoid() -> impl Strategy<Value = Sigmoid> {
        prop::sample::select(vec![Sigmoid::Gaussian, Sigmoid::Linear, Sigmoid::Quadratic, Sigmoid::LongTail])
    }

    proptest! {
        #[test]
        fn values_lie_in_the_unit_interval_and_fall_with_distance(
            sigmoid in any_sigmoid(), lower in -5f32..5.0, width in 0f32..3.0, margin in 0.01f32..10.0,
            v in 0.01f32..0.9, near in 0f32..20.0, further in 0f32..20.0,
        ) {
            let upper = lower + width;
            let tolerance = Tolerance::new(lower, upper).margin(margin, sigmoid, v);
            let (a, b) = (tolerance.of(upper + near), tolerance.of(upper + near + further));
            prop_assert!((0.0..=1.0).contains(&a) && (0.0..=1.0).contains(&b));
            prop_assert!(b <= a);
            prop_assert_eq!(tolerance.of(lower + width / 2.0), 1.0);
            prop_assert!((tolerance.of(upper + margin) - v).abs() < 1e-3);
            let (right, left) = (tolerance.of(upper + near), tolerance.of(lower - near));
            prop_assert!((right - left).abs() < 1e-2, "both edges fall alike: {right} and {left}");
        }
    }

    #[test]
    fn hard_edges_infinite_bounds_and_nan() {
        assert_eq!(Tolerance::new(0.0, 1.0).of(1.0001), 0.0);
        assert_eq!(Tolerance::at_least(2.0).of(1e9), 1.0);
        assert_eq!(Tolerance::at_least(2.0).of(f32::NAN), 0.0);
        let at_least = Tolerance::at_least(10.0).margin(10.0, Sigmoid::Linear, 0.0);
        assert_eq!(at_least.of(5.0), 0.5);
        assert_eq!(at_least.of(-3.0), 0.0);
    }

    /// `tolerance(x, bounds=(1, 2), margin=0.5, sigmoid, value_at_margin=0.2)` of dm_control 1.0's
    /// `utils.rewards` at x = 0.3, 0.75, 1.5, 2.25, 2.5, 2.9.
    #[test]
    fn values_match_dm_control() {
        let expected = [
            (Sigmoid::Gaussian, [0.042659797, 0.6687403, 1.0, 0.6687403, 0.2, 0.0054367227]),
            (Sigmoid::Linear, [0.0, 0.6, 1.0, 0.6, 0.2, 0.0]),
            (Sigmoid::Quadratic, [0.0, 0.8, 1.0, 0.8, 0.2, 0.0]),
            (Sigmoid::LongTail, [0.11312217, 0.5, 1.0, 0.5, 0.2, 0.071633235]),
        ];
        for (sigmoid, values) in expected {
            let tolerance = Tolerance::new(1.0, 2.0).margin(0.5, sigmoid, 0.2);
            for (x, value) in [0.3, 0.75, 1.5, 2.25, 2.5, 2.9].into_iter().zip(values) {
                assert!((tolerance.of(x) - value).abs() < 1e-6, "{sigmoid:?} at {x}: {}", tolerance.of(x));
            }
        }
    }
}
