//! `telos envs`: what can be trained on.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use telos_envs::{EnvSpec, registry};

use super::{print, print_json};
use crate::{TelosError, error::exit_code};

/// Lists every environment with its spaces, time step, horizon, reward factors, task, and whether it
/// has a scripted expert.
#[derive(Debug, Args)]
pub(super) struct Envs {
    /// Print JSON, one array of environments; an infinite bound is null.
    #[arg(long)]
    json: bool,
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
