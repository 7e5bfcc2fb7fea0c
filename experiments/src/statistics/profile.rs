//! The performance profile.

use super::Scores;

/// The share of runs with a score above each of `thresholds`, all tasks together: one minus the
/// empirical distribution function. Where the profile of one method lies above that of another
/// everywhere, its scores are stochastically larger.
pub fn performance_profile(scores: &Scores, thresholds: &[f64]) -> Vec<f64> {
    let n = scores.count() as f64;
    let share = |threshold: &f64| scores.pooled().filter(|score| score > threshold).count() as f64 / n;
    thresholds.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_not_above_itself() {
        let scores = Scores::new(vec![vec![0.0, 1.0], vec![2.0, 3.0]]).unwrap();
        assert_eq!(performance_profile(&scores, &[-1.0, 0.0, 1.5, 3.0]), [1.0, 0.75, 0.5, 0.0]);
    }
}
