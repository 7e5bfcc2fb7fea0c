//! How far one training is, and what is wrong with it.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use crate::run_record::RunRecord;

/// A training is called silent after this many times the usual time between two rows, and not before
/// [`LEAST_SILENCE`].
const SILENCE: f64 = 4.0;
const LEAST_SILENCE: Duration = Duration::from_secs(60);

/// How far a training is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    /// Steps of the last row.
    pub(super) step: u64,
    /// Steps of the whole training.
    pub(super) steps: u64,
    /// Environment steps per second since the process began.
    pub(super) rate: Option<f64>,
    /// Whether nothing more will come.
    pub(super) over: bool,
    /// Time since the last row.
    pub(super) age: Option<Duration>,
    /// Time to the end; `None` when it is unknown or nothing is left.
    pub(super) left: Option<Duration>,
    /// What is wrong.
    pub(super) warnings: Vec<String>,
}

impl Status {
    /// The status of a training at time `now`.
    pub(super) fn of(record: &RunRecord, now: SystemTime) -> Self {
        let modified = fs::metadata(record.path.join("metrics.jsonl")).and_then(|found| found.modified());
        // A clock that runs behind that of the writer counts as equal to it.
        let age = modified.ok().map(|modified| now.duration_since(modified).unwrap_or_default());
        Self::at_age(record, age)
    }

    fn at_age(record: &RunRecord, age: Option<Duration>) -> Self {
        let (step, steps) = (record.step(), record.config.steps);
        let rate = record.timing.latest("steps_per_second").filter(|rate| *rate > 0.0);
        let left = match (record.is_over(), rate, age) {
            (false, Some(rate), Some(age)) => {
                // A year is as good as never, and does not overflow.
                let seconds = ((steps - step) as f64 / rate).min(3.2e7);
                Some(Duration::from_secs_f64(seconds).saturating_sub(age))
            }
            _ => None,
        };
        Self { step, steps, rate, over: record.is_over(), age, left, warnings: warnings(record, age) }
    }

    /// Share of the steps that were taken.
    pub(super) fn share(&self) -> f64 {
        (self.step as f64 / self.steps.max(1) as f64).min(1.0)
    }
}

fn warnings(record: &RunRecord, age: Option<Duration>) -> Vec<String> {
    let mut warnings: Vec<String> =
        record.given_up.iter().map(|reason| format!("given up: {reason}")).collect();
    let seconds = record.timing.series("seconds");
    if let (false, Some(age), Some(&(_, last))) = (record.is_over(), age, seconds.last()) {
        let usual = last / seconds.len() as f64;
        if age > LEAST_SILENCE && age.as_secs_f64() > SILENCE * usual {
            warnings.push(format!(
                "nothing recorded for {}; if its process is gone, go on with `telos train --resume`",
                duration(age)
            ));
        }
    }
    let missing: Vec<&str> = record.metrics.not_finite().into_iter().collect();
    if !missing.is_empty() {
        warnings.push(format!("not finite at some steps: {}", missing.join(", ")));
    }
    let faults = record.metrics.latest("train/faults").unwrap_or(0.0);
    if faults > 0.0 {
        warnings.push(format!("{faults:.0} training episodes ended in a simulation fault"));
    }
    warnings
}

/// A time in one or two units.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunDirectory, config::Config, device::DeviceChoice, run_record::RunRecords};

    fn record(rows: &[(u64, f64)], seconds: f64) -> (tempfile::TempDir, RunRecord) {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run");
        let text = "steps = 1000\n[env]\nid = 'pendulum-classic'\n";
        let config = Config::parse("c.toml", text, &[]).unwrap();
        let run = RunDirectory::create(&path, &config, DeviceChoice::Cpu).unwrap();
        let mut metrics = run.metrics().unwrap();
        for (index, (step, value)) in rows.iter().enumerate() {
            metrics.record(*step, &[("eval/gold_return", *value)]).unwrap();
            let timing = [("seconds", seconds * (index + 1) as f64), ("steps_per_second", 100.0 / seconds)];
            metrics.record_timing(*step, &timing).unwrap();
        }
        let mut found = RunRecords::read(&path).unwrap();
        (scratch, found.records.remove(0))
    }

    #[test]
    fn time_left_shrinks_with_the_age_of_the_last_row() {
        let (_scratch, record) = record(&[(100, 1.0), (200, 2.0)], 10.0);
        let status = Status::at_age(&record, Some(Duration::from_secs(5)));
        assert_eq!(status.left, Some(Duration::from_secs(75)));
        assert_eq!((status.share(), status.warnings), (0.2, vec![]));
        assert_eq!(Status::at_age(&record, Some(Duration::from_secs(90))).left, Some(Duration::ZERO));
    }

    #[test]
    fn silence_and_numbers_that_are_none_are_warned_of() {
        let (_scratch, record) = record(&[(100, 1.0), (200, f64::NAN)], 30.0);
        let warnings = |seconds| Status::at_age(&record, Some(Duration::from_secs(seconds))).warnings;
        assert_eq!(warnings(119), ["not finite at some steps: eval/gold_return"]);
        assert!(warnings(121)[0].contains("nothing recorded for 2 min 1 s"), "{:?}", warnings(121));
    }

    #[test]
    fn a_finished_training_is_never_silent() {
        let (_scratch, record) = record(&[(500, 1.0), (1000, 2.0)], 1.0);
        let status = Status::at_age(&record, Some(Duration::from_secs(86_400)));
        assert_eq!((status.left, status.share(), status.warnings), (None, 1.0, vec![]));
    }
}
