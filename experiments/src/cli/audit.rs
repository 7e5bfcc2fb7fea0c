//! `telos audit`: what a learned reward is worth once something optimises it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{print, print_note};
use crate::{
    TelosError,
    audit::{Drop, GoldAudit, gold, goodhart, robustness},
    error::exit_code,
    number::{number, percent},
};

/// Size of the random processes of `telos audit goodhart`.
const STATES: usize = 10;
const ACTIONS: usize = 4;

/// Measures what a learned reward is worth once it is optimised; the environment's own reward is gold.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Over-optimisation: gold and proxy against the distance from the prior, for single reward models,
    /// ensembles and averaged weights, on clean and on flipped answers.
    Gold {
        #[command(flatten)]
        study: Study,
        /// Updates of proximal policy optimisation on each reward model, from the run's policy; 0 leaves
        /// it out.
        #[arg(long, default_value_t = GoldAudit::default().updates)]
        updates: usize,
        /// The directory to write tables and figures into.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Calibration under shifted behaviour, the part that effort has in gains, and poisoned answers.
    Robustness {
        #[command(flatten)]
        study: Study,
    },
    /// Stopping in time on random finite decision processes, whose true reward is known.
    Goodhart {
        /// Processes.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        processes: u32,
        /// Angle between proxy and true reward, in radians, up to a right one.
        #[arg(long, default_value_t = 1.2)]
        angle: f64,
    },
}

#[derive(Debug, Args)]
struct Study {
    /// A finished run, whose policy mixed with random actions is the prior.
    run: PathBuf,
    /// Answers that a reward model learns from.
    #[arg(long, default_value_t = GoldAudit::default().pairs)]
    pairs: usize,
    /// Segments among which the best is sought.
    #[arg(long, default_value_t = GoldAudit::default().candidates)]
    candidates: usize,
    /// Environment steps per segment.
    #[arg(long, default_value_t = GoldAudit::default().segment)]
    segment: usize,
    /// Reward models of each kind.
    #[arg(long, default_value_t = GoldAudit::default().seeds)]
    seeds: u64,
}

impl Study {
    fn audit(&self) -> GoldAudit {
        let Self { pairs, candidates, segment, seeds, .. } = *self;
        GoldAudit { pairs, candidates, segment, seeds, ..GoldAudit::default() }
    }
}

impl Audit {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        match self.kind {
            Kind::Gold { study, updates, out } => {
                let audit = GoldAudit { updates, ..study.audit() };
                let text = gold(&audit, &study.run, &out, print_note)?;
                print(&format!("{text}\nfigures and numbers: {}\n", out.display()))?;
            }
            Kind::Robustness { study } => print(&robustness(&study.audit(), &study.run, print_note)?)?,
            Kind::Goodhart { processes, angle } => print(&goodhart_text(processes, angle)?)?,
        }
        Ok(exit_code::DONE)
    }
}

/// What stopping in time saves and costs.
fn goodhart_text(processes: u32, angle: f64) -> Result<String, TelosError> {
    if !(0.0..=std::f64::consts::FRAC_PI_2).contains(&angle) {
        return Err(TelosError::Usage(format!("--angle is {angle}, but must be from 0 to pi/2")));
    }
    let drops: Vec<Drop> =
        (0..u64::from(processes)).map(|seed| goodhart(STATES, ACTIONS, angle, seed)).collect();
    let n = drops.len() as f64;
    let share = |fallen: &dyn Fn(&Drop) -> bool| drops.iter().filter(|drop| fallen(drop)).count() as f64 / n;
    let mean = |of: &dyn Fn(&Drop) -> f64| drops.iter().map(of).sum::<f64>() / n;
    Ok(format!(
        "{processes} processes of {STATES} states and {ACTIONS} actions, proxy at {angle} rad to the true reward\n\
         fall when nobody stops:  {} of the processes, by {} of the return's range on average\n\
         fall when stopped:       {} of the processes\n\
         gain kept when stopped:  {}\n",
        percent(share(&|drop| drop.to_the_end > 1e-6)),
        number(mean(&|drop| drop.to_the_end)),
        percent(share(&|drop| drop.stopped > 1e-6)),
        percent(mean(&|drop| drop.kept)),
    ))
}
