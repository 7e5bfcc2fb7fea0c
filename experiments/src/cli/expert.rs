//! `telos expert`: a task done well, without training.

use clap::Args;
use telos_agents::{ActMode, planner::IcemConfig};

use super::{eval, print, print_json, print_note};
use crate::{
    TelosError,
    config::EnvConfig,
    error::exit_code,
    loops::{EvaluationPlan, play_planned, play_scripted},
};

/// Plays a task with its scripted expert or, where it has none, with a planner that tries its plans out
/// in the simulator and sees the gold reward: what a learner can hope for.
#[derive(Debug, Args)]
pub(super) struct Expert {
    /// The environment; `telos envs` lists them.
    env: String,
    /// Plan even where there is a scripted expert.
    #[arg(long)]
    planner: bool,
    /// Episodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    episodes: u32,
    /// Seed of the initial states, and of the planner.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads [default: all cores]; results do not depend on it.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Planner: actions in a plan [default: 30].
    #[arg(long)]
    horizon: Option<usize>,
    /// Planner: environment steps for which each action is held [default: 1].
    #[arg(long)]
    hold: Option<usize>,
    /// Planner: plans drawn for each decision [default: 64].
    #[arg(long)]
    population: Option<usize>,
    /// Planner: rounds of refinement of each decision [default: 3].
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
        let env = EnvConfig { id: self.env.clone(), ..EnvConfig::default() };
        let plan = EvaluationPlan {
            env: &env,
            episodes: self.episodes as usize,
            seed: self.seed,
            threads: self.threads.map_or_else(cores, |threads| threads as usize),
            mode: ActMode::Mode,
            last_observation: false,
            sentence: None,
        };
        let scripted = if self.planner { None } else { play_scripted(plan)? };
        let evaluation = match scripted {
            Some(evaluation) => evaluation,
            None => {
                let mut finished = 0;
                play_planned(plan, &config, |gold| {
                    finished += 1;
                    print_note(&format!("episode {finished} of {}: gold return {gold:.1}", plan.episodes));
                })?
            }
        };
        if self.json {
            print_json(&evaluation)?;
        } else {
            print(&eval::describe(&self.env, &evaluation))?;
        }
        Ok(exit_code::DONE)
    }
}
