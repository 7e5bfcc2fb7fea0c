//! `telos render`: a picture of an environment.

use std::path::PathBuf;

use clap::Args;
use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_envs::registry;

use crate::{TelosError, error::exit_code, video};

/// Draws an environment as a PNG file.
#[derive(Debug, Args)]
pub(super) struct Render {
    /// The environment; `telos envs` lists them.
    env: String,
    /// The file to write.
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,
    /// Seed of the initial state, and of the actions.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Steps with random actions before the picture is taken.
    #[arg(long, default_value_t = 0)]
    steps: u32,
    /// Width in pixels.
    #[arg(long, default_value_t = 640)]
    width: usize,
    /// Height in pixels.
    #[arg(long, default_value_t = 480)]
    height: usize,
}

impl Render {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        let mut env = registry::make(&self.env)?;
        let mut policy = RandomPolicy::new(env.spec(), self.seed)?;
        let mut obs = vec![0.0; env.spec().observation.size()];
        let mut action = vec![0.0; env.spec().action.size()];
        env.reset(self.seed, &mut obs);
        for _ in 0..self.steps {
            policy.act(&obs, 1, ActMode::Sample, &mut action)?;
            env.step(&action, &mut obs);
        }
        video::picture(env.as_ref(), self.width, self.height, &self.out)?;
        Ok(exit_code::DONE)
    }
}
