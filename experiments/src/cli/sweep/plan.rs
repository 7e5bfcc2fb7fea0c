//! `telos sweep plan`.

use std::path::PathBuf;

use clap::Args;

use super::open_or_create;
use crate::{
    TelosError,
    cli::print,
    error::exit_code,
    sweep::advance::{Next, advance},
};

/// Makes the sweep directory and its first generation.
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The sweep file.
    sweep: PathBuf,
    /// The sweep directory [default: sweeps/<name of the file>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Plan {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let store = open_or_create(&self.sweep, self.out.as_deref())?;
        let path = store.path().display();
        match advance(&store, store.specification().attempts)? {
            Next::Run(batch) => print(&format!(
                "{} of {} trials to run in generation {}\nsweep directory: {path}\n",
                batch.missing.len(),
                batch.trials,
                batch.generation
            ))?,
            Next::Finished => print(&format!("finished: see {path}/summary.json\n"))?,
        }
        Ok(exit_code::DONE)
    }
}
