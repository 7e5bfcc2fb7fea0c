//! How far a run is: bars on a terminal, a plain line every ten seconds otherwise, or silence.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

/// Time between plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Time between changes of the text beside a bar.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(200);

/// Where progress is shown; shared by runs side by side.
#[derive(Clone, Debug)]
pub struct Progress {
    display: Display,
    prefix: String,
}

#[derive(Clone, Debug)]
enum Display {
    Bars(MultiProgress),
    Lines,
    Nothing,
}

impl Progress {
    /// Bars when standard error is a terminal, plain lines otherwise.
    pub fn new() -> Self {
        let display = if std::io::stderr().is_terminal() {
            Display::Bars(MultiProgress::new())
        } else {
            Display::Lines
        };
        Self { display, prefix: String::new() }
    }

    /// Shows nothing.
    pub fn quiet() -> Self {
        Self { display: Display::Nothing, prefix: String::new() }
    }

    /// The same display, with `label` before every stage, for one run among several.
    pub fn labelled(&self, label: &str) -> Self {
        Self { display: self.display.clone(), prefix: format!("{}{label} ", self.prefix) }
    }

    /// Starts a stage of `total` environment steps of which `done` are done already, such as after
    /// a resume.
    pub fn stage(&self, label: &str, total: u64, done: u64) -> Stage {
        let label = format!("{}{label}", self.prefix);
        let bar = match &self.display {
            Display::Bars(bars) => {
                let bar = bars.add(ProgressBar::new(total));
                bar.set_style(
                    ProgressStyle::with_template(
                        "{prefix} {wide_bar} {human_pos}/{human_len} steps, {per_sec:.0}, {eta} left{msg}",
                    )
                    .expect("the template is a constant"),
                );
                bar.set_prefix(label.clone());
                bar.set_position(done);
                bar.reset_eta();
                Some(bar)
            }
            Display::Lines | Display::Nothing => None,
        };
        let now = Instant::now();
        let lines = matches!(self.display, Display::Lines);
        Stage { label, total, done, started: now, shown: now, episode_return: None, bar, lines }
    }

    /// Prints a line of text beside whatever is shown.
    pub fn note(&self, text: &str) {
        match &self.display {
            // A terminal that went away is no reason to stop training.
            Display::Bars(bars) => drop(bars.println(format!("{}{text}", self.prefix))),
            Display::Lines => print_line(&format!("{}{text}", self.prefix)),
            Display::Nothing => {}
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// A stretch of work with a known number of environment steps. Its bar disappears when it is dropped.
#[derive(Debug)]
pub struct Stage {
    label: String,
    total: u64,
    /// Steps that were done before this process began.
    done: u64,
    started: Instant,
    shown: Instant,
    episode_return: Option<f64>,
    bar: Option<ProgressBar>,
    lines: bool,
}

impl Stage {
    /// Reports that `step` steps are done, and the recent mean episode return if there is one.
    /// Cheap enough for every step.
    pub fn update(&mut self, step: u64, episode_return: Option<f64>) {
        self.episode_return = episode_return.or(self.episode_return);
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            if self.shown.elapsed() >= MESSAGE_INTERVAL {
                self.shown = Instant::now();
                bar.set_message(self.return_text());
            }
        } else if self.lines && self.shown.elapsed() >= LINE_INTERVAL {
            self.shown = Instant::now();
            print_line(&self.line(step, self.started.elapsed()));
        }
    }

    fn return_text(&self) -> String {
        self.episode_return.map_or_else(String::new, |value| format!(", return {value:.1}"))
    }

    fn line(&self, step: u64, elapsed: Duration) -> String {
        let rate = step.saturating_sub(self.done) as f64 / elapsed.as_secs_f64().max(1e-9);
        let left = if rate > 0.0 {
            // A year is as good as never, and does not overflow.
            let seconds = (self.total.saturating_sub(step) as f64 / rate).min(3.2e7);
            format!("{} left", HumanDuration(Duration::from_secs_f64(seconds)))
        } else {
            "time left unknown".to_owned()
        };
        format!(
            "{}: {}/{} steps ({:.0}%), {rate:.0} steps/s, {left}{}",
            self.label,
            HumanCount(step),
            HumanCount(self.total),
            100.0 * step as f64 / self.total.max(1) as f64,
            self.return_text(),
        )
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn print_line(line: &str) {
    // A closed standard error is no reason to stop training.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_only_this_process_in_its_rate() {
        let mut stage = Progress::quiet().labelled("seed 1").stage("train", 10_000, 4_000);
        stage.update(5_000, Some(12.34));
        stage.update(6_000, None);
        let line = stage.line(6_000, Duration::from_secs(10));
        assert_eq!(line, "seed 1 train: 6,000/10,000 steps (60%), 200 steps/s, 20 seconds left, return 12.3");
        assert!(stage.line(4_000, Duration::from_secs(1)).contains("time left unknown"));
    }
}
