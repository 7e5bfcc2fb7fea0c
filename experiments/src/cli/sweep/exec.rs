//! `telos sweep exec`.

use std::{io::Read, path::PathBuf};

use clap::Args;

use crate::{
    Interrupt, TelosError,
    cli::print_note,
    error::exit_code,
    sweep::{
        Store,
        execution::{Execution, execute},
    },
};

/// Trains one trial of a generation.
#[derive(Debug, Args)]
pub(super) struct Exec {
    /// The sweep directory.
    sweep: PathBuf,
    /// The generation.
    #[arg(long, value_name = "N")]
    generation: usize,
    /// The trial, counted in the generation from 0.
    #[arg(long, value_name = "N")]
    index: usize,
    /// Added to the index, for arrays whose own numbers must stay small.
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: usize,
    /// Threads that step the environments; no result depends on it [default: as many as cores].
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Stop with a checkpoint when standard input closes, as it does when the process that holds
    /// its other end is gone.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

impl Exec {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let store = Store::open(&self.sweep)?;
        let interrupt = Interrupt::listen()?;
        if self.until_stdin_closes {
            let interrupt = interrupt.clone();
            std::thread::spawn(move || {
                // An error is an end like any other.
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
                interrupt.request();
            });
        }
        match execute(
            &store,
            self.generation,
            self.index.saturating_add(self.offset),
            self.threads,
            &interrupt,
        )? {
            Execution::WasDone | Execution::Done => Ok(exit_code::DONE),
            Execution::Interrupted => {
                print_note("interrupted; the same command goes on from the checkpoint");
                Ok(exit_code::INTERRUPTED)
            }
        }
    }
}
