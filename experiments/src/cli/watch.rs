//! `telos watch`: follows runs on the terminal.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::Args;
use console::Term;

use super::print;
use crate::{TelosError, error::exit_code, watch::Snapshot};

/// Columns where the output is no terminal.
const WIDTH: usize = 100;

/// Follows runs that are being trained, on this machine or another, until they have finished; changes
/// nothing in them. A terminal shows curves, anything else gets a line for each new row of metrics.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Run directories.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Show the present state once, with curves.
    #[arg(long)]
    once: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
}

impl Watch {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let terminal = Term::stdout();
        let width = || terminal.size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns));
        let mut snapshot = Snapshot::read(&self.runs, SystemTime::now())?;
        if self.once {
            print(&snapshot.frame(width()))?;
            return Ok(exit_code::DONE);
        }
        if !terminal.is_term() {
            print(&snapshot.news(None))?;
        }
        let mut drawn = 0;
        loop {
            if terminal.is_term() {
                drawn = redraw(&terminal, drawn, &snapshot.frame(width()))?;
            }
            if snapshot.is_finished() {
                return Ok(exit_code::DONE);
            }
            std::thread::sleep(Duration::from_secs(self.interval));
            let next = Snapshot::read(&self.runs, SystemTime::now())?;
            if !terminal.is_term() {
                print(&next.news(Some(&snapshot)))?;
            }
            snapshot = next;
        }
    }
}

/// Replaces the last `drawn` lines by as much of `frame` as the terminal can show, and says how many
/// lines that is.
fn redraw(terminal: &Term, drawn: usize, frame: &str) -> Result<usize, TelosError> {
    let (rows, _) = terminal.size();
    // The last row is where the cursor waits.
    let shown: Vec<&str> = frame.lines().take(usize::from(rows).saturating_sub(1)).collect();
    let draw = || {
        terminal.clear_last_lines(drawn)?;
        shown.iter().try_for_each(|line| terminal.write_line(line))
    };
    draw().map_err(|source| TelosError::Io { doing: "writing to the terminal".into(), source })?;
    Ok(shown.len())
}
