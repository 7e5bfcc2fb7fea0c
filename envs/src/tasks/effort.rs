//! How hard a robot works its motors.

use super::{Sigmoid, Tolerance};

const GENTLE: Tolerance = Tolerance::zero().margin(1.0, Sigmoid::Quadratic, 0.0);

/// 1 for an action of zero, 0 for one that uses every motor fully: the mean of `1 - a^2`.
pub(super) fn gentle(action: &[f32]) -> f32 {
    action.iter().map(|a| GENTLE.of(*a)).sum::<f32>() / action.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_motor_counts_alike() {
        assert_eq!(gentle(&[0.0, 0.0]), 1.0);
        assert_eq!(gentle(&[1.0, -1.0, 1.0]), 0.0);
        assert_eq!(gentle(&[0.5, 0.0, -1.0, 0.0]), (0.75 + 1.0 + 0.0 + 1.0) / 4.0);
    }
}
