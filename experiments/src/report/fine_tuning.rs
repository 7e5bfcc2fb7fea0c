//! Runs that went online after learning from recorded data.

use crate::{
    loops::{FineTuningReport, ScoreKind},
    number::{number, with_interval},
    run_record::RunRecord,
    statistics::{Bootstrap, Scores, mean},
};

use super::{
    comparison::{Comparison, GroupResult},
    table::{NOTHING, Table},
};

/// A number of a run's second phase.
type Number = fn(&FineTuningReport) -> Option<f64>;

/// What is said of a second phase, in the order of the columns.
const NUMBERS: [(&str, Number); 4] = [
    ("before", |report| report.before),
    ("after", |report| Some(report.after)),
    ("best", |report| Some(report.best)),
    ("regret", |report| report.regret),
];

/// The second phases of one task.
#[derive(Clone, Debug)]
pub(super) struct FineTuning {
    /// Every group: means over seeds with their intervals.
    pub(super) groups: Table,
    /// Every run.
    pub(super) runs: Table,
}

impl FineTuning {
    /// Of the runs that went online; `None` when there is none. Collapses are also added to `warnings`.
    pub(super) fn of(comparison: &Comparison, warnings: &mut Vec<String>) -> Option<Self> {
        let (mut groups, mut runs) = (Vec::new(), Vec::new());
        for one in &comparison.groups {
            let tuned: Vec<(&RunRecord, &FineTuningReport)> = tuned(one).collect();
            for (run, report) in &tuned {
                if let Some(fall) = &report.collapse {
                    warnings.push(format!(
                        "{}: collapsed after it went online: {} {:.2} at step {}",
                        run.name, report.score, fall.score, fall.step
                    ));
                }
                runs.push((format!("{}, seed {}", one.group.label, run.config.seed), run_cells(report)));
            }
            let reports: Vec<&FineTuningReport> = tuned.iter().map(|(_, report)| *report).collect();
            // Scores of two kinds have no mean.
            if let Some(score) = same_score(&reports) {
                let cells = std::iter::once(score.to_string()).chain(group_cells(&[reports])).collect();
                groups.push((one.group.label.clone(), cells));
            }
        }
        let head = |first: &[&str], last: &str| {
            let numbers = NUMBERS.iter().map(|(name, _)| *name);
            first.iter().copied().chain(numbers).chain([last]).map(str::to_owned).collect()
        };
        (!runs.is_empty()).then(|| Self {
            groups: Table {
                caption: format!(
                    "Before and after going online on {}, mean over seeds [95%]",
                    comparison.env
                ),
                head: head(&["group", "score", "seeds"], "collapsed"),
                rows: groups,
                numeric: true,
            },
            runs: Table {
                caption: format!("Every run that went online on {}", comparison.env),
                head: head(&["run", "score"], "collapse at step"),
                rows: runs,
                numeric: true,
            },
        })
    }
}

/// The groups that went online on every task with normalised returns, which alone can be averaged over tasks;
/// `None` when there is none.
pub(super) fn across_tasks(comparisons: &[&Comparison]) -> Option<Table> {
    let labels = comparisons.first()?.groups.iter().map(|one| &one.group.label);
    let row = |label: &String| {
        let tasks: Option<Vec<_>> = comparisons.iter().map(|task| normalized(task, label)).collect();
        Some((label.clone(), group_cells(&tasks?)))
    };
    let rows: Vec<(String, Vec<String>)> = labels.filter_map(row).collect();
    let numbers = NUMBERS.iter().map(|(name, _)| *name);
    (!rows.is_empty()).then(|| Table {
        caption: format!(
            "Before and after going online, normalised return over {} tasks [95%]",
            comparisons.len()
        ),
        head: ["group", "runs"].into_iter().chain(numbers).chain(["collapsed"]).map(str::to_owned).collect(),
        rows,
        numeric: true,
    })
}

/// The second phases of a group of one task; `None` when there are none, or with other scores than normalised
/// returns.
fn normalized<'a>(task: &'a Comparison, label: &str) -> Option<Vec<&'a FineTuningReport>> {
    let one = task.groups.iter().find(|one| one.group.label == label)?;
    let reports: Vec<&FineTuningReport> = tuned(one).map(|(_, report)| report).collect();
    (same_score(&reports)? == ScoreKind::NormalizedReturn).then_some(reports)
}

/// The header of [`csv_fields`].
pub(super) const CSV_HEAD: &str = "score,before,after,best_score,regret,collapse_step";

/// One run's second phase as fields of a row, empty where there was none.
pub(super) fn csv_fields(report: Option<&FineTuningReport>) -> String {
    let Some(report) = report else { return ",".repeat(CSV_HEAD.matches(',').count()) };
    let numbers = NUMBERS.map(|(_, of)| of(report).map_or(String::new(), |value| value.to_string()));
    let collapse = report.collapse.map_or(String::new(), |fall| fall.step.to_string());
    format!("{},{},{collapse}", report.score, numbers.join(","))
}

fn tuned(one: &GroupResult) -> impl Iterator<Item = (&RunRecord, &FineTuningReport)> {
    one.group.runs.iter().filter_map(|run| Some((run, run.fine_tuning.as_ref()?)))
}

/// The kind of all these scores; `None` without any, or when there are several kinds.
fn same_score(reports: &[&FineTuningReport]) -> Option<ScoreKind> {
    let first = reports.first()?.score;
    reports.iter().all(|report| report.score == first).then_some(first)
}

/// Number of runs, means over the runs of one or more tasks, and how many collapsed.
fn group_cells(tasks: &[Vec<&FineTuningReport>]) -> Vec<String> {
    let over = |(_, of): (&str, Number)| {
        let runs = |runs: &Vec<&FineTuningReport>| runs.iter().map(|report| of(report)).collect();
        let scores: Option<Vec<Vec<f64>>> = tasks.iter().map(runs).collect();
        scores.and_then(Scores::new).map_or(NOTHING.to_owned(), |scores| {
            with_interval(mean(&scores), Bootstrap::default().interval(&scores, mean))
        })
    };
    let runs = || tasks.iter().flatten();
    let collapsed = runs().filter(|report| report.collapse.is_some()).count();
    std::iter::once(runs().count().to_string())
        .chain(NUMBERS.map(over))
        .chain([format!("{collapsed} of {}", runs().count())])
        .collect()
}

fn run_cells(report: &FineTuningReport) -> Vec<String> {
    let numbers = NUMBERS.map(|(_, of)| of(report).map_or(NOTHING.to_owned(), number));
    std::iter::once(report.score.to_string())
        .chain(numbers)
        .chain([report.collapse.map_or(NOTHING.to_owned(), |fall| fall.step.to_string())])
        .collect()
}
