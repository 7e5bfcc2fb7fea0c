//! `telos train`: one experiment, the same experiment for several seeds, or several experiments in turn.

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

/// Trains a policy as a configuration says, and writes a run directory; with several configurations one after the
/// other, after all of them were checked.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// A TOML file, or with --resume also the run directory itself.
    #[arg(required = true, value_name = "CONFIG")]
    configs: Vec<PathBuf>,
    /// The run directory [default: runs/<name of the file>-seed<seed>]; with several configurations the directory of
    /// their run directories, which then have the names of the files.
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
        let plans: Vec<_> = self.configs.iter().map(|path| self.plan(path)).collect::<Result<_, _>>()?;
        for (index, (_, out)) in plans.iter().enumerate() {
            // What the last of them would be refused for should not be found out after the others were trained.
            if !self.resume && plans.len() > 1 && out.join("manifest.json").exists() {
                let reason = "exists already; pass --resume to go on with it, or another --out";
                return Err(TelosError::run(out, reason));
            }
            if plans[..index].iter().any(|(_, before)| before == out) {
                let reason = "two configurations would write this run; train them with an --out each";
                return Err(TelosError::run(out, reason));
            }
        }
        match plans.as_slice() {
            [(config, out)] if processes(config) > 1 => return self.run_as_rank(config, out),
            plans if plans.iter().any(|(config, _)| processes(config) > 1) => {
                return Err(TelosError::Usage(
                    "under an MPI launcher, train one configuration at a time".into(),
                ));
            }
            _ => {}
        }
        let interrupt = Interrupt::listen()?;
        for (config, out) in &plans {
            let run = self.open(config, out)?;
            let outcome = if config.seeds.is_empty() {
                loops::train(config, &run, &interrupt, &self.progress())?
            } else {
                seeds::train(config, &run, &interrupt, &self.progress())?
            };
            let code = tell(&outcome, out)?;
            if code != exit_code::DONE {
                return Ok(code);
            }
        }
        Ok(exit_code::DONE)
    }

    /// What to train for one of the arguments, and where; checked as far as it can be before any training.
    fn plan(&self, path: &Path) -> Result<(Config, PathBuf), TelosError> {
        let is_run = self.resume && path.is_dir();
        let file = if is_run { path.join("config.toml") } else { path.to_owned() };
        let config = Config::read(&file, &self.set)?;
        let out = match &self.out {
            Some(out) if self.configs.len() == 1 => out.clone(),
            Some(out) => out.join(path.file_stem().unwrap_or(path.as_os_str())),
            None if is_run => path.to_owned(),
            None => default_out(&file, &config),
        };
        // A run that goes on may have no more need of what it began with.
        if !(self.resume && out.exists()) {
            loops::check(&config, self.device)?;
        }
        Ok((config, out))
    }

    /// As one of the processes that an MPI launcher started. MPI is left in good order when all ranks
    /// come to the end; one that fails says why and ends all of them.
    #[cfg(feature = "mpi")]
    fn run_as_rank(&self, config: &Config, out: &Path) -> Result<i32, TelosError> {
        use telos_agents::collective::{Collective, MpiCollective};

        check_processes(config)?;
        let interrupt = Interrupt::listen()?;
        let mut world = MpiCollective::join().expect("a command joins once");
        let ended = if world.rank() > 0 {
            loops::follow(config, self.device, &mut world).map(|()| exit_code::DONE)
        } else {
            self.open(config, out)
                .and_then(|run| loops::lead(config, &run, &interrupt, &self.progress(), &mut world))
                .and_then(|outcome| tell(&outcome, out))
        };
        ended.inspect_err(|error| {
            print_note(&format!("error: rank {}: {error}", world.rank()));
            world.abort(error.exit_code())
        })
    }

    #[cfg(not(feature = "mpi"))]
    fn run_as_rank(&self, config: &Config, _: &Path) -> Result<i32, TelosError> {
        check_processes(config)?;
        Err(TelosError::Usage(
            "this telos was built without MPI: build it with `--features mpi`, or start it without a launcher, and \
             its ranks are threads"
                .into(),
        ))
    }

    fn open(&self, config: &Config, out: &Path) -> Result<RunDirectory, TelosError> {
        if self.resume {
            RunDirectory::resume(out, config, self.device)
        } else {
            RunDirectory::create(out, config, self.device)
        }
    }

    fn progress(&self) -> Progress {
        if self.quiet { Progress::quiet() } else { Progress::new() }
    }
}

/// Processes that an MPI launcher started for the ranks of this training; 1 without a launcher.
fn processes(config: &Config) -> usize {
    // Without ranks, tasks of one job are trainings that know nothing of each other.
    if config.parallel.ranks == 1 {
        return 1;
    }
    // Open MPI; MPICH, Intel MPI and srun.
    let size = |name: &&str| std::env::var(name).ok()?.parse().ok();
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"].iter().find_map(size).unwrap_or(1)
}

/// Whether the processes are the ranks.
fn check_processes(config: &Config) -> Result<(), TelosError> {
    let (processes, ranks) = (processes(config), config.parallel.ranks);
    if processes != ranks {
        return Err(TelosError::Usage(format!(
            "the launcher started {processes} processes, but `parallel.ranks` is {ranks}; make them equal"
        )));
    }
    if !config.seeds.is_empty() {
        let reason =
            "`seeds` is in conflict with an MPI launcher, whose processes train one seed; set `seed`";
        return Err(TelosError::Usage(reason.into()));
    }
    Ok(())
}

/// Prints how a training ended, and says how to exit.
fn tell(outcome: &Outcome, out: &Path) -> Result<i32, TelosError> {
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

fn default_out(file: &Path, config: &Config) -> PathBuf {
    let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
    let seeds = match config.seeds.as_slice() {
        [] => format!("seed{}", config.seed),
        seeds => format!("{}seeds", seeds.len()),
    };
    Path::new("runs").join(format!("{name}-{seeds}"))
}
