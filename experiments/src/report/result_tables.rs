//! The tables of one task.

use crate::{
    number::{number, percent, with_interval},
    statistics::LastAndBest,
};

use super::{
    comparison::{Comparison, RETURN, Reached},
    difference::differences,
    group::Group,
    table::{NOTHING, Table},
};

/// What each group reached.
pub(super) fn results(comparison: &Comparison) -> Table {
    let groups = &comparison.groups;
    let success =
        groups.iter().any(|one| one.reached.as_ref().is_some_and(|reached| reached.success.is_some()));
    let mut head = ["group", "seeds", "last, IQM [95%]", "last, mean [95%]", "best, mean", "regret per step"]
        .map(str::to_owned)
        .to_vec();
    if success {
        head.push("success".into());
    }
    let cells = |reached: &Reached| {
        let mut cells = vec![
            with_interval(reached.iqm, reached.iqm_interval),
            with_interval(reached.mean, reached.mean_interval),
            number(reached.best),
            number(reached.regret),
        ];
        if success {
            cells.push(reached.success.map_or(NOTHING.into(), percent));
        }
        cells
    };
    let columns = head.len();
    let row = |group: &Group, reached: &Option<Reached>| {
        let mut row = vec![group.finished().count().to_string()];
        row.extend(reached.iter().flat_map(cells));
        row.resize(columns - 1, NOTHING.to_owned());
        (group.label.clone(), row)
    };
    let mut rows: Vec<_> = groups.iter().map(|one| row(&one.group, &one.reached)).collect();
    if let Some(random) = comparison.random {
        let mut cells = vec![NOTHING.to_owned(); columns - 1];
        cells[2] = number(random);
        rows.push(("random actions".into(), cells));
    }
    Table { caption: format!("Gold return on {}, over seeds", comparison.env), head, rows, numeric: true }
}

/// In what the configurations differ; `None` when there is one group only.
pub(super) fn configurations(comparison: &Comparison) -> Option<Table> {
    let groups: Vec<Group> = comparison.shown().iter().map(|one| one.group.clone()).collect();
    let row = |values: Vec<Option<String>>| {
        values.into_iter().map(|value| value.unwrap_or(NOTHING.into())).collect()
    };
    let rows: Vec<_> = differences(&groups).into_iter().map(|one| (one.key, row(one.values))).collect();
    (!rows.is_empty()).then(|| Table {
        caption: "Keys in which the configurations differ".into(),
        head: std::iter::once("key".to_owned())
            .chain(groups.iter().map(|group| group.label.clone()))
            .collect(),
        rows,
        numeric: false,
    })
}

/// Every run with its last and best return.
pub(super) fn runs(comparison: &Comparison) -> Table {
    let rows = comparison.groups.iter().flat_map(|one| {
        one.group.runs.iter().map(|run| {
            let found = LastAndBest::of(&run.metrics.series(RETURN));
            let mut cells = vec![run.config.seed.to_string(), number(run.step() as f64)];
            cells.extend(match found {
                Some(found) => [number(found.last), number(found.best), number(found.best_step as f64)],
                None => [NOTHING; 3].map(str::to_owned),
            });
            let given_up = if run.given_up.is_some() { " (given up)" } else { "" };
            (format!("{}: {}{given_up}", one.group.label, run.name), cells)
        })
    });
    Table {
        caption: format!("Every run on {}", comparison.env),
        head: ["run", "seed", "steps", "last", "best", "best at step"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        numeric: true,
    }
}
