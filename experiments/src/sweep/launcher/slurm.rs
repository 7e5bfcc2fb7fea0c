//! Slurm: the missing trials of a generation as job arrays, and after them a job that submits what
//! is missing then, until the sweep is finished. There is no daemon and no accounting database, and
//! what Slurm knows of its jobs is never asked.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::{Batch, chunks, ranges};
use crate::{
    TelosError,
    config::{ConfigError, Node},
    sweep::{
        specification::value_error,
        store::{Store, make_directory},
    },
};

/// `[slurm]`: what one trial needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlurmConfig {
    /// Partition. Default: that of the cluster.
    pub partition: Option<String>,
    /// Account. Default: that of the user.
    pub account: Option<String>,
    /// Time limit of one attempt, as Slurm writes it: `"30"` minutes, `"2:00:00"`, `"1-12"`.
    /// Default one hour. A trial may take longer: it goes on from its checkpoint.
    pub time: String,
    /// Cores. Default 1.
    pub cpus: u32,
    /// Memory. Default `"2G"`.
    pub memory: String,
    /// Trials that run at the same time; 0 for any number. Default 0.
    pub throttle: usize,
    /// Tasks of one array, at most the cluster's `MaxArraySize` minus 1. Default 1000, as Slurm has it.
    pub array_limit: usize,
    /// Seconds before the time limit at which a trial is told to write a checkpoint. Default 60.
    pub warning: u64,
    /// Further options of `sbatch`, such as `"--constraint=avx512"`.
    pub options: Vec<String>,
    /// Shell commands before the trial, such as `"module load gcc"`.
    pub setup: Vec<String>,
}

impl Default for SlurmConfig {
    fn default() -> Self {
        Self {
            partition: None,
            account: None,
            time: "1:00:00".into(),
            cpus: 1,
            memory: "2G".into(),
            throttle: 0,
            array_limit: 1000,
            warning: 60,
            options: Vec::new(),
            setup: Vec::new(),
        }
    }
}

/// Options that the launcher sets itself.
const OWN_OPTIONS: [&str; 14] = [
    "--array",
    "--dependency",
    "--requeue",
    "--no-requeue",
    "--signal",
    "--output",
    "--error",
    "--open-mode",
    "--job-name",
    "--wrap",
    "--parsable",
    "--time",
    "--mem",
    "--cpus-per-task",
];

impl SlurmConfig {
    /// Checks what needs no cluster to be known wrong.
    pub(in crate::sweep) fn check(&self, root: &Node) -> Result<(), ConfigError> {
        let wrong = |key: &str, reason: String| Err(value_error(root, &["slurm", key], reason));
        if self.cpus == 0 {
            return wrong("cpus", "is 0, but a trial needs at least 1".into());
        }
        if self.array_limit == 0 {
            return wrong("array_limit", "is 0, but an array has at least 1 task".into());
        }
        let Some(seconds) = seconds(&self.time) else {
            let reason = format!("\"{}\" is no time limit; write minutes, H:MM:SS or D-HH", self.time);
            return wrong("time", reason);
        };
        if seconds <= self.warning {
            let reason =
                format!("is {}, but must be below the time limit of {seconds} seconds", self.warning);
            return wrong("warning", reason);
        }
        let (number, unit) = self.memory.split_at(self.memory.trim_end_matches(char::is_alphabetic).len());
        let known = ["", "K", "M", "G", "T"].contains(&unit);
        if !known || !number.parse::<u64>().is_ok_and(|number| number > 0) {
            return wrong(
                "memory",
                format!("\"{}\" is no amount of memory; write such as \"2G\"", self.memory),
            );
        }
        for option in &self.options {
            let name = option.split('=').next().unwrap_or_default();
            if OWN_OPTIONS.contains(&name) {
                return wrong(
                    "options",
                    format!("`{name}` is in conflict with what the launcher sets itself"),
                );
            }
            if !name.starts_with("--") {
                return wrong("options", format!("\"{option}\" is no option of sbatch; write --name=value"));
            }
        }
        Ok(())
    }
}

/// Seconds of a Slurm time limit; `None` for what is none, or is 0.
fn seconds(text: &str) -> Option<u64> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (Some(days.parse::<u64>().ok()?), clock),
        None => (None, text),
    };
    let parts = clock.split(':').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<u64>>>()?;
    let seconds = match (days, parts.as_slice()) {
        (Some(days), [hours]) => (days * 24 + hours) * 3600,
        (Some(days), [hours, minutes]) => (days * 24 + hours) * 3600 + minutes * 60,
        (Some(days), [hours, minutes, seconds]) => (days * 24 + hours) * 3600 + minutes * 60 + seconds,
        (None, [minutes]) => minutes * 60,
        (None, [minutes, seconds]) => minutes * 60 + seconds,
        (None, [hours, minutes, seconds]) => hours * 3600 + minutes * 60 + seconds,
        _ => return None,
    };
    (seconds > 0).then_some(seconds)
}

/// One call of `sbatch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Options.
    pub options: Vec<String>,
    /// The script, on standard input.
    pub script: String,
}

impl Job {
    /// The arrays of a batch: with a throttle one after the other, since each has its own.
    pub fn arrays(store: &Store, program: &Path, batch: &Batch) -> Vec<Self> {
        let slurm = &store.specification().slurm;
        chunks(&batch.missing, slurm.array_limit)
            .into_iter()
            .map(|(offset, indices)| {
                let throttle = if slurm.throttle > 0 { format!("%{}", slurm.throttle) } else { String::new() };
                let mut options = common(store, &format!("telos-g{}", batch.generation), "%A_%a");
                options.extend([
                    format!("--array={}{throttle}", ranges(&indices)),
                    format!("--time={}", slurm.time),
                    format!("--mem={}", slurm.memory),
                    format!("--cpus-per-task={}", slurm.cpus),
                    // To the script's own process, which `exec` makes the trial.
                    format!("--signal=B:USR1@{}", slurm.warning),
                ]);
                let command = format!(
                    "exec {} sweep exec {} --generation {} --offset {offset} --index \"$SLURM_ARRAY_TASK_ID\" --threads {}",
                    quoted(program),
                    quoted(store.path()),
                    batch.generation,
                    slurm.cpus,
                );
                Self { options, script: script(&slurm.setup, &command) }
            })
            .collect()
    }

    /// The job that goes on when those in `after` are over, however they ended; `attempts` is the
    /// cap, and `tried` the number of attempts in the store now, by which it sees that nothing runs.
    pub fn successor(store: &Store, program: &Path, after: &[String], attempts: usize, tried: usize) -> Self {
        let slurm = &store.specification().slurm;
        let mut options = common(store, "telos-advance", "%j");
        options.extend([
            format!("--dependency=afterany:{}", after.join(":")),
            "--time=30".to_owned(),
            format!("--mem={}", slurm.memory),
        ]);
        let command = format!(
            "exec {} sweep submit {} --to slurm --attempts {attempts} --tried {tried}",
            quoted(program),
            quoted(store.path()),
        );
        Self { options, script: script(&slurm.setup, &command) }
    }

    /// Submits the job and returns its id.
    ///
    /// # Errors
    /// When there is no `sbatch`, or Slurm refuses the job.
    pub fn submit(&self, store: &Store) -> Result<String, TelosError> {
        make_directory(&store.path().join("slurm"))?;
        let mut child = Command::new("sbatch")
            .args(&self.options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                TelosError::Usage(format!(
                    "sbatch: {error}; submit from a machine of the cluster, or see the jobs with --dry-run"
                ))
            })?;
        let mut input = child.stdin.take().expect("standard input was piped");
        let written = input.write_all(self.script.as_bytes());
        drop(input);
        let output = child
            .wait_with_output()
            .map_err(|source| TelosError::Io { doing: "waiting for sbatch".into(), source })?;
        let refusal = String::from_utf8_lossy(&output.stderr);
        // sbatch does not read the script when it dislikes an option; its own words come first.
        if !output.status.success() || written.is_err() {
            return Err(TelosError::Usage(format!(
                "sbatch {}: {}; see [slurm] in {}",
                self.options.join(" "),
                refusal.trim(),
                store.path().join("sweep.toml").display()
            )));
        }
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        // On a federation of clusters the name of the cluster follows.
        Ok(id.split(';').next().unwrap_or_default().to_owned())
    }
}

/// Options of every job.
fn common(store: &Store, name: &str, log: &str) -> Vec<String> {
    let slurm = &store.specification().slurm;
    let mut options = vec![
        "--parsable".to_owned(),
        "--requeue".to_owned(),
        "--open-mode=append".to_owned(),
        format!("--job-name={name}"),
        format!("--output={}", store.path().join("slurm").join(format!("{log}.log")).display()),
    ];
    options.extend(slurm.partition.iter().map(|partition| format!("--partition={partition}")));
    options.extend(slurm.account.iter().map(|account| format!("--account={account}")));
    options.extend(slurm.options.iter().cloned());
    options
}

fn script(setup: &[String], command: &str) -> String {
    let mut lines = vec!["#!/bin/bash".to_owned()];
    lines.extend(setup.iter().cloned());
    lines.push(command.to_owned());
    lines.join("\n") + "\n"
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limits_are_read_as_slurm_reads_them() {
        for (text, expected) in [
            ("30", Some(1800)),
            ("2:30", Some(150)),
            ("1:00:00", Some(3600)),
            ("1-12", Some(129_600)),
            ("1-0:30", Some(88_200)),
            ("0", None),
            ("an hour", None),
            ("1:2:3:4", None),
            ("", None),
            ("-5", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_survive_the_shell() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
