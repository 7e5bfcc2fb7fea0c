//! `telos bench`: how fast this build is on this machine.

mod envs;
mod learner;
mod measurement;
mod sim;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use telos_sim::Model;

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
    /// With `sim`: this robot in place of those of telos.
    #[arg(long, value_name = "FILE")]
    mjcf: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Subject {
    /// Physics steps per second of every robot.
    Sim,
    /// Environment steps per second of every robot: worlds alone, vectorised, on two threads.
    Envs,
    /// Time of an update and of a policy's forward pass.
    Learner,
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
        let measurements = match (self.subject, &self.mjcf) {
            (Subject::Sim, None) => sim::measure(self.rounds)?,
            (Subject::Sim, Some(file)) => {
                let name = file.display().to_string();
                vec![sim::measure_robot(&name, Model::from_mjcf_file(file)?, self.rounds)]
            }
            (Subject::Envs, None) => envs::measure(self.rounds)?,
            (Subject::Learner, None) => learner::measure(self.rounds)?,
            (_, Some(_)) => {
                return Err(TelosError::Usage("--mjcf: only `telos bench sim` simulates a file".into()));
            }
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
