//! Reading `metrics.jsonl` and `timing.jsonl`, also while they are written.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Map, Value};

use crate::TelosError;

/// The rows of a metrics file, steps ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsLog {
    rows: Vec<MetricsRow>,
}

/// What was recorded at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsRow {
    /// Environment steps taken.
    pub step: u64,
    /// Names and values, by name; `None` for a value that was not finite.
    pub values: Vec<(String, Option<f64>)>,
}

impl MetricsLog {
    /// Reads `metrics.jsonl` of the run directory `run`; without the file, there are no rows yet.
    ///
    /// # Errors
    /// When a line is damaged, other than a last one that is still being written.
    pub fn read(run: &Path) -> Result<Self, TelosError> {
        Self::read_file(&run.join("metrics.jsonl"))
    }

    /// Reads `timing.jsonl` of the run directory `run`. Where the run was interrupted and resumed its
    /// seconds begin anew: only the rows since then are kept.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_timing(run: &Path) -> Result<Self, TelosError> {
        let path = run.join("timing.jsonl");
        let mut rows = parse(&path, &text_of(&path)?)?;
        let seconds = |row: &MetricsRow| row.value("seconds");
        let resumed =
            |pair: &[MetricsRow]| pair[1].step <= pair[0].step || seconds(&pair[1]) < seconds(&pair[0]);
        if let Some(before) = rows.windows(2).rposition(resumed) {
            rows.drain(..=before);
        }
        Ok(Self { rows })
    }

    fn read_file(path: &Path) -> Result<Self, TelosError> {
        let rows = parse(path, &text_of(path)?)?;
        if let Some(back) = rows.windows(2).position(|pair| pair[1].step <= pair[0].step) {
            let reason = format!(
                "line {}: step {} comes after step {}; two processes wrote this file: restore it, or train again",
                back + 2,
                rows[back + 1].step,
                rows[back].step
            );
            return Err(TelosError::run(path, reason));
        }
        Ok(Self { rows })
    }

    /// The rows, steps ascending.
    pub fn rows(&self) -> &[MetricsRow] {
        &self.rows
    }

    /// The last row.
    pub fn last(&self) -> Option<&MetricsRow> {
        self.rows.last()
    }

    /// The finite values of `name` over steps.
    pub fn series(&self, name: &str) -> Vec<(u64, f64)> {
        self.rows.iter().filter_map(|row| Some((row.step, row.value(name)?))).collect()
    }

    /// The last finite value of `name`.
    pub fn latest(&self, name: &str) -> Option<f64> {
        self.rows.iter().rev().find_map(|row| row.value(name))
    }

    /// Names with a value that was not finite somewhere.
    pub fn not_finite(&self) -> BTreeSet<&str> {
        let values = self.rows.iter().flat_map(|row| &row.values);
        values.filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str()).collect()
    }
}

impl MetricsRow {
    /// The value of `name`, if it was recorded and is finite.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _)| known == name)?.1
    }
}

fn text_of(path: &Path) -> Result<String, TelosError> {
    match fs::read(path) {
        // Damage shows as a line that is not JSON.
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(TelosError::io(path, source)),
    }
}

/// The whole lines of `text`; what follows the last line feed is still being written, or was when
/// the process was killed.
fn parse(path: &Path, text: &str) -> Result<Vec<MetricsRow>, TelosError> {
    let whole = text.rfind('\n').map_or("", |last| &text[..last]);
    let lines = whole.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            row_of(line).map_err(|reason| {
                let advice = "restore the file, or delete the run and train again";
                TelosError::run(path, format!("line {}: {reason}; {advice}", index + 1))
            })
        })
        .collect()
}

fn row_of(line: &str) -> Result<MetricsRow, String> {
    let object: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| format!("not a row of metrics: {error}"))?;
    let step = object.get("step").and_then(Value::as_u64).ok_or("has no whole number `step`")?;
    let mut values = Vec::with_capacity(object.len() - 1);
    for (name, value) in object {
        match value {
            _ if name == "step" => {}
            Value::Null => values.push((name, None)),
            Value::Number(number) => values.push((name, number.as_f64())),
            other => return Err(format!("`{name}` is {other}, not a number")),
        }
    }
    Ok(MetricsRow { step, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<MetricsLog, TelosError> {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("metrics.jsonl"), text).unwrap();
        MetricsLog::read(scratch.path())
    }

    #[test]
    fn a_line_that_is_still_being_written_is_left_out() {
        let whole = "{\"step\":1,\"a\":0.5}\n{\"step\":2,\"a\":null,\"b\":3}\n";
        for cut in ["", "{", "{\"step\":3,\"a\":1.0}"] {
            let log = read(&format!("{whole}{cut}")).unwrap();
            assert_eq!(log.series("a"), [(1, 0.5)]);
            assert_eq!(log.last().unwrap().value("b"), Some(3.0));
            assert_eq!(log.latest("a"), Some(0.5));
            assert_eq!(log.not_finite().into_iter().collect::<Vec<_>>(), ["a"]);
        }
        assert_eq!(read("").unwrap(), MetricsLog::default());
    }

    #[test]
    fn damage_is_named_by_its_line() {
        for (line, words) in [
            ("{\"step\":2", "not a row of metrics"),
            ("{\"a\":2}", "no whole number `step`"),
            ("{\"step\":-2}", "no whole number `step`"),
            ("{\"step\":2,\"a\":\"x\"}", "`a` is \"x\""),
            ("{\"step\":1}", "step 1 comes after step 1"),
            ("\u{fffd}", "not a row of metrics"),
        ] {
            let error = read(&format!("{{\"step\":1}}\n{line}\n")).unwrap_err();
            assert_eq!(error.exit_code(), crate::error::exit_code::INPUT);
            let message = error.to_string();
            assert!(message.contains("metrics.jsonl: line 2: ") && message.contains(words), "{message}");
        }
    }

    #[test]
    fn timing_begins_anew_after_a_resume() {
        let scratch = tempfile::tempdir().unwrap();
        let row = |step: u64, seconds: f64| format!("{{\"step\":{step},\"seconds\":{seconds}}}\n");
        for rows in
            [[(10, 1.0), (20, 2.0), (20, 0.5), (30, 1.5)], [(5, 9.0), (10, 9.5), (20, 0.5), (30, 1.5)]]
        {
            let text: String = rows.iter().map(|(step, seconds)| row(*step, *seconds)).collect();
            fs::write(scratch.path().join("timing.jsonl"), text).unwrap();
            let timing = MetricsLog::read_timing(scratch.path()).unwrap();
            assert_eq!(timing.series("seconds"), [(20, 0.5), (30, 1.5)]);
        }
    }
}
