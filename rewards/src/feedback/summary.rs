//! What a ledger's answers amount to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Choice, FeedbackRow};

/// The answers of a ledger, altogether and by who gave them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedbackSummary {
    /// Of everybody.
    pub total: SourceSummary,
    /// By the names of teachers.
    pub sources: BTreeMap<String, SourceSummary>,
}

/// The answers of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceSummary {
    /// Queries that came back, skipped ones included.
    pub asked: usize,
    /// Of these, how many were answered.
    pub answered: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// Sum of the costs, in the teachers' unit.
    pub cost: f64,
    /// Milliseconds per answer, over those that know theirs; `None` when none does.
    pub mean_latency_ms: Option<f64>,
}

impl FeedbackSummary {
    /// Of these rows.
    pub fn of(rows: &[FeedbackRow]) -> Self {
        let names: BTreeMap<&str, ()> = rows.iter().map(|row| (row.teacher.as_str(), ())).collect();
        let by = |name: &str| SourceSummary::of(rows.iter().filter(|row| row.teacher == name));
        Self {
            total: SourceSummary::of(rows.iter()),
            sources: names.into_keys().map(|name| (name.to_owned(), by(name))).collect(),
        }
    }
}

impl SourceSummary {
    fn of<'a>(rows: impl Iterator<Item = &'a FeedbackRow>) -> Self {
        let (mut found, mut latency, mut timed) = (Self::default(), 0.0, 0);
        for row in rows {
            found.asked += 1;
            found.skipped += usize::from(row.choice == Choice::Skip);
            found.cost += row.cost;
            if let Some(milliseconds) = row.latency_ms {
                latency += milliseconds as f64;
                timed += 1;
            }
        }
        found.answered = found.asked - found.skipped;
        found.mean_latency_ms = (timed > 0).then(|| latency / f64::from(timed));
        found
    }
}
