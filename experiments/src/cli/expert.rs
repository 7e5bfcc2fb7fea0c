//! `telos expert`: a task done well, without training.

use clap::Args;
use telos_agents::planner::IcemConfig;

use super::{eval, print, print_json, print_note};
use crate::{
    TelosError,
    error::exit_code,
    loops::{PlannedEpisodes, play_planned},
};

/// Plays a task with a planner that tries its plans out in the simulator and sees the gold reward: what
/// a learner can hope for.
#[derive(Debug, Args)]
pub(super) struct Expert {
    /// The environment; `telos envs` lists them.
    env: String,
    /// Episodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    episodes: u32,
    /// Seed of the initial states and of the planner.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads [default: all cores]; results do not depend on it.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Actions in a plan [default: 30].
    #[arg(long)]
    horizon: Option<usize>,
    /// Environment steps for which each action is held [default: 1].
    #[arg(long)]
    hold: Option<usize>,
    /// Plans drawn for each decision [default: 64].
    #[arg(long)]
    population: Option<usize>,
    /// Rounds of refinement of each decision [default: 3].
    #[arg(long)]
    iterations: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Expert {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let default = IcemConfig::default();
        let config = IcemConfig {
            horizon: self.horizon.unwrap_or(default.horizon),
            hold: self.hold.unwrap_or(default.hold),
            population: self.population.unwrap_or(default.population),
            iterations: self.iterations.unwrap_or(default.iterations),
            ..default
        };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let played = PlannedEpisodes {
            env: &self.env,
            episodes: self.episodes as usize,
            seed: self.seed,
            threads: self.threads.map_or_else(cores, |threads| threads as usize),
        };
        let mut finished = 0;
        let evaluation = play_planned(played, &config, |gold| {
            finished += 1;
            print_note(&format!("episode {finished} of {}: gold return {gold:.1}", played.episodes));
        })?;
        if self.json {
            print_json(&evaluation)?;
        } else {
            print(&eval::describe(&self.env, &evaluation))?;
        }
        Ok(exit_code::DONE)
    }
}
