//! The optimality gap.

use super::Scores;

/// How far the scores stay below `target` on average, where a score above the target counts as the
/// target: 0 when every run reached it. Lower is better, and no run can make up for another.
pub fn optimality_gap(scores: &Scores, target: f64) -> f64 {
    target - scores.pooled().map(|score| score.min(target)).sum::<f64>() / scores.count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excess_does_not_make_up_for_a_failure() {
        let scores = Scores::of_one_task(vec![0.5, 2.0]).unwrap();
        assert_eq!(optimality_gap(&scores, 1.0), 0.25);
        assert_eq!(optimality_gap(&scores, 0.5), 0.0);
    }
}
