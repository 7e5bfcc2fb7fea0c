//! The exponential function and its relatives, without tables or branches.

use std::f32::consts::LOG2_E;

/// Adding and subtracting this rounds to an integer and leaves that integer in the low bits.
const ROUND: f32 = 12_582_912.0;
/// ln 2 as a sum of two numbers, the first with zeros at its end so that `n * LN2_HIGH` is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `exp(x)` with a relative error below 2e-7. Below -87.3, where the result would be subnormal, the
/// result is that of -87.3; above 88.7 it is infinite.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LEAST: f32 = -87.3;
    const GREATEST: f32 = 88.72;
    let overflow = x > GREATEST;
    let x = if overflow { GREATEST } else { x };
    let x = if x < LEAST { LEAST } else { x };
    // x = n ln 2 + r with |r| <= ln 2 / 2; then exp(x) = 2^n exp(r).
    let shifted = x.mul_add(LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    // Taylor's series: the first neglected term is r^8 / 8! < 6e-9.
    let series = (1.0_f32 / 5040.0)
        .mul_add(r, 1.0 / 720.0)
        .mul_add(r, 1.0 / 120.0)
        .mul_add(r, 1.0 / 24.0)
        .mul_add(r, 1.0 / 6.0)
        .mul_add(r, 0.5)
        .mul_add(r, 1.0)
        .mul_add(r, 1.0);
    // 2^n in two halves, since n reaches 128 and one exponent field does not.
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    let y = series * power(half) * power(n - half);
    if overflow { f32::INFINITY } else { y }
}

/// The logistic function `1 / (1 + exp(-x))`, accurate to 3e-7 relative on both sides.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// `log(1 + exp(x))`, accurate to 3e-7 relative on both sides.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + ln_1p(exp(-x.abs()))
}

/// `log(1 + u)` for `u` in [0, 1]: `2 atanh(u / (2 + u))`, whose series in `s²` with `s <= 1/3` has its
/// first neglected term at 1e-9.
#[inline(always)]
fn ln_1p(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let t = s * s;
    let series = (1.0_f32 / 15.0)
        .mul_add(t, 1.0 / 13.0)
        .mul_add(t, 1.0 / 11.0)
        .mul_add(t, 1.0 / 9.0)
        .mul_add(t, 1.0 / 7.0)
        .mul_add(t, 1.0 / 5.0)
        .mul_add(t, 1.0 / 3.0)
        .mul_add(t, 1.0);
    2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::{exp, sigmoid, softplus};

    fn worst_relative_error(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, low: f32, high: f32) -> f64 {
        (0..=400_000)
            .map(|i| low + (high - low) * (i as f32 / 400_000.0))
            .map(|x| (f64::from(f(x)) / exact(f64::from(x)) - 1.0).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn relative_errors_stay_near_rounding() {
        let exp_error = worst_relative_error(exp, f64::exp, -87.0, 88.7);
        assert!(exp_error < 2e-7, "exp {exp_error}");
        let sigmoid_error = worst_relative_error(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -86.0, 60.0);
        assert!(sigmoid_error < 3e-7, "sigmoid {sigmoid_error}");
        let softplus_error =
            worst_relative_error(softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), -86.0, 60.0);
        assert!(softplus_error < 3e-7, "softplus {softplus_error}");
    }

    #[test]
    fn limits_and_not_a_number() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert!(exp(f32::NEG_INFINITY) < 1.3e-38);
        assert_eq!(softplus(1000.0), 1000.0);
        assert_eq!(sigmoid(1000.0), 1.0);
        for f in [exp as fn(f32) -> f32, sigmoid, softplus] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}
