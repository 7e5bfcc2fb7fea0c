//! How far the learned reward of preference runs can be trusted.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;

use crate::{
    TelosError,
    number::{number, percent},
    run_record::RunRecord,
    statistics::{Scores, mean, rank_correlation},
};

use super::{
    comparison::{Comparison, GroupResult, RETURN},
    figure::{Cloud, Figure, Line, LineChart, Scatter},
    markup::slug,
    table::Table,
};

const ACCURACY: &str = "reward_model/accuracy";

/// The reward models of one task.
#[derive(Clone, Debug)]
pub(super) struct Diagnostics {
    pub(super) figures: Vec<Figure>,
    pub(super) table: Table,
}

/// What was asked and answered in one run.
#[derive(Clone, Debug, Default, PartialEq)]
struct Feedback {
    /// How often each choice was made.
    choices: BTreeMap<String, usize>,
    /// Answers, costs and latencies by who gave them.
    sources: BTreeMap<String, Source>,
}

/// What one teacher did.
#[derive(Clone, Debug, Default, PartialEq)]
struct Source {
    answers: usize,
    cost: f64,
    /// Milliseconds of the answers that know theirs, and how many do.
    latency: (f64, usize),
}

impl Source {
    /// `ann 40 (cost 40, 2.1 s each)`, with what is known and not obvious.
    fn described(&self, name: &str) -> String {
        let mut notes = Vec::new();
        if self.cost != self.answers as f64 {
            notes.push(format!("cost {}", number(self.cost)));
        }
        if let (milliseconds, timed @ 1..) = self.latency {
            notes.push(format!("{:.1} s each", milliseconds / timed as f64 / 1000.0));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        format!("{name} {}{notes}", self.answers)
    }
}

/// The part of a row of the feedback ledger that is counted here.
#[derive(Deserialize)]
struct Row {
    choice: serde_json::Value,
    teacher: String,
    cost: f64,
    latency_ms: Option<f64>,
}

impl Diagnostics {
    /// Those of the preference groups; `None` when there are none.
    ///
    /// # Errors
    /// When a feedback ledger is damaged.
    pub(super) fn of(comparison: &Comparison) -> Result<Option<Self>, TelosError> {
        let learned: Vec<(usize, &GroupResult)> =
            comparison.shown().iter().enumerate().filter(|(_, one)| learns_reward(one)).collect();
        if learned.is_empty() {
            return Ok(None);
        }
        let chart = |suffix: &str, title: &str, description: &str, y: &str, metric: &str| {
            let lines: Vec<Line> = learned
                .iter()
                .map(|(series, one)| one.group.curve(metric).line(&one.group.label, *series))
                .collect();
            LineChart {
                name: &format!("{}-{suffix}", slug(&comparison.env)),
                title,
                description,
                x: "environment steps",
                y,
                wide: false,
                zero: metric != ACCURACY,
                lines: &lines,
                marks: &[],
            }
            .draw()
        };
        let figures = vec![
            chart(
                "gold-return",
                "What was wanted",
                "Return under the hidden true reward.",
                "gold return",
                RETURN,
            ),
            chart(
                "learned-return",
                "What the model believed",
                "Return of the same episodes under the learned reward, whose scale is its own.",
                "learned return",
                "eval/learned_return",
            ),
            chart(
                "model-accuracy",
                "Fit of the answers",
                "Share of the answers that the model reproduces, right after each training.",
                "accuracy",
                ACCURACY,
            ),
            chart("questions", "Questions", "Questions asked so far.", "questions", "preferences/asked"),
            episodes(comparison, &learned),
        ];
        Ok(Some(Self { figures, table: table(&learned)? }))
    }
}

fn learns_reward(one: &GroupResult) -> bool {
    one.group
        .runs
        .iter()
        .any(|run| run.preferences.is_some() || run.metrics.latest("preferences/asked").is_some())
}

/// Gold against learned return of every episode of the final evaluations.
fn episodes(comparison: &Comparison, learned: &[(usize, &GroupResult)]) -> Figure {
    let cloud = |series: usize, label: &str, run: &RunRecord| Cloud {
        label: format!("{label}, seed {}", run.config.seed),
        series,
        dots: pairs(run),
    };
    let runs =
        learned.iter().flat_map(|(series, one)| one.group.runs.iter().map(move |run| (*series, one, run)));
    let clouds: Vec<Cloud> = runs.map(|(series, one, run)| cloud(series, &one.group.label, run)).collect();
    Scatter {
        name: &format!("{}-episodes", slug(&comparison.env)),
        title: "Episodes of the final evaluations",
        description: "One dot per episode of every seed; each seed's model has a scale of its own.",
        x: "gold return",
        y: "learned return",
        clouds: &clouds,
    }
    .draw()
}

/// (gold, learned) return of each episode of the final evaluation.
fn pairs(run: &RunRecord) -> Vec<(f64, f64)> {
    let Some(evaluation) = &run.evaluation else { return Vec::new() };
    let learned = evaluation.learned.iter().flat_map(|learned| &learned.values);
    evaluation.gold.values.iter().copied().zip(learned.copied()).collect()
}

fn table(learned: &[(usize, &GroupResult)]) -> Result<Table, TelosError> {
    let mut rows = Vec::new();
    for (_, one) in learned {
        let mut agreements = Vec::new();
        for run in &one.group.runs {
            agreements.extend(run.preferences.as_ref().map(|report| report.held_out_accuracy));
            rows.push((format!("{}, seed {}", one.group.label, run.config.seed), cells(run)?));
        }
        if let (Some(scores), true) = (Scores::of_one_task(agreements), one.group.runs.len() > 1) {
            let mut cells = vec![String::new(); 7];
            cells[2] = percent_with_tenth(mean(&scores));
            rows.push((format!("{}, mean", one.group.label), cells));
        }
    }
    Ok(Table {
        caption: "Feedback and the reward model of each run".into(),
        head: [
            "run",
            "asked",
            "answered",
            "held-out agreement",
            "last fit",
            "rank correlation",
            "answers",
            "by",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        numeric: true,
    })
}

fn cells(run: &RunRecord) -> Result<Vec<String>, TelosError> {
    let feedback = Feedback::read(run)?;
    let answers =
        feedback.choices.iter().map(|(choice, count)| format!("{count} {choice}")).collect::<Vec<_>>();
    let latest = |metric: &str| run.metrics.latest(metric).map_or(String::new(), number);
    let report = run.preferences.as_ref();
    let held_out = |report: &crate::loops::PreferenceReport| {
        format!("{} of {}", percent_with_tenth(report.held_out_accuracy), report.held_out_pairs)
    };
    Ok(vec![
        report.map_or_else(|| latest("preferences/asked"), |report| report.asked.to_string()),
        report.map_or_else(|| latest("preferences/answered"), |report| report.answered.to_string()),
        report.map_or(String::new(), held_out),
        run.metrics.latest(ACCURACY).map_or(String::new(), percent),
        rank_correlation(&pairs(run)).map_or(String::new(), |found| format!("{found:.2}")),
        answers.join(", "),
        (feedback.sources.iter().map(|(name, source)| source.described(name)).collect::<Vec<_>>()).join(", "),
    ])
}

fn percent_with_tenth(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

impl Feedback {
    /// Counts the whole rows of the ledger of a run, which may have none yet.
    fn read(run: &RunRecord) -> Result<Self, TelosError> {
        let path = run.path.join("feedback").join("ledger.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(TelosError::io(&path, source)),
        };
        let whole = text.rfind('\n').map_or("", |last| &text[..last]);
        let mut feedback = Self::default();
        for (index, line) in whole.lines().enumerate() {
            let row: Row = serde_json::from_str(line).map_err(|error| {
                let reason = format!("line {}: damaged feedback row: {error}; restore the file", index + 1);
                TelosError::run(&path, reason)
            })?;
            // A ranking or a rating is an object with that name as its key.
            let kind = row.choice.as_object().and_then(|choice| choice.keys().next().cloned());
            let choice = kind.or_else(|| row.choice.as_str().map(str::to_owned));
            *feedback.choices.entry(choice.unwrap_or_else(|| row.choice.to_string())).or_default() += 1;
            let source = feedback.sources.entry(row.teacher).or_default();
            source.answers += 1;
            source.cost += row.cost;
            if let Some(milliseconds) = row.latency_ms {
                source.latency = (source.latency.0 + milliseconds, source.latency.1 + 1);
            }
        }
        Ok(feedback)
    }
}
