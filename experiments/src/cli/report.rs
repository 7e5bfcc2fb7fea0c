//! `telos report`: what runs add up to, as one page.

use std::path::PathBuf;

use clap::Args;

use super::{print, print_note};
use crate::{TelosError, error::exit_code, report};

/// Compares runs in one HTML page, with figures, tables and numbers beside it; changes nothing in
/// the runs.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Run directories; they are grouped by task and by configuration without the seed.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Also compare groups over all tasks, by scores of 0 for random actions and 1 for the best group.
    #[arg(long)]
    across_tasks: bool,
    /// The directory to write, new or that of an earlier report.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Report {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let findings = report::write(&self.runs, &self.out, self.across_tasks)?;
        for warning in &findings.warnings {
            print_note(&format!("warning: {warning}"));
        }
        print(&format!("{}\npage: {}\n", findings.text, findings.page.display()))?;
        Ok(exit_code::DONE)
    }
}
