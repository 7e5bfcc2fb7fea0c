//! The scores of one method: what every statistic is computed of.

/// One score per run, for each of one or more tasks.
///
/// Tasks need not have equally many runs. Scores of different tasks are only comparable when they
/// are normalised, such as by the highest return of each task.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    tasks: Vec<Vec<f64>>,
}

impl Scores {
    /// The scores of several tasks; `None` when there is no task, or one without runs, or a score
    /// that is not finite.
    pub fn new(tasks: Vec<Vec<f64>>) -> Option<Self> {
        let usable = |runs: &Vec<f64>| !runs.is_empty() && runs.iter().all(|score| score.is_finite());
        (!tasks.is_empty() && tasks.iter().all(usable)).then_some(Self { tasks })
    }

    /// The scores of one task; `None` as for [`new`](Self::new).
    pub fn of_one_task(runs: Vec<f64>) -> Option<Self> {
        Self::new(vec![runs])
    }

    /// The runs of each task.
    pub fn tasks(&self) -> &[Vec<f64>] {
        &self.tasks
    }

    /// All scores, whatever their task.
    pub fn pooled(&self) -> impl Iterator<Item = f64> + '_ {
        self.tasks.iter().flatten().copied()
    }

    /// Number of scores, all tasks together.
    pub fn count(&self) -> usize {
        self.tasks.iter().map(Vec::len).sum()
    }

    /// The same number of runs for each task, for a resample to be written over.
    pub(super) fn tasks_mut(&mut self) -> &mut [Vec<f64>] {
        &mut self.tasks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_scores_of_at_least_one_run_per_task_are_scores() {
        assert!(Scores::new(vec![]).is_none());
        assert!(Scores::new(vec![vec![1.0], vec![]]).is_none());
        assert!(Scores::new(vec![vec![1.0, f64::NAN]]).is_none());
        let scores = Scores::new(vec![vec![1.0, 2.0], vec![3.0]]).unwrap();
        assert_eq!((scores.count(), scores.pooled().sum::<f64>()), (3, 6.0));
    }
}
