//! The numbers of a run: deterministic ones in `metrics.jsonl` and TensorBoard events, wall-clock
//! ones in `timing.jsonl`.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::{TelosError, tensorboard::EventFile};

/// Appends the numbers of a run to its files.
///
/// Every checkpoint remembers where the files stood, and a resume cuts them back to there, so that
/// `metrics.jsonl` ends up byte-equal to that of a run that was never interrupted.
#[derive(Debug)]
pub struct MetricsWriter {
    path: PathBuf,
    file: File,
    length: u64,
    timing: File,
    events: EventFile,
    events_path: PathBuf,
}

impl MetricsWriter {
    /// Opens the files of the run directory `run`, which must exist, at their ends.
    pub(crate) fn open(run: &Path) -> Result<Self, TelosError> {
        let append = |path: &Path| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|source| TelosError::io(path, source))
        };
        let path = run.join("metrics.jsonl");
        let mut file = append(&path)?;
        let length = file.seek(SeekFrom::End(0)).map_err(|source| TelosError::io(&path, source))?;
        let directory = run.join("tensorboard");
        std::fs::create_dir_all(&directory).map_err(|source| TelosError::io(&directory, source))?;
        let events_path = directory.join("events.out.tfevents.0.telos");
        let events = EventFile::open(&events_path).map_err(|source| TelosError::io(&events_path, source))?;
        Ok(Self { path, file, length, timing: append(&run.join("timing.jsonl"))?, events, events_path })
    }

    /// Records numbers that depend only on the configuration, as one JSON line
    /// `{"step":..,"name":..}` in the given order; values that are not finite become `null`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn record(&mut self, step: u64, values: &[(impl AsRef<str>, f64)]) -> Result<(), TelosError> {
        let line = json_line(step, values);
        self.file.write_all(line.as_bytes()).map_err(|source| TelosError::io(&self.path, source))?;
        self.length += line.len() as u64;
        self.events.scalars(step, values).map_err(|source| TelosError::io(&self.events_path, source))
    }

    /// Records numbers that depend on the machine, such as seconds and steps per second.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_timing(&mut self, step: u64, values: &[(impl AsRef<str>, f64)]) -> Result<(), TelosError> {
        self.timing
            .write_all(json_line(step, values).as_bytes())
            .map_err(|source| TelosError::io(&self.path.with_file_name("timing.jsonl"), source))
    }

    /// Puts what was recorded on the disk, so that a checkpoint never knows of lines that a power
    /// cut could take back.
    pub(crate) fn sync(&self) -> Result<(), TelosError> {
        self.file.sync_data().map_err(|source| TelosError::io(&self.path, source))
    }

    /// Where the files stand.
    pub(crate) fn position(&self) -> MetricsPosition {
        MetricsPosition { lines: self.length, events: self.events.length() }
    }

    /// Cuts the files back to `position`. TensorBoard's file is a copy for the eye: when it is
    /// shorter than that, it goes on from where it is.
    pub(crate) fn rewind(&mut self, position: MetricsPosition) -> Result<(), TelosError> {
        if self.length < position.lines {
            let reason = format!(
                "has {} bytes, but the checkpoint was written when it had {}; restore the file, or start another run",
                self.length, position.lines
            );
            return Err(TelosError::run(&self.path, reason));
        }
        self.file.set_len(position.lines).map_err(|source| TelosError::io(&self.path, source))?;
        self.length = position.lines;
        self.events.truncate(position.events).map_err(|source| TelosError::io(&self.events_path, source))
    }
}

/// Lengths of the metrics files in bytes, as a checkpoint remembers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetricsPosition {
    lines: u64,
    events: u64,
}

fn json_line(step: u64, values: &[(impl AsRef<str>, f64)]) -> String {
    let mut line = format!("{{\"step\":{step}");
    for (name, value) in values {
        let value = Number::from_f64(*value).map_or(Value::Null, Value::Number);
        line.push_str(&format!(",{}:{value}", Value::String(name.as_ref().to_owned())));
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json_in_the_given_order() {
        let line = json_line(7, &[("train/return", 0.1), ("a \"b\"", f64::NAN), ("c", 3.0)]);
        assert_eq!(line, "{\"step\":7,\"train/return\":0.1,\"a \\\"b\\\"\":null,\"c\":3.0}\n");
        let parsed: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed.len(), 4);
    }

    #[test]
    fn rewinding_takes_back_later_lines() {
        let scratch = tempfile::tempdir().unwrap();
        let mut metrics = MetricsWriter::open(scratch.path()).unwrap();
        metrics.record(1, &[("x", 1.0)]).unwrap();
        let saved = metrics.position();
        metrics.record(2, &[("x", 2.0)]).unwrap();
        drop(metrics);

        let mut resumed = MetricsWriter::open(scratch.path()).unwrap();
        resumed.rewind(saved).unwrap();
        resumed.record(3, &[("x", 3.0)]).unwrap();
        let text = std::fs::read_to_string(scratch.path().join("metrics.jsonl")).unwrap();
        assert_eq!(text, "{\"step\":1,\"x\":1.0}\n{\"step\":3,\"x\":3.0}\n");
    }

    #[test]
    fn a_file_that_lost_lines_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let mut metrics = MetricsWriter::open(scratch.path()).unwrap();
        metrics.record(1, &[("x", 1.0)]).unwrap();
        let saved = metrics.position();
        std::fs::write(scratch.path().join("metrics.jsonl"), "").unwrap();
        let mut resumed = MetricsWriter::open(scratch.path()).unwrap();
        let error = resumed.rewind(saved).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: has 0 bytes"), "{error}");
    }
}
