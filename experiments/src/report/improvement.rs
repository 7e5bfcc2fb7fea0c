//! Which of several groups is better, and how surely.

use crate::statistics::{Bootstrap, Scores, probability_of_improvement};

use super::table::{NOTHING, Table};

/// How probably a run of one group beats a run of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Improvement {
    /// Indices of the groups.
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) probability: f64,
    /// 95% stratified bootstrap interval.
    pub(super) interval: [f64; 2],
}

/// Every ordered pair of groups that have scores, which are of the same tasks.
pub(super) fn improvements(scores: &[Option<&Scores>]) -> Vec<Improvement> {
    let mut found = Vec::new();
    for (first, a) in scores.iter().enumerate() {
        for (second, b) in scores.iter().enumerate() {
            if let (true, Some(a), Some(b)) = (first != second, a, b) {
                let probability = probability_of_improvement(a, b);
                let interval = Bootstrap::default().interval_of_pair(a, b, probability_of_improvement);
                found.push(Improvement { first, second, probability, interval });
            }
        }
    }
    found
}

/// How probably the group of a row beats that of a column; `None` without any pair.
pub(super) fn table(labels: &[&str], improvements: &[Improvement]) -> Option<Table> {
    if improvements.is_empty() {
        return None;
    }
    let cell = |first: usize, second: usize| {
        let found = improvements.iter().find(|one| (one.first, one.second) == (first, second));
        found.map_or(NOTHING.to_owned(), |one| {
            let [low, high] = one.interval;
            format!("{:.2} [{low:.2}, {high:.2}]", one.probability)
        })
    };
    let row = |(first, label): (usize, &&str)| {
        ((*label).to_owned(), (0..labels.len()).map(|second| cell(first, second)).collect())
    };
    let head = labels.iter().map(|label| format!("beats {label}"));
    Some(Table {
        caption: "Probability that a run of the row beats a run of the column [95%]".into(),
        head: std::iter::once("group".to_owned()).chain(head).collect(),
        rows: labels.iter().enumerate().map(row).collect(),
        numeric: true,
    })
}
