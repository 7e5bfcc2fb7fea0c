//! `telos audit`: what a learned reward is worth once something optimises it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{print, print_note};
use crate::{
    TelosError,
    audit::{GoldAudit, gold},
    error::exit_code,
};

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
    Gold(Gold),
}

#[derive(Debug, Args)]
struct Gold {
    /// A finished run, whose policy mixed with random actions is the prior.
    run: PathBuf,
    /// The directory to write tables and figures into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
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

impl Audit {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let Kind::Gold(asked) = self.kind;
        let Gold { run, out, pairs, candidates, segment, seeds } = asked;
        let audit = GoldAudit { pairs, candidates, segment, seeds, ..GoldAudit::default() };
        let text = gold(&audit, &run, &out, print_note)?;
        print(&format!("{text}\nfigures and numbers: {}\n", out.display()))?;
        Ok(exit_code::DONE)
    }
}
