//! `telos train`: one experiment, or the same experiment for several seeds.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{print, print_note};
use crate::{
    Interrupt, Progress, RunDirectory, TelosError,
    config::Config,
    device::DeviceChoice,
    error::exit_code,
    loops::{self, Outcome},
    seeds,
};

/// Trains a policy as a configuration says, and writes a run directory.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// A TOML file, or with --resume also the run directory itself.
    config: PathBuf,
    /// The run directory [default: runs/<name of the file>-seed<seed>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Change one key of the configuration, such as `--set sac.gamma=0.98`; repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Go on with the run if there is one, exactly as if it had never stopped.
    #[arg(long)]
    resume: bool,
    /// Where tensors live: cpu or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

impl Train {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let is_run = self.resume && self.config.is_dir();
        let file = if is_run { self.config.join("config.toml") } else { self.config.clone() };
        let config = Config::read(&file, &self.set)?;
        self.device.open()?;
        let out = match self.out {
            Some(out) => out,
            None if is_run => self.config.clone(),
            None => default_out(&file, &config),
        };
        let interrupt = Interrupt::listen()?;
        let progress = if self.quiet { Progress::quiet() } else { Progress::new() };
        let run = if self.resume {
            RunDirectory::resume(&out, &config, self.device)?
        } else {
            RunDirectory::create(&out, &config, self.device)?
        };
        let outcome = if config.seeds.is_empty() {
            loops::train(&config, &run, &interrupt, &progress)?
        } else {
            seeds::train(&config, &run, &interrupt, &progress)?
        };
        match outcome {
            Outcome::Finished(report) => {
                print(&format!("{report}\nrun directory: {}\n", out.display()))?;
                Ok(exit_code::DONE)
            }
            Outcome::Interrupted => {
                print_note(&format!("interrupted; go on with: telos train {} --resume", out.display()));
                Ok(exit_code::INTERRUPTED)
            }
        }
    }
}

fn default_out(file: &Path, config: &Config) -> PathBuf {
    let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
    let seeds = match config.seeds.as_slice() {
        [] => format!("seed{}", config.seed),
        seeds => format!("{}seeds", seeds.len()),
    };
    Path::new("runs").join(format!("{name}-{seeds}"))
}
