//! `telos sweep run`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::{cap, open_or_create};
use crate::{
    Interrupt, TelosError,
    cli::{print, print_note},
    error::exit_code,
    sweep::{
        launcher::local::{LocalPool, PoolEnd},
        store::Store,
        summary::Summary,
    },
};

/// Runs a sweep to its end on this machine.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The sweep file, or the sweep directory.
    sweep: PathBuf,
    /// The sweep directory of a sweep file [default: sweeps/<name of the file>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Trials side by side, each in a process of its own [default: as many as cores].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    workers: Option<u32>,
    /// Attempts without a new checkpoint after which a trial is given up [default: the file's].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: Option<u32>,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

impl Run {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let store = open_or_create(&self.sweep, self.out.as_deref())?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let program = std::env::current_exe()
            .map_err(|source| TelosError::Io { doing: "finding the running program".into(), source })?;
        let pool = LocalPool {
            workers: self.workers.map_or(cores, |workers| workers as usize),
            attempts: cap(self.attempts, &store),
            program,
            quiet: self.quiet,
        };
        match pool.run(&store, &Interrupt::listen()?)? {
            PoolEnd::Finished => {
                print(&describe(&Summary::of(&store, pool.attempts)?, &store))?;
                Ok(exit_code::DONE)
            }
            PoolEnd::Interrupted => {
                print_note(&format!("interrupted; go on with: telos sweep run {}", store.path().display()));
                Ok(exit_code::INTERRUPTED)
            }
        }
    }
}

fn describe(summary: &Summary, store: &Store) -> String {
    let count = |status| summary.trials.iter().filter(|trial| trial.status == status).count();
    let mut text = format!("{} trials done, {} given up\n", count("done"), count("given-up"));
    if let Some(best) = &summary.best {
        let score = best.score.expect("the best setting has a score");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "best {} {score:.3}", summary.metric);
        for (key, value) in &best.values {
            let _ = writeln!(text, "  {key} = {value}");
        }
    }
    let _ = writeln!(text, "summary: {}", store.path().join("summary.csv").display());
    text
}
