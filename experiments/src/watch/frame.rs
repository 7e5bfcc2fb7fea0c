//! What is shown: a frame on a terminal, lines otherwise.

use std::fmt::Write as _;

use console::{measure_text_width, pad_str, truncate_str};

use crate::{
    number::{number, percent, with_separators},
    run_record::RunRecord,
};

use super::{
    Snapshot,
    sparkline::sparkline,
    status::{Status, duration},
};

/// Metrics that are shown, with what they are called, the most telling first.
const CURVES: [(&str, &str); 6] = [
    ("eval/gold_return", "gold return"),
    ("eval/learned_return", "learned return"),
    ("eval/success_rate", "success"),
    ("reward_model/accuracy", "model accuracy"),
    ("preferences/asked", "questions"),
    ("sac/critic_loss", "critic loss"),
];

/// With more trainings than this only the first curve of each is shown.
const DETAILED: usize = 4;

const BAR: usize = 20;
const SPARKLINE: usize = 32;

impl Snapshot {
    /// Everything, in lines of at most `width` columns.
    pub fn frame(&self, width: usize) -> String {
        let mut lines = vec![self.headline(), String::new()];
        let names = self.trainings.iter().map(|(record, _)| measure_text_width(&record.name));
        let column = names.max().unwrap_or(0);
        let curves = if self.trainings.len() <= DETAILED { CURVES.len() } else { 1 };
        for (record, status) in &self.trainings {
            lines.push(format!("{}  {}", pad(&record.name, column), progress(status)));
            for (name, label) in shown(record).take(curves) {
                let values: Vec<f64> = record.metrics.series(name).into_iter().map(|point| point.1).collect();
                let latest = values.last().copied().map_or(String::new(), number);
                let curve = sparkline(&values, SPARKLINE);
                lines.push(format!("{}  {} {latest:>9}  {curve}", " ".repeat(column), pad(label, 14)));
            }
        }
        let warnings = self.warnings();
        if !warnings.is_empty() {
            lines.push(String::new());
            lines.extend(warnings.into_iter().map(|text| format!("! {text}")));
        }
        let cut = lines.into_iter().map(|line| truncate_str(&line, width, "…").trim_end().to_owned());
        cut.collect::<Vec<_>>().join("\n") + "\n"
    }

    /// One line for each training that recorded something since `before`, and each new warning.
    pub fn news(&self, before: Option<&Self>) -> String {
        let step_before = |name: &str| {
            let known = before.iter().flat_map(|before| &before.trainings);
            known.filter(|(record, _)| record.name == name).map(|(record, _)| record.step()).next()
        };
        let mut text = String::new();
        for (record, status) in &self.trainings {
            if step_before(&record.name) == Some(record.step()) {
                continue;
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "{}: {}", record.name, progress_text(status));
            for (name, label) in shown(record) {
                let _ =
                    write!(text, ", {label} {}", record.metrics.latest(name).map_or(String::new(), number));
            }
            text.push('\n');
        }
        let known = before.map(Self::warnings).unwrap_or_default();
        for warning in self.warnings().into_iter().filter(|warning| !known.contains(warning)) {
            let _ = writeln!(text, "! {warning}");
        }
        text
    }

    fn headline(&self) -> String {
        let finished = self.trainings.iter().filter(|(record, _)| record.is_finished()).count();
        let begun = self.trainings.iter().filter(|(record, _)| record.given_up.is_some()).count();
        let (all, given_up) = (
            self.trainings.len() + self.missing.len() + self.given_up.len(),
            match begun + self.given_up.len() {
                0 => String::new(),
                count => format!(", {count} given up"),
            },
        );
        format!("{finished} of {all} trainings finished{given_up}")
    }

    fn warnings(&self) -> Vec<String> {
        let of_training = |(record, status): &(RunRecord, Status)| {
            status.warnings.iter().map(|text| format!("{}: {text}", record.name)).collect::<Vec<_>>()
        };
        let missing = self.missing.iter().map(|name| format!("{name}: has not begun"));
        let given_up = self.given_up.iter().map(|(name, reason)| format!("{name}: given up: {reason}"));
        self.trainings.iter().flat_map(of_training).chain(missing).chain(given_up).collect()
    }
}

/// The metrics that a training has recorded, of those that are shown.
fn shown(record: &RunRecord) -> impl Iterator<Item = (&'static str, &'static str)> {
    CURVES.into_iter().filter(|(name, _)| record.metrics.latest(name).is_some())
}

fn progress(status: &Status) -> String {
    let full = (status.share() * BAR as f64).round() as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
    format!("{bar} {:>4}  {}", percent(status.share()), progress_text(status))
}

fn progress_text(status: &Status) -> String {
    let (step, steps) = (with_separators(status.step as f64), with_separators(status.steps as f64));
    let mut text = format!("{step} of {steps} steps");
    if let Some(rate) = status.rate {
        let _ = write!(text, ", {rate:.0} steps/s");
    }
    if let Some(left) = status.left {
        let _ = write!(text, ", {} left", duration(left));
    } else if !status.over {
        text.push_str(", time left unknown");
    }
    text
}

fn pad(text: &str, width: usize) -> String {
    pad_str(text, width, console::Alignment::Left, None).into_owned()
}
