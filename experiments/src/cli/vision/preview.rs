//! `telos vision preview`: a page of pictures with their scores.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};
use telos_checkpoint::atomic_write;

use super::{super::print, Model, Sentences};
use crate::{
    TelosError,
    error::exit_code,
    number::number,
    vision::{Actor, PreviewConfig, check_page, preview},
};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActorChoice {
    Random,
    Scripted,
}

/// Plays an environment and writes a page of pictures with their scores.
#[derive(Debug, Args)]
pub(super) struct Preview {
    /// The environment; `telos envs` lists them.
    env: String,
    #[command(flatten)]
    sentences: Sentences,
    #[command(flatten)]
    model: Model,
    /// Who moves the robot.
    #[arg(long, value_enum, default_value_t = ActorChoice::Random)]
    actor: ActorChoice,
    /// Seed of the initial states and of random actions.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Environment steps.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Pictures, spread evenly over the steps.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..))]
    pictures: u32,
    /// The page to write.
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
}

impl Preview {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        check_page(&self.out)?;
        let model = self.model.open()?;
        let config = PreviewConfig {
            env: self.env,
            actor: match self.actor {
                ActorChoice::Random => Actor::Random,
                ActorChoice::Scripted => Actor::Scripted,
            },
            seed: self.seed,
            steps: self.steps as usize,
            pictures: self.pictures.min(self.steps) as usize,
            goal: self.sentences.goal,
            baseline: self.sentences.baseline,
            others: self.sentences.other,
        };
        let preview = preview(&config, &model)?;
        atomic_write(&self.out, preview.html().as_bytes())?;
        let mut text = String::new();
        for scorer in &preview.scorers {
            let (low, high) =
                scorer.scores.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &score| {
                    (low.min(score), high.max(score))
                });
            let with_gold = scorer.with_gold.map_or("none".into(), number);
            let (low, high) = (number(low.into()), number(high.into()));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:<16} scores {low} to {high}, rank correlation with the gold reward {with_gold}",
                scorer.name
            );
        }
        let _ = writeln!(text, "{}", self.out.display());
        print(&text)?;
        Ok(exit_code::DONE)
    }
}
