//! `telos vision`: rewards from pictures and sentences.

mod audit;
mod measure;
mod preview;
mod train;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use telos_rewards::vision::{self, Clip};

use crate::{TelosError, device::DeviceChoice};

/// Rewards from pictures and sentences.
#[derive(Debug, Args)]
pub(super) struct Vision {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows what sentences say of pictures of an environment, before any training.
    Preview(preview::Preview),
    /// How well rewards made of sentences tell states that solve a task from those that do not.
    Audit(audit::Audit),
    /// Trains a small model of pictures and sentences on what telos draws and says.
    Train(train::Train),
    /// What a model knows of the robots: retrieval of captions, and poses told apart.
    Measure(measure::Measure),
}

impl Vision {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        match self.command {
            Command::Preview(preview) => preview.run(),
            Command::Audit(audit) => audit.run(),
            Command::Train(train) => train.run(),
            Command::Measure(measure) => measure.run(),
        }
    }
}

/// Which model, and where it runs.
#[derive(Debug, Args)]
struct Model {
    /// A directory with a CLIP, OpenCLIP or SigLIP model in Hugging Face's layout; without it, the small
    /// model that comes with telos, which knows this simulator's world only.
    #[arg(long, value_name = "DIR")]
    clip: Option<PathBuf>,
    /// Where the model runs: cpu or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
}

impl Model {
    fn open(&self) -> Result<Clip, TelosError> {
        Ok(vision::open(self.clip.as_deref(), &self.device.open()?)?)
    }
}

/// What is wanted.
#[derive(Debug, Args)]
struct Sentences {
    /// What is wanted; several are averaged.
    #[arg(long, required = true, value_name = "SENTENCE")]
    goal: Vec<String>,
    /// What is always true of the scene, for projections; several are averaged.
    #[arg(long, value_name = "SENTENCE")]
    baseline: Vec<String>,
    /// What the goal must not be taken for, for the contrastive reward.
    #[arg(long, value_name = "SENTENCE")]
    other: Vec<String>,
}
