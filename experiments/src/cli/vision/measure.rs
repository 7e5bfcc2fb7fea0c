//! `telos vision measure`: what a model knows of the robots.

use std::fmt::Write as _;

use clap::Args;

use super::{
    super::{print, print_json},
    Model,
};
use crate::{TelosError, error::exit_code, number::number, vision::measure};

/// Measures a model on pictures of the robots that it was trained on, and of the quadruped, which the
/// embedded model never saw.
#[derive(Debug, Args)]
pub(super) struct Measure {
    #[command(flatten)]
    model: Model,
    /// Seed of the states.
    #[arg(long, default_value_t = 1000)]
    seed: u64,
    /// Also print every sentence.
    #[arg(long)]
    sentences: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Measure {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let measure = measure(&self.model.open()?, self.seed)?;
        if self.json {
            print_json(&measure)?;
            return Ok(exit_code::DONE);
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        for row in &measure.retrieval {
            let (at_1, chance) = (number(row.at_1), number(row.chance));
            let _ = writeln!(text, "captions {:<22} retrieval@1 {at_1:<8} chance {chance}", row.captions);
        }
        for row in &measure.poses {
            let count = row.facts.len();
            let _ = writeln!(text, "{:<22} AUROC {} over {count} sentences", row.env, number(row.mean));
            for (sentence, auroc) in row.facts.iter().filter(|_| self.sentences) {
                let _ = writeln!(text, "    {sentence:<44} {}", number(*auroc));
            }
        }
        print(&text)?;
        Ok(exit_code::DONE)
    }
}
