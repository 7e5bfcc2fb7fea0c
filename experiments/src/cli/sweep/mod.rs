//! `telos sweep`: many trainings from one file.

mod advance;
mod exec;
mod plan;
mod run;
mod status;
mod submit;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::{TelosError, sweep::Store};

/// Runs many trainings from one file, here or on a cluster.
#[derive(Debug, Args)]
pub(super) struct Sweep {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the sweep directory and its first generation; trains nothing.
    Plan(plan::Plan),
    /// Runs a sweep to its end on this machine; goes on where it was.
    Run(run::Run),
    /// Submits what is missing to a cluster; under Slurm also the jobs that go on from there.
    Submit(submit::Submit),
    /// Says how far a sweep is, from its files alone.
    Status(status::ShowStatus),
    /// Decides the next generation, or the summary, when all trials so far are done.
    Advance(advance::Advance),
    /// Trains one trial; what every launcher runs. Does nothing when its result is there.
    Exec(exec::Exec),
}

impl Sweep {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        match self.command {
            Command::Plan(plan) => plan.run(),
            Command::Run(run) => run.run(),
            Command::Submit(submit) => submit.run(),
            Command::Status(status) => status.run(),
            Command::Advance(advance) => advance.run(),
            Command::Exec(exec) => exec.run(),
        }
    }
}

/// Where a sweep file's directory is made unless the user says otherwise.
fn default_out(file: &Path) -> PathBuf {
    let name = file.file_stem().unwrap_or(file.as_os_str());
    Path::new("sweeps").join(name)
}

/// Opens a sweep directory, or makes that of a sweep file.
fn open_or_create(sweep: &Path, out: Option<&Path>) -> Result<Store, TelosError> {
    if !sweep.is_dir() {
        let default = default_out(sweep);
        return Store::create(out.unwrap_or(&default), sweep);
    }
    match out {
        None => Store::open(sweep),
        Some(_) => Err(TelosError::Usage(format!(
            "--out is in conflict with {}, which is a sweep directory already",
            sweep.display()
        ))),
    }
}

/// The cap on fruitless attempts: the flag's, or the sweep file's.
fn cap(flag: Option<u32>, store: &Store) -> usize {
    flag.map_or(store.specification().attempts, |attempts| attempts as usize)
}
