//! `telos bench`: how fast this build is on this machine.

mod diffusion;
mod envs;
mod judge;
mod learner;
mod loader;
mod measurement;
mod render;
mod sim;
mod vision;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::measurement::Measurement;
use super::{print, print_json};
use crate::{TelosError, error::exit_code, host::Host};

/// Measures speed, as medians of wall time over alternating rounds.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// What to measure.
    subject: Subject,
    /// Rounds; every figure is the median over them.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// With `sim`: this robot, MJCF or (ending in `.urdf`) URDF, in place of those of telos.
    #[arg(long, value_name = "FILE")]
    mjcf: Option<PathBuf>,
    /// With `sim`: solver iterations per physics step, in place of those that each robot asks for.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    iterations: Option<u32>,
    /// With `envs`: this environment alone.
    #[arg(long, value_name = "ID")]
    env: Option<String>,
    /// With `envs`: copies of each environment.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// With `loader`: this dataset.
    #[arg(long, value_name = "DATASET", required_if_eq("subject", "loader"))]
    dataset: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Subject {
    /// Physics steps per second of every robot.
    Sim,
    /// Environment steps per second of every robot: worlds alone, vectorised, on two threads.
    Envs,
    /// Time of an update and of a policy's forward pass.
    Learner,
    /// Batches per second out of a dataset.
    Loader,
    /// Generative policies of four networks: chunks per second of training, and time to draw one.
    #[value(alias = "generative")]
    Diffusion,
    /// Pictures per second: three robots, three sizes, with and without shadows, on one thread and on all.
    Render,
    /// Pictures per second through the model that comes with telos, on one thread.
    Vision,
    /// Environment steps per second of a training with a slow judge attached, and without one.
    Judge,
}

#[derive(Serialize)]
struct Report {
    subject: Subject,
    host: Host,
    rounds: u32,
    measurements: Vec<Measurement>,
}

impl Bench {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let not_sim = self.subject != Subject::Sim;
        if not_sim && (self.mjcf.is_some() || self.iterations.is_some()) {
            return Err(TelosError::Usage("--mjcf and --iterations: only of `telos bench sim`".into()));
        }
        if self.env.is_some() && self.subject != Subject::Envs {
            return Err(TelosError::Usage("--env: only of `telos bench envs`".into()));
        }
        let measurements = match self.subject {
            Subject::Sim => sim::measure(self.mjcf.as_deref(), self.iterations, self.rounds)?,
            Subject::Envs => envs::measure(self.env.as_deref(), self.count as usize, self.rounds)?,
            Subject::Learner => learner::measure(self.rounds)?,
            Subject::Loader => {
                loader::measure(self.dataset.as_deref().unwrap_or(Path::new("")), self.rounds)?
            }
            Subject::Diffusion => diffusion::measure(self.rounds)?,
            Subject::Render => render::measure(self.rounds)?,
            Subject::Vision => vision::measure(self.rounds)?,
            Subject::Judge => judge::measure(self.rounds)?,
        };
        let report =
            Report { subject: self.subject, host: Host::detect(), rounds: self.rounds, measurements };
        if self.json {
            print_json(&report)?;
        } else {
            let rows: String = report.measurements.iter().map(|row| format!("{row}\n")).collect();
            print(&format!(
                "{}, {} cores, medians of {} rounds\n{rows}",
                report.host.cpu, report.host.cores, self.rounds
            ))?;
        }
        Ok(exit_code::DONE)
    }
}
