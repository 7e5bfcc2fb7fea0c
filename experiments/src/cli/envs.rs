//! `telos envs`: what can be trained on.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;
use telos_envs::{EnvSpec, VecEnv, registry};

use super::{print, print_json};
use crate::{TelosError, error::exit_code};

/// Lists every environment with its spaces, time step, horizon, reward factors, task, and whether it
/// has a scripted expert.
#[derive(Debug, Args)]
pub(super) struct Envs {
    /// Print JSON, one array of environments; an infinite bound is null.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a hash of the whole state after every step under random actions. Where the output of
    /// two builds or machines differs first, their simulations part.
    Hash {
        /// The environment.
        id: String,
        /// Steps; an episode that ends is followed by the next.
        #[arg(long, default_value_t = 100)]
        steps: u32,
        /// Seed of the episodes and of the actions.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
}

/// One environment in the list.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    spec: EnvSpec,
    /// Whether a scripted expert solves it.
    expert: bool,
}

impl Envs {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        if let Some(Command::Hash { id, steps, seed }) = self.command {
            return print_hashes(&id, steps, seed);
        }
        let specs = registry::ids()
            .map(|id| {
                Ok(Listed {
                    spec: registry::make(id)?.spec().clone(),
                    expert: registry::expert(id).is_some(),
                })
            })
            .collect::<Result<Vec<_>, TelosError>>()?;
        if self.json {
            print_json(&specs)?;
        } else {
            print(&specs.iter().map(describe).collect::<Vec<_>>().join("\n"))?;
        }
        Ok(exit_code::DONE)
    }
}

fn print_hashes(id: &str, steps: u32, seed: u64) -> Result<i32, TelosError> {
    let mut envs = VecEnv::new(1, 1, seed, |_| registry::make(id))?;
    let space = envs.spec().action.clone();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut action = vec![0.0; space.size()];
    envs.reset();
    for step in 0..=steps {
        if step > 0 {
            for ((value, low), high) in action.iter_mut().zip(&space.low).zip(&space.high) {
                *value = rng.random_range(*low..=*high);
            }
            envs.step(&action);
        }
        print(&format!("{step} {:016x}\n", envs.env(0).state_hash()))?;
    }
    Ok(exit_code::DONE)
}

fn describe(listed: &Listed) -> String {
    let spec = &listed.spec;
    let mut text = String::new();
    let ending = if spec.can_terminate { "may end early" } else { "never ends early" };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {}", spec.id, spec.task);
    let _ = writeln!(
        text,
        "    observation {}, action {}, dt {} s, horizon {} steps ({:.0} s), {ending}",
        spec.observation.size(),
        spec.action.size(),
        spec.dt,
        spec.horizon,
        spec.dt * spec.horizon as f32
    );
    let expert = if listed.expert { "; has a scripted expert" } else { "" };
    let _ = writeln!(text, "    factors {}{expert}", spec.factors.join(", "));
    text
}
