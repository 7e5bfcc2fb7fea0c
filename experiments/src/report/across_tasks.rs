//! Groups over several tasks, on request only: scores of different tasks have to be normalised
//! before they can stand side by side, and that is a choice.

use crate::{
    TelosError,
    number::with_interval,
    statistics::{Bootstrap, Scores, interquartile_mean, mean, median, optimality_gap},
};

use super::{
    comparison::Comparison,
    figure::Figure,
    fine_tuning,
    improvement::{self, Improvement, improvements},
    profile,
    table::Table,
};

/// Groups that have scores on every task, with scores of 0 for random actions and 1 for the highest
/// mean that a group of this report reached on the task.
#[derive(Clone, Debug)]
pub(super) struct AcrossTasks {
    /// One for each group.
    labels: Vec<String>,
    scores: Vec<Scores>,
    improvements: Vec<Improvement>,
    /// Before and after going online, where groups did.
    fine_tuning: Option<Table>,
    tasks: usize,
}

/// The normalised score of a group that is as good as the best on every task.
const TARGET: f64 = 1.0;

impl AcrossTasks {
    /// Of comparisons on at least two tasks; groups are the same when their labels are.
    ///
    /// # Errors
    /// When there are fewer tasks, one has no return of random actions or none that differs from the
    /// best, or no group has finished runs on all tasks.
    pub(super) fn of(comparisons: &[&Comparison]) -> Result<Self, TelosError> {
        let refuse = |reason: String| Err(TelosError::Usage(format!("--across-tasks: {reason}")));
        let [first, _, ..] = comparisons else {
            return refuse("the runs are all of one task; leave it out".into());
        };
        for comparison in comparisons {
            if !span(comparison).is_some_and(|(low, high)| high > low) {
                return refuse(format!(
                    "no run on {} tells what random actions reach, below what was trained; train with `--set \
                     comparison.random=true`",
                    comparison.env
                ));
            }
        }
        let scores_of = |label: &str| {
            let tasks: Option<Vec<Vec<f64>>> =
                comparisons.iter().map(|task| normalised(task, label)).collect();
            Scores::new(tasks?)
        };
        let labels = first.groups.iter().map(|one| one.group.label.clone());
        let found = labels.filter_map(|label| Some((scores_of(&label)?, label)));
        let (scores, labels): (Vec<Scores>, Vec<String>) = found.unzip();
        if labels.is_empty() {
            let label = |comparison: &&Comparison| {
                let labels: Vec<&str> =
                    comparison.groups.iter().map(|one| one.group.label.as_str()).collect();
                format!("{}: {}", comparison.env, labels.join(", "))
            };
            let all: Vec<String> = comparisons.iter().map(label).collect();
            return refuse(format!("no group has finished runs on every task ({})", all.join("; ")));
        }
        let every: Vec<Option<&Scores>> = scores.iter().map(Some).collect();
        let improvements = improvements(&every);
        let fine_tuning = fine_tuning::across_tasks(comparisons);
        Ok(Self { labels, scores, improvements, fine_tuning, tasks: comparisons.len() })
    }

    /// Share of runs above each normalised score.
    pub(super) fn figure(&self) -> Option<Figure> {
        let groups: Vec<(usize, &str, &Scores)> = self
            .labels
            .iter()
            .zip(&self.scores)
            .enumerate()
            .map(|(series, (label, scores))| (series, label.as_str(), scores))
            .collect();
        profile::figure("across-tasks-profile", "normalised score", &groups)
    }

    /// The aggregates that `rliable` recommends, and how probably each group beats each other.
    pub(super) fn tables(&self) -> Vec<Table> {
        let cells = |scores: &Scores| {
            let gap = |scores: &Scores| optimality_gap(scores, TARGET);
            let statistics: [&dyn Fn(&Scores) -> f64; 4] = [&interquartile_mean, &median, &mean, &gap];
            let cell = |statistic: &dyn Fn(&Scores) -> f64| {
                with_interval(statistic(scores), Bootstrap::default().interval(scores, statistic))
            };
            std::iter::once(scores.count().to_string()).chain(statistics.map(cell)).collect()
        };
        let rows = self.labels.iter().zip(&self.scores).map(|(label, scores)| (label.clone(), cells(scores)));
        let aggregates = Table {
            caption: format!("Normalised scores over {} tasks [95%]", self.tasks),
            head: ["group", "runs", "IQM", "median", "mean", "optimality gap"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
            numeric: true,
        };
        let labels: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        std::iter::once(aggregates)
            .chain(improvement::table(&labels, &self.improvements))
            .chain(self.fine_tuning.clone())
            .collect()
    }
}

/// The returns that normalise to 0 and 1.
fn span(comparison: &Comparison) -> Option<(f64, f64)> {
    Some((comparison.random?, comparison.reference?))
}

/// The normalised last returns of a group.
fn normalised(comparison: &Comparison, label: &str) -> Option<Vec<f64>> {
    let (low, high) = span(comparison)?;
    let group = comparison.groups.iter().find(|one| one.group.label == label)?;
    Some(group.last()?.pooled().map(|score| (score - low) / (high - low)).collect())
}
