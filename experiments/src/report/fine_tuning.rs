//! Runs that went online after learning from recorded data.

use crate::{loops::FineTuningReport, run_record::RunRecord};

use super::{
    comparison::Comparison,
    table::{NOTHING, Table},
};

/// Every such run with its scores before and after the switch, and the means of groups of several;
/// `None` when there is none. Collapses are also added to `warnings`.
pub(super) fn table(comparison: &Comparison, warnings: &mut Vec<String>) -> Option<Table> {
    let mut rows = Vec::new();
    for one in &comparison.groups {
        let tuned: Vec<(&RunRecord, &FineTuningReport)> =
            one.group.runs.iter().filter_map(|run| Some((run, run.fine_tuning.as_ref()?))).collect();
        for (run, report) in &tuned {
            if let Some(fall) = &report.collapse {
                warnings.push(format!(
                    "{}: collapsed after it went online: {} {:.2} at step {}",
                    run.name, report.score, fall.score, fall.step
                ));
            }
            rows.push((format!("{}, seed {}", one.group.label, run.config.seed), cells(report)));
        }
        let same = tuned.windows(2).all(|pair| pair[0].1.score == pair[1].1.score);
        if tuned.len() > 1 && same {
            rows.push((format!("{}, mean", one.group.label), means(&tuned)));
        }
    }
    (!rows.is_empty()).then(|| Table {
        caption: "Before and after going online".into(),
        head: ["run", "score", "before", "after", "best", "regret", "collapse at step"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        numeric: true,
    })
}

fn cells(report: &FineTuningReport) -> Vec<String> {
    vec![
        report.score.to_string(),
        optional(report.before),
        two_digits(report.after),
        two_digits(report.best),
        optional(report.regret),
        report.collapse.map_or(NOTHING.to_owned(), |fall| fall.step.to_string()),
    ]
}

fn means(tuned: &[(&RunRecord, &FineTuningReport)]) -> Vec<String> {
    let over = |value: fn(&FineTuningReport) -> Option<f64>| {
        let values: Option<Vec<f64>> = tuned.iter().map(|(_, report)| value(report)).collect();
        optional(values.map(|values| values.iter().sum::<f64>() / values.len() as f64))
    };
    let collapsed = tuned.iter().filter(|(_, report)| report.collapse.is_some()).count();
    vec![
        tuned[0].1.score.to_string(),
        over(|report| report.before),
        over(|report| Some(report.after)),
        over(|report| Some(report.best)),
        over(|report| report.regret),
        format!("{collapsed} of {}", tuned.len()),
    ]
}

fn two_digits(value: f64) -> String {
    format!("{value:.2}")
}

fn optional(value: Option<f64>) -> String {
    value.map_or(NOTHING.to_owned(), two_digits)
}
