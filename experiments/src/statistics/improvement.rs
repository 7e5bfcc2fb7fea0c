//! The probability of improvement.

use super::Scores;

/// How probable it is that a run of `first` beats a run of `second` on a task, averaged over tasks:
/// the Mann-Whitney statistic over the number of pairs, where a tie counts half.
///
/// # Panics
/// When the two have different numbers of tasks, which are compared in their order.
pub fn probability_of_improvement(first: &Scores, second: &Scores) -> f64 {
    let (first, second) = (first.tasks(), second.tasks());
    assert_eq!(first.len(), second.len(), "methods are compared on the same tasks");
    let of_task = |(first, second): (&Vec<f64>, &Vec<f64>)| {
        let mut halves = 0u64;
        for a in first {
            for b in second {
                halves += match a.total_cmp(b) {
                    std::cmp::Ordering::Greater => 2,
                    std::cmp::Ordering::Equal => 1,
                    std::cmp::Ordering::Less => 0,
                };
            }
        }
        halves as f64 / (2 * first.len() * second.len()) as f64
    };
    first.iter().zip(second).map(of_task).sum::<f64>() / first.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half_and_tasks_alike() {
        let first = Scores::new(vec![vec![1.0, 2.0], vec![9.0]]).unwrap();
        let second = Scores::new(vec![vec![1.0, 0.0, 3.0], vec![4.0]]).unwrap();
        // First task: 1 ties 1, beats 0, loses to 3; 2 beats 1 and 0, loses to 3.
        assert_eq!(probability_of_improvement(&first, &second), (3.5 / 6.0 + 1.0) / 2.0);
    }
}
