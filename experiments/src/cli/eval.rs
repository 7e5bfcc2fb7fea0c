//! `telos eval`: whole episodes of a trained policy.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};
use telos_agents::generative::Steering;

use super::{print, print_json};
use crate::{
    RunDirectory, TelosError,
    error::exit_code,
    loops::{Evaluation, EvaluationPlan, evaluate_greedily, evaluate_run, evaluate_steered, film_run},
    statistics::Summary,
};

/// Evaluates the policy of a run at its latest checkpoint; changes nothing in the run.
#[derive(Debug, Args)]
pub(super) struct Eval {
    /// The run directory.
    run: PathBuf,
    /// Episodes [default: as many as in the run's evaluations].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    episodes: Option<u32>,
    /// Seed of the initial states [default: that of the run's evaluations].
    #[arg(long)]
    seed: Option<u64>,
    /// Film the first episode: an .mp4 or .gif file.
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,
    /// Act by the learned reward itself, as the best of so many random actions, in place of the policy;
    /// meant for reward models of kind "regret".
    #[arg(long, value_name = "CANDIDATES", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "video")]
    greedy: Option<u32>,
    /// Let the critic of a fine-tuned generative policy choose its chunks.
    #[arg(long, value_name = "METHOD", conflicts_with_all = ["video", "greedy"])]
    steer: Option<SteeringMethod>,
    /// Chunks among which --steer chooses, or steps of its search [default: 4].
    #[arg(long, requires = "steer", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..), hide_default_value = true)]
    candidates: u32,
    /// How far --steer goes by the critic, in nats per unit of it, with particles and guidance [default: 1].
    #[arg(long, requires = "steer", default_value_t = 1.0, hide_default_value = true)]
    strength: f32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Ways of steering.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SteeringMethod {
    /// The best of several draws.
    BestOfN,
    /// Feynman-Kac particles.
    Particles,
    /// The critic's gradient in every step.
    Guidance,
    /// Gradient ascent on the first noise.
    NoiseSearch,
}

impl Eval {
    fn steering(&self) -> Option<Steering> {
        let (count, strength) = (self.candidates as usize, self.strength);
        self.steer.map(|method| match method {
            SteeringMethod::BestOfN => Steering::BestOfN(count),
            SteeringMethod::Particles => Steering::Particles { count, strength },
            SteeringMethod::Guidance => Steering::Guidance(strength),
            SteeringMethod::NoiseSearch => Steering::NoiseSearch(count),
        })
    }

    pub(super) fn run(self) -> Result<i32, TelosError> {
        let run = RunDirectory::open(&self.run)?;
        let config = run.config();
        let plan = EvaluationPlan::of(config);
        let plan = EvaluationPlan {
            episodes: self.episodes.map_or(plan.episodes, |episodes| episodes as usize),
            seed: self.seed.unwrap_or(plan.seed),
            ..plan
        };
        if let Some(path) = &self.video {
            film_run(&run, plan, path)?;
        }
        let evaluation = match (self.greedy, self.steering()) {
            (Some(candidates), _) => evaluate_greedily(&run, plan, candidates as usize)?,
            (None, Some(steering)) => evaluate_steered(&run, plan, steering)?,
            (None, None) => evaluate_run(&run, plan)?,
        };
        if self.json {
            print_json(&evaluation)?
        } else {
            print(&describe(&config.env.id, &evaluation))?
        }
        Ok(exit_code::DONE)
    }
}

/// An evaluation as text for people.
pub(super) fn describe(env: &str, evaluation: &Evaluation) -> String {
    let mut text = format!(
        "{env}, {} episodes of {:.0} steps on average\n",
        evaluation.gold.values.len(),
        evaluation.length
    );
    let mut row = |name: &str, summary: &Summary| {
        let [low, high] = summary.interval;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:<16} mean {:.1} [{low:.1}, {high:.1}], interquartile mean {:.1}",
            summary.mean, summary.iqm
        );
    };
    row("gold return", &evaluation.gold);
    if let Some(learned) = &evaluation.learned {
        row("learned return", learned);
    }
    if let Some(rate) = evaluation.success_rate {
        let _ = writeln!(text, "{:<16} {:.0}%", "success", 100.0 * rate);
    }
    if let Some(rate) = evaluation.success_once {
        let _ = writeln!(text, "{:<16} {:.0}%", "success once", 100.0 * rate);
    }
    if let Some(peak) = evaluation.peak_reward {
        let _ = writeln!(text, "{:<16} {peak:.3}", "peak reward");
    }
    if evaluation.faults > 0 {
        let _ = writeln!(text, "{:<16} {}", "faults", evaluation.faults);
    }
    text
}
