//! `telos sweep status`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::cap;
use crate::{
    TelosError,
    cli::{print, print_json},
    error::exit_code,
    sweep::{Store, status::Status},
};

/// Says how far a sweep is.
#[derive(Debug, Args)]
pub(super) struct ShowStatus {
    /// The sweep directory.
    sweep: PathBuf,
    /// Attempts without a new checkpoint after which a trial is given up [default: the file's].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl ShowStatus {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let store = Store::open(&self.sweep)?;
        let status = Status::of(&store, cap(self.attempts, &store))?;
        if self.json {
            print_json(&status)?
        } else {
            print(&describe(&status))?
        }
        Ok(exit_code::DONE)
    }
}

fn describe(status: &Status) -> String {
    let mut text = String::new();
    for (number, count) in status.generations.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "generation {number}: {} of {} done, {} given up, {} begun, {} waiting; {} attempts",
            count.done, count.trials, count.given_up, count.begun, count.waiting, count.attempts
        );
    }
    for trouble in &status.given_up {
        let _ = writeln!(text, "given up {}: {}", trouble.trial, trouble.reason);
    }
    for trouble in &status.refused {
        let _ = writeln!(text, "to be repeated {}: {}", trouble.trial, trouble.reason);
    }
    for trial in &status.differing {
        let _ = writeln!(text, "not deterministic {trial}: compare its duplicates with its result.json");
    }
    text.push_str(if status.finished { "finished\n" } else { "not finished\n" });
    text
}
