//! Over-optimisation of learned rewards against the gold one (Gao, Schulman, Hilton 2022, "Scaling Laws
//! for Reward Model Overoptimization", arXiv 2210.10760; Coste et al. 2023, "Reward Model Ensembles Help
//! Mitigate Overoptimization", arXiv 2310.02743).
//!
//! 1. Record segments of a prior: a trained policy that acts at random now and then.
//! 2. Let the gold return answer questions about some of them, flip a quarter of the answers or none,
//!    and train reward models of several kinds.
//! 3. Optimise each over other segments, ever further from the prior, by best-of-n and by the exact
//!    solution of reinforcement learning with a price on the divergence.
//! 4. Train the run's policy on each, ever further from where it was.
//! 5. Compare what the proxy promises with what the gold return gives, both in deviations of the prior's.

use std::path::Path;

use telos_rewards::reward_model::RewardModelConfig;

use super::{
    behaviour::{Wanted, mixed_segments},
    best_of_n::best_of_n,
    fine_tuned::FineTuning,
    gold_report,
    over_optimisation::{Law, Optimised},
    proxy::{self, Kind},
    tilt::tilted,
};
use crate::{RunDirectory, TelosError, loops::RunPolicy};

/// Shares of answers that are turned around (Coste et al. 2023 use 0.25).
const FLIPS: [f64; 2] = [0.0, 0.25];

/// Prices of the divergence, in deviations of the proxy, from keeping the prior to leaving it.
const PRICES: [f64; 10] = [8.0, 4.0, 2.0, 1.4, 1.0, 0.7, 0.5, 0.35, 0.25, 0.18];

/// Best-of-n is exact for any n, but of few candidates the best are always the same.
const CANDIDATES_PER_CHOICE: usize = 4;

/// How large an audit is.
#[derive(Clone, Debug)]
pub struct GoldAudit {
    /// Answers that a reward model learns from. Default 200.
    pub pairs: usize,
    /// Segments that are optimised over. Default 4096.
    pub candidates: usize,
    /// Environment steps per segment. Default 25.
    pub segment: usize,
    /// Reward models of each kind. Default 5.
    pub seeds: u64,
    /// Updates of proximal policy optimisation on each reward model; 0 leaves it out. Default 50.
    pub updates: usize,
    /// The ensembles; the single model has one member.
    pub reward_model: RewardModelConfig,
}

impl Default for GoldAudit {
    fn default() -> Self {
        let reward_model =
            RewardModelConfig { members: 5, hidden: vec![64, 64], ..RewardModelConfig::default() };
        Self { pairs: 200, candidates: 4096, segment: 25, seeds: 5, updates: 50, reward_model }
    }
}

impl GoldAudit {
    /// # Errors
    /// When a size is too small to say anything.
    pub(super) fn validate(&self) -> Result<(), TelosError> {
        let least = 16 * CANDIDATES_PER_CHOICE;
        let sound = self.pairs > 0 && self.segment > 0 && self.seeds > 0 && self.candidates >= least;
        if sound {
            return Ok(());
        }
        Err(TelosError::Usage(format!(
            "--pairs, --segment and --seeds must be at least 1, and --candidates at least {least}"
        )))
    }
}

/// Optimisers of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Optimiser {
    BestOfN,
    Tilt,
    FineTuning,
}

impl Optimiser {
    pub(super) const ALL: [Self; 3] = [Self::BestOfN, Self::Tilt, Self::FineTuning];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::BestOfN => "best-of-n",
            Self::Tilt => "RL optimum",
            Self::FineTuning => "PPO",
        }
    }

    pub(super) fn law(self) -> Law {
        match self {
            Self::BestOfN => Law::BestOfN,
            Self::Tilt | Self::FineTuning => Law::Learned,
        }
    }
}

/// Ever better choices among more segments.
fn choices(proxy: &[f64], gold: &[f64]) -> Vec<Optimised> {
    let most = proxy.len() / CANDIDATES_PER_CHOICE;
    let counts = std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|&n| n <= most);
    counts.map(|n| best_of_n(proxy, gold, n)).collect()
}

/// Ever cheaper departures from the prior.
fn departures(proxy: &[f64], gold: &[f64]) -> Vec<Optimised> {
    PRICES.into_iter().map(|price| tilted(proxy, gold, price)).collect()
}

/// One proxy, optimised in one way.
pub(super) struct Curve {
    pub(super) flips: f64,
    pub(super) kind: Kind,
    pub(super) optimiser: Optimiser,
    pub(super) seed: u64,
    pub(super) points: Vec<Optimised>,
}

/// Audits reward models on the behaviour of the run at `run`, writes `gold.csv` and the figures into
/// `out`, and returns the findings as text. `note` hears of the progress.
///
/// # Errors
/// When the run cannot be read, its episodes are shorter than a segment, a size is zero, or a file cannot
/// be written.
pub fn gold(audit: &GoldAudit, run: &Path, out: &Path, note: impl Fn(&str)) -> Result<String, TelosError> {
    audit.validate()?;
    let directory = RunDirectory::open(run)?;
    let config = directory.config();
    let mut trained = RunPolicy::read(&directory, None)?;
    let (asked_about, candidates) = {
        let mut draw = |count, seed| {
            let wanted = Wanted { length: audit.segment, count, noise: 0.0..1.0, seed };
            mixed_segments(config, trained.policy(), &wanted)
        };
        (draw(2 * audit.pairs, 1)?, draw(audit.candidates, 2)?)
    };
    let fine_tuning = match (trained.ppo(), audit.updates) {
        (_, 0) => None,
        (Some(prior), updates) => Some(FineTuning::new(config, prior, audit.segment, updates)?),
        (None, _) => {
            let reason = "its learner is not \"ppo\", so that no policy can be trained on from its own; name \
                          another run, or leave that out with --updates 0";
            return Err(TelosError::run(run, reason));
        }
    };
    let returns: Vec<f64> = candidates.iter().map(|segment| f64::from(segment.gold_return())).collect();
    let gold = standardised(&returns);
    let sizes = proxy::sizes(&candidates[0]);
    let mut curves = Vec::new();
    for flips in FLIPS {
        for seed in 1..=audit.seeds {
            note(&format!("{:.0}% flipped answers, reward models {seed} of {}", 100.0 * flips, audit.seeds));
            let answers = proxy::answers(&asked_about, audit.pairs, flips, seed);
            let data = proxy::data(&answers, sizes)?;
            for (kind, model) in proxy::train(&audit.reward_model, &data, sizes, seed)? {
                let proxy = standardised(&proxy::returns(&*model, &candidates)?);
                let mut add = |optimiser, points| curves.push(Curve { flips, kind, optimiser, seed, points });
                add(Optimiser::BestOfN, choices(&proxy, &gold));
                add(Optimiser::Tilt, departures(&proxy, &gold));
                if let Some(fine_tuning) = &fine_tuning {
                    add(Optimiser::FineTuning, fine_tuning.curve(&*model, seed)?);
                }
            }
        }
    }
    gold_report::write(out, &config.env.id, &FLIPS, &curves)
}

/// Mean 0, deviation 1.
fn standardised(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-12);
    values.iter().map(|x| (x - mean) / deviation).collect()
}
