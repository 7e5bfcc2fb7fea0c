//! The answers of people as a table.

use std::fmt::Write as _;

use serde::Serialize;
use telos_rewards::{
    feedback::{Choice, QueryId},
    teacher::people::{Journal, read_events, standing},
};

use super::server::people_of;
use crate::{RunDirectory, TelosError, report::csv_field};

/// How a table of answers is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// Comma-separated values with a heading (RFC 4180).
    #[default]
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// A row of the table.
#[derive(Serialize)]
struct Row<'a> {
    query: QueryId,
    choice: Choice,
    annotator: &'a str,
    at_ms: u64,
    latency_ms: u64,
    /// People who were to answer the query.
    wanted: u32,
    /// Whether the training has learned from it.
    learned: bool,
}

/// Every answer in `run` that stands, in the order in which they were given. Neither a server nor a
/// training has to be stopped for it.
///
/// # Errors
/// When the run asks nobody or a file in it is damaged.
pub fn export(run: &RunDirectory, format: ExportFormat) -> Result<String, TelosError> {
    let people = people_of(run)?;
    let learned = Journal::wait(&people)?.bytes();
    let mut text = String::new();
    if format == ExportFormat::Csv {
        text.push_str("query,choice,annotator,at_ms,latency_ms,wanted,learned\n");
    }
    for (end, answer) in standing(read_events(&people, 0)?) {
        let row = Row {
            query: answer.query,
            choice: answer.choice,
            annotator: &answer.annotator,
            at_ms: answer.at_ms,
            latency_ms: answer.latency_ms,
            wanted: answer.wanted,
            learned: end <= learned,
        };
        match format {
            ExportFormat::Jsonl => {
                let _ = writeln!(text, "{}", serde_json::to_string(&row).expect("a row has string keys"));
            }
            ExportFormat::Csv => {
                let Row { query, choice, annotator, at_ms, latency_ms, wanted, learned } = row;
                let choice = choice_name(choice);
                let name = csv_field(annotator);
                let _ = writeln!(text, "{query},{choice},{name},{at_ms},{latency_ms},{wanted},{learned}");
            }
        }
    }
    Ok(text)
}

fn choice_name(choice: Choice) -> &'static str {
    match choice {
        Choice::First => "first",
        Choice::Second => "second",
        Choice::Equal => "equal",
        Choice::Skip => "skip",
        Choice::Ranking(_) | Choice::Rating(_) => "other",
    }
}
