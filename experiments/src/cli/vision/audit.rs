//! `telos vision audit`: rewards against the success predicate.

use std::fmt::Write as _;

use clap::Args;

use super::{
    super::{print, print_json},
    Model, Sentences,
};
use crate::{
    TelosError,
    error::exit_code,
    number::number,
    vision::{AuditConfig, audit},
};

/// Scores states of an environment with every reward that the sentences make, and compares with the
/// environment's own success predicate.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// The environment; `telos envs` lists them.
    env: String,
    #[command(flatten)]
    sentences: Sentences,
    #[command(flatten)]
    model: Model,
    /// Temperature of the contrastive reward.
    #[arg(long, default_value_t = 0.1)]
    temperature: f32,
    /// Seed of the states.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// States to look at.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pictures: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let model = self.model.open()?;
        let config = AuditConfig {
            env: self.env,
            seed: self.seed,
            pictures: self.pictures as usize,
            goal: self.sentences.goal,
            baseline: self.sentences.baseline,
            others: self.sentences.other,
            temperature: self.temperature,
        };
        let (solved, rows) = audit(&config, &model)?;
        if self.json {
            print_json(&rows)?;
            return Ok(exit_code::DONE);
        }
        let mut text = format!("{}: {solved} of {} states solve the task\n", config.env, config.pictures);
        for row in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:<16} AUROC {}", row.reward, number(row.auroc));
        }
        print(&text)?;
        Ok(exit_code::DONE)
    }
}
