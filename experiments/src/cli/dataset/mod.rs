//! `telos dataset`: what recorded data holds, and the same data otherwise.

mod convert;
mod relabel;

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use telos_envs::dataset::{Dataset as Recorded, DatasetInfo};

use super::{print, print_json};
use crate::{TelosError, error::exit_code, statistics::Summary};

/// Looks at datasets, converts and relabels them.
#[derive(Debug, Args)]
pub(super) struct Dataset {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what a dataset holds.
    Info(Info),
    /// Converts from and to the formats of other programs.
    Convert(convert::Convert),
    /// Writes the same episodes with other rewards.
    Relabel(relabel::Relabel),
}

/// Says what a dataset holds: sizes, returns, reference scores, hashes.
#[derive(Debug, Args)]
struct Info {
    /// The dataset.
    dataset: PathBuf,
    /// Read every column and compare it with its hash.
    #[arg(long)]
    verify: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Dataset {
    pub(super) fn run(self) -> Result<i32, TelosError> {
        match self.command {
            Command::Info(info) => info.run(),
            Command::Convert(convert) => convert.run(),
            Command::Relabel(relabel) => relabel.run(),
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    info: &'a DatasetInfo,
    episodes: usize,
    steps: usize,
    /// Total reward of each episode.
    returns: Summary,
    /// The mean of them between the reference scores.
    normalized_score: Option<f64>,
    columns: Vec<(&'a str, &'a str)>,
}

impl Info {
    fn run(self) -> Result<i32, TelosError> {
        let dataset = Recorded::open(&self.dataset)?;
        if self.verify {
            dataset.verify()?;
        }
        if self.json {
            let returns = returns(&dataset);
            print_json(&Described {
                info: dataset.info(),
                episodes: dataset.episodes().len(),
                steps: dataset.steps(),
                normalized_score: normalized(&dataset, returns.mean),
                returns,
                columns: dataset.hashes().collect(),
            })?;
        } else {
            let verified = if self.verify { "all columns match their hashes\n" } else { "" };
            print(&format!("{}{verified}", describe(&dataset)))?;
        }
        Ok(exit_code::DONE)
    }
}

fn returns(dataset: &Recorded) -> Summary {
    Summary::of(dataset.episodes().map(|episode| episode.total_reward()).collect())
}

fn normalized(dataset: &Recorded, gold: f64) -> Option<f64> {
    let score = dataset.info().reference.as_ref()?.normalized(gold);
    score.is_finite().then_some(score)
}

/// A dataset as text for people.
pub(super) fn describe(dataset: &Recorded) -> String {
    let info = dataset.info();
    let returns = returns(dataset);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut row = |name: &str, value: String| writeln!(text, "    {name:<12} {value}").unwrap_or(());
    row("environment", format!("{}, {} s per step", info.env, info.dt));
    row("origin", info.origin.clone());
    row("size", format!("{} episodes, {} steps", dataset.episodes().len(), dataset.steps()));
    row("columns", format!("{} observations, {} actions", info.obs_size, info.action_size()));
    if let Some(side) = info.picture_side {
        row("pictures", format!("{side} x {side} pixels, one before each action"));
    }
    if !info.factors.is_empty() {
        row("factors", info.factors.join(", "));
    }
    if info.success {
        let solved = dataset.episodes().filter(|episode| episode.success.last() == Some(&true)).count();
        let share = 100.0 * solved as f64 / dataset.episodes().len() as f64;
        row("success", format!("{share:.0}% of episodes end in it"));
    }
    let score = normalized(dataset, returns.mean).map(|score| format!(", normalised {score:.1}"));
    row(
        "return",
        format!(
            "mean {:.1}, from {:.1} to {:.1}{}",
            returns.mean,
            returns.values.iter().copied().fold(f64::INFINITY, f64::min),
            returns.values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            score.unwrap_or_default()
        ),
    );
    if let Some(scores) = &info.reference {
        row(
            "reference",
            format!(
                "random {:.1}, expert {:.1} ({}), {} episodes each",
                scores.random, scores.expert, scores.expert_policy, scores.episodes
            ),
        );
    }
    text
}
