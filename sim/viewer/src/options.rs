//! The command line of the viewer.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Who moves the robots of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyChoice {
    /// Nobody: all motors in the middle of their range.
    Idle,
    /// Uniformly random actions.
    Random,
    /// The scripted expert of the task.
    Scripted,
}

/// Shows robots, runs and datasets in a window, and lets people teach there.
#[derive(Clone, Debug, Parser)]
#[command(name = "telos-viewer", version)]
pub struct Options {
    /// The id of an environment (`telos envs`), or the directory of a run or of a dataset.
    #[arg(value_name = "ENV|RUN|DATASET")]
    pub input: String,
    /// Robots side by side.
    #[arg(long, default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub count: usize,
    /// Seed of the initial states and of random actions.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Who moves the robots [default: the policy of the run; random without one].
    #[arg(long, value_enum)]
    pub policy: Option<PolicyChoice>,
    /// Another run of the same robot, whose policy moves a ghost beside each robot.
    #[arg(long, value_name = "RUN")]
    pub against: Option<PathBuf>,
    /// A run whose learned reward is shown beside that of a dataset.
    #[arg(long, value_name = "RUN")]
    pub reward: Option<PathBuf>,
    /// Compare the pairs of clips that a run asks about.
    #[arg(long)]
    pub label: bool,
    /// Who answers, with --label.
    #[arg(long, value_name = "NAME", default_value = "viewer")]
    pub annotator: String,
    /// Steer the robot by keys and keep what you do as a dataset.
    #[arg(long, value_name = "DATASET")]
    pub teleoperate: Option<PathBuf>,
    /// A vision-language model, in Hugging Face's layout, that compares the view with a sentence; by default
    /// telos's own, which knows its tasks only.
    #[arg(long, value_name = "DIR")]
    pub clip: Option<PathBuf>,
    /// The sentence to begin with.
    #[arg(long, value_name = "SENTENCE", default_value = "")]
    pub sentence: String,
    /// Where pictures and films go, with --headless every frame; it is made.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Draw without a window.
    #[arg(long)]
    pub headless: bool,
    /// Frames to draw without a window, 1/25 s apart.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub frames: u32,
    /// Pixels of the picture or the window.
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720", value_parser = size)]
    pub size: (u32, u32),
    /// Begin without panels.
    #[arg(long)]
    pub bare: bool,
    /// Begin with time standing still.
    #[arg(long)]
    pub paused: bool,
    /// With --headless, keep no pictures and say how many frames were drawn per second.
    #[arg(long)]
    pub timing: bool,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let parts =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match parts {
        Some((width, height)) if (16..=8192).contains(&width) && (16..=8192).contains(&height) => {
            Ok((width, height))
        }
        _ => Err("expected two numbers from 16 to 8192, such as 1280x720".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked() {
        let parse = |size: &str| Options::try_parse_from(["telos-viewer", "reacher", "--size", size]);
        assert_eq!(parse("640x360").unwrap().size, (640, 360));
        for wrong in ["640", "0x10", "640x99999", "x", "-1x5"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
