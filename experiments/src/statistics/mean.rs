//! Mean and median over tasks of each task's mean score.

use super::{Scores, bootstrap::quantile};

/// The mean over tasks of their mean scores: every task counts alike, however many runs it has.
pub fn mean(scores: &Scores) -> f64 {
    average(&task_means(scores))
}

/// The median over tasks of their mean scores. Of one task it is that task's mean.
pub fn median(scores: &Scores) -> f64 {
    let mut means = task_means(scores);
    means.sort_by(f64::total_cmp);
    quantile(&means, 0.5)
}

/// The arithmetic mean; of no values, not a number.
pub(super) fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn task_means(scores: &Scores) -> Vec<f64> {
    scores.tasks().iter().map(|runs| average(runs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_count_alike() {
        let scores = Scores::new(vec![vec![1.0, 3.0], vec![5.0], vec![100.0]]).unwrap();
        assert_eq!(mean(&scores), (2.0 + 5.0 + 100.0) / 3.0);
        assert_eq!(median(&scores), 5.0);
    }
}
