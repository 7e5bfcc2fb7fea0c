//! `telos vision train`: the model that comes with telos, or another of its kind.

use std::path::PathBuf;

use clap::Args;

use super::super::{print, print_note};
use crate::{
    Interrupt, TelosError,
    error::exit_code,
    number::number,
    vision::{SEEN, VisionTraining, train_vision},
};

/// Trains a small model of pictures and sentences on what telos draws and says of its robots. The same
/// seed gives the same model.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// The directory to write the model into, in Hugging Face's layout.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Updates.
    #[arg(long, default_value_t = VisionTraining::default().model.steps, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Pictures per update.
    #[arg(long, default_value_t = VisionTraining::default().batch as u32, value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch: u32,
    /// Highest learning rate.
    #[arg(long, default_value_t = VisionTraining::default().model.lr)]
    lr: f64,
    /// Seed of weights, states, cameras, colours and captions.
    #[arg(long, default_value_t = VisionTraining::default().seed)]
    seed: u64,
    /// Only these robots, by task; all but the quadruped by default.
    #[arg(long, value_name = "ENV")]
    env: Vec<String>,
}

impl Train {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let mut config =
            VisionTraining { batch: self.batch as usize, seed: self.seed, ..VisionTraining::default() };
        (config.model.steps, config.model.lr) = (self.steps, self.lr);
        let own: Vec<&str> = self.env.iter().map(String::as_str).collect();
        let ids = if own.is_empty() { &SEEN[..] } else { &own };
        let interrupt = Interrupt::listen()?;
        let watch = |step, loss: f32| print_note(&format!("update {step}: loss {}", number(loss.into())));
        match train_vision(&config, ids, &self.out, &interrupt, watch)? {
            Some(_) => {
                print(&format!("{}\n", self.out.display()))?;
                Ok(exit_code::DONE)
            }
            None => Err(TelosError::Usage("interrupted; nothing was written".into())),
        }
    }
}
