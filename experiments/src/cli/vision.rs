//! `telos vision`: rewards from pictures and sentences.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use telos_checkpoint::atomic_write;
use telos_rewards::vision::Clip;

use super::print;
use crate::{
    TelosError,
    device::DeviceChoice,
    error::exit_code,
    number::number,
    vision::{Actor, PreviewConfig, check_page, preview},
};

/// Rewards from pictures and sentences.
#[derive(Debug, Args)]
pub(super) struct Vision {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows what sentences say of pictures of an environment, before any training.
    Preview(Preview),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActorChoice {
    Random,
    Scripted,
}

/// Plays an environment and writes a page of pictures with their scores.
#[derive(Debug, Args)]
struct Preview {
    /// The environment; `telos envs` lists them.
    env: String,
    /// The model: a directory with a CLIP, OpenCLIP or SigLIP model in Hugging Face's layout.
    #[arg(long, value_name = "DIR")]
    clip: PathBuf,
    /// What is wanted; several are averaged.
    #[arg(long, required = true, value_name = "SENTENCE")]
    goal: Vec<String>,
    /// What is always true of the scene, for projections; several are averaged.
    #[arg(long, value_name = "SENTENCE")]
    baseline: Vec<String>,
    /// What the goal must not be taken for, for the contrastive reward.
    #[arg(long, value_name = "SENTENCE")]
    other: Vec<String>,
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
    /// Where the model runs: cpu or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// The page to write.
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
}

impl Vision {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        match self.command {
            Command::Preview(preview) => preview.run(),
        }
    }
}

impl Preview {
    fn run(self) -> Result<i32, TelosError> {
        check_page(&self.out)?;
        let model = Clip::open(&self.clip, &self.device.open()?)?;
        let config = PreviewConfig {
            env: self.env,
            actor: match self.actor {
                ActorChoice::Random => Actor::Random,
                ActorChoice::Scripted => Actor::Scripted,
            },
            seed: self.seed,
            steps: self.steps as usize,
            pictures: self.pictures.min(self.steps) as usize,
            goal: self.goal,
            baseline: self.baseline,
            others: self.other,
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
