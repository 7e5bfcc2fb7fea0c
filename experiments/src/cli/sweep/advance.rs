//! `telos sweep advance`.

use std::path::PathBuf;

use clap::Args;

use super::cap;
use crate::{
    TelosError,
    cli::print_json,
    error::exit_code,
    sweep::{
        Store,
        advance::{Next, advance},
    },
};

/// Decides what is next and prints it as JSON: the missing trials of a generation, or that the
/// sweep is finished.
#[derive(Debug, Args)]
pub(super) struct Advance {
    /// The sweep directory.
    sweep: PathBuf,
    /// Attempts without a new checkpoint after which a trial is given up [default: the file's].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: Option<u32>,
}

impl Advance {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let store = Store::open(&self.sweep)?;
        let next = match advance(&store, cap(self.attempts, &store))? {
            Next::Run(batch) => serde_json::json!({
                "finished": false,
                "generation": batch.generation,
                "trials": batch.trials,
                "missing": batch.missing,
            }),
            Next::Finished => serde_json::json!({ "finished": true }),
        };
        print_json(&next)?;
        Ok(exit_code::DONE)
    }
}
