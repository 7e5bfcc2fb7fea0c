//! A score that falls and does not come back.

use serde::{Deserialize, Serialize};

/// Where a learning curve collapsed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collapse {
    /// Step of the first evaluation below the bound.
    pub step: u64,
    /// Its score.
    pub score: f64,
}

/// The first point of `curve`, (step, score) with steps ascending, that lost at least the share `share` of
/// the score `before`, in its own size, and that was followed by `lasting` further points of which none
/// was better than that. `None` while that cannot be told.
pub fn collapse(before: f64, curve: &[(u64, f64)], share: f64, lasting: usize) -> Option<Collapse> {
    let bound = before - share * before.abs();
    curve
        .windows(lasting + 1)
        .find(|points| points.iter().all(|(_, score)| *score <= bound && *score < before))
        .map(|points| Collapse { step: points[0].0, score: points[0].1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(scores: &[f64]) -> Vec<(u64, f64)> {
        scores.iter().enumerate().map(|(i, score)| (10 * i as u64, *score)).collect()
    }

    #[test]
    fn a_dip_that_recovers_is_none() {
        let dip = curve(&[80.0, 30.0, 20.0, 70.0, 45.0]);
        assert_eq!(collapse(80.0, &dip, 0.5, 2), None);
        assert_eq!(collapse(80.0, &dip, 0.5, 1), Some(Collapse { step: 10, score: 30.0 }));
    }

    #[test]
    fn a_fall_that_lasts_is_dated_by_its_first_evaluation() {
        let fall = curve(&[80.0, 60.0, 40.0, 10.0, 39.0, 90.0]);
        assert_eq!(collapse(80.0, &fall, 0.5, 2), Some(Collapse { step: 20, score: 40.0 }));
        // Negative returns lose in the same sense.
        let fall = curve(&[-100.0, -180.0, -170.0]);
        assert_eq!(collapse(-100.0, &fall, 0.5, 1), Some(Collapse { step: 10, score: -180.0 }));
        assert_eq!(collapse(-100.0, &fall, 0.9, 1), None);
        // What stays at nothing has not fallen.
        assert_eq!(collapse(0.0, &curve(&[0.0, 0.0, 0.0]), 0.5, 1), None);
    }

    #[test]
    fn a_curve_that_ends_too_early_decides_nothing() {
        assert_eq!(collapse(80.0, &curve(&[10.0, 10.0]), 0.5, 2), None);
        assert_eq!(collapse(80.0, &[], 0.5, 2), None);
    }
}
