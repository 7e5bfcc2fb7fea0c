//! What a finished run says: `result.json` and the table on the terminal.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use telos_rewards::feedback::FeedbackSummary;

use super::{evaluation::Evaluation, fine_tuning::FineTuningReport};
use crate::{
    config::{Config, LoopKind},
    statistics::Summary,
};

/// The results of one seed, or of several seeds of one experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Environment id.
    pub env: String,
    /// Environment steps per training.
    pub steps: u64,
    /// The weights of the factors that made up the reward, where it was not the environment's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub factors: BTreeMap<String, f32>,
    /// The sentences that were the reward, where it was one of pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sentence: Vec<String>,
    /// The loop, where neither the reward nor the data says what the policy learned from.
    #[serde(default, rename = "loop", skip_serializing_if = "Option::is_none")]
    pub loop_kind: Option<LoopKind>,
    /// One entry per seed, in the order of the configuration.
    pub seeds: Vec<SeedReport>,
    /// Mean gold return over seeds, with an interval over seeds.
    pub gold_return: Summary,
    /// Share of the gold-trained return that was reached, over seeds, where that was trained.
    pub share_of_gold_trained: Option<Summary>,
}

/// The results of one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// The trained policy.
    #[serde(rename = "final")]
    pub trained: Evaluation,
    /// What the reward model learned from.
    pub preferences: Option<PreferenceReport>,
    /// What going online did to a policy from recorded data.
    pub fine_tuning: Option<FineTuningReport>,
    /// The same learner trained on the gold reward for as many steps.
    pub gold_trained: Option<Evaluation>,
    /// Uniformly random actions.
    pub random: Option<Evaluation>,
}

/// Feedback that a run used, and how well its reward model predicts feedback that it never saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreferenceReport {
    /// Questions asked.
    pub asked: usize,
    /// Questions answered with a preference or "equal".
    pub answered: usize,
    /// Pairs of segments that were never asked about.
    pub held_out_pairs: usize,
    /// Share of them that the reward model orders as the gold return does.
    pub held_out_accuracy: f64,
    /// The answers by source; empty where the run asked nobody.
    #[serde(default)]
    pub feedback: FeedbackSummary,
}

impl Report {
    /// The report of one seed.
    pub fn of_seed(config: &Config, seed: SeedReport) -> Self {
        let factors = config.reward.factors.clone();
        let sentence = config.reward.sentence.as_ref().map_or(Vec::new(), |sentence| sentence.goal.clone());
        let loop_kind = match config.loop_kind {
            LoopKind::Online | LoopKind::Preferences | LoopKind::OfflineToOnline => None,
            named => Some(named),
        };
        let seeds = Self::of_seeds(config.env.id.clone(), config.steps, vec![seed]);
        Self { factors, sentence, loop_kind, ..seeds }
    }

    /// The reports of several seeds of one experiment as one.
    ///
    /// # Panics
    /// When there is none.
    pub fn combine(reports: Vec<Self>) -> Self {
        let first = reports.first().expect("an experiment has at least one seed");
        let (env, steps, factors) = (first.env.clone(), first.steps, first.factors.clone());
        let (loop_kind, sentence) = (first.loop_kind, first.sentence.clone());
        let seeds = reports.into_iter().flat_map(|report| report.seeds).collect();
        Self { factors, sentence, loop_kind, ..Self::of_seeds(env, steps, seeds) }
    }

    fn of_seeds(env: String, steps: u64, seeds: Vec<SeedReport>) -> Self {
        let gold_return = Summary::of(seeds.iter().map(|seed| seed.trained.gold.mean).collect());
        let shares: Option<Vec<f64>> = seeds.iter().map(SeedReport::share_of_gold_trained).collect();
        let (factors, loop_kind) = (BTreeMap::new(), None);
        Self {
            env,
            steps,
            factors,
            sentence: Vec::new(),
            loop_kind,
            seeds,
            gold_return,
            share_of_gold_trained: shares.map(Summary::of),
        }
    }

    fn row(&self, label: &str, evaluation: impl Fn(&SeedReport) -> Option<&Evaluation>) -> Option<String> {
        let found: Option<Vec<&Evaluation>> = self.seeds.iter().map(evaluation).collect();
        let found = found?;
        let gold = Summary::of(found.iter().map(|e| e.gold.mean).collect());
        // Over seeds where there are several, over episodes of the one seed otherwise.
        let [low, high] = if found.len() == 1 { found[0].gold.interval } else { gold.interval };
        let success: Option<Vec<f64>> = found.iter().map(|e| e.success_rate).collect();
        let success = success.map_or_else(
            || "-".into(),
            |rates| format!("{:.0}%", 100.0 * rates.iter().sum::<f64>() / rates.len() as f64),
        );
        Some(format!(
            "{label:<44} {:>8.1}   {:<14}{success:>9}\n",
            gold.mean,
            format!("[{low:.1}, {high:.1}]")
        ))
    }
}

impl SeedReport {
    /// Trained return over gold-trained return. Only meaningful where returns are positive, as in
    /// every task of telos whose rewards lie in [0, 1].
    fn share_of_gold_trained(&self) -> Option<f64> {
        self.gold_trained.as_ref().map(|gold| self.trained.gold.mean / gold.gold.mean)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.seeds.len() == 1 { "" } else { "s" };
        writeln!(f, "{}, {} steps, {} seed{plural}\n", self.env, self.steps, self.seeds.len())?;
        writeln!(f, "{:<44} {:>8}   95% interval    success", "policy", "return")?;
        let preferences: Option<Vec<&PreferenceReport>> =
            self.seeds.iter().map(|seed| seed.preferences.as_ref()).collect();
        let label = match &preferences {
            Some(reports) => {
                // A run that learns from a given ledger asks nothing.
                let used = reports.iter().map(|r| r.asked.max(r.answered)).max().unwrap_or(0);
                format!("trained from {used} preferences")
            }
            None => match (self.loop_kind, self.sentence.first()) {
                (Some(LoopKind::Offline), _) => "recorded data alone".into(),
                (Some(LoopKind::Imitation), _) => "imitation of recorded actions".into(),
                (Some(LoopKind::Likelihood), _) => "trained on an expert's likelihood".into(),
                (Some(LoopKind::FineTune), Some(sentence)) => {
                    format!("generative policy, fine-tuned on \"{sentence}\"")
                }
                (Some(LoopKind::FineTune), None) => "fine-tuned generative policy".into(),
                (_, Some(sentence)) => format!("trained on \"{sentence}\""),
                _ if !self.factors.is_empty() => "trained on weighted factors".into(),
                _ if self.seeds.iter().all(|seed| seed.fine_tuning.is_some()) => {
                    "recorded data, then online".into()
                }
                _ => "trained on the gold reward".into(),
            },
        };
        for row in [
            self.row(&label, |seed| Some(&seed.trained)),
            self.row("same learner, trained on the gold reward", |seed| seed.gold_trained.as_ref()),
            self.row("random actions", |seed| seed.random.as_ref()),
        ]
        .into_iter()
        .flatten()
        {
            f.write_str(&row)?;
        }
        if !self.sentence.is_empty() {
            let found = self.seeds.iter().filter_map(|seed| seed.trained.learned.as_ref());
            let rewards: Vec<f64> = found.map(|learned| learned.mean).collect();
            let mean = rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
            writeln!(f, "\nreturn under the sentence: {mean:.1}")?;
        }
        if let Some(share) = &self.share_of_gold_trained {
            writeln!(f, "\n{:.1}% of the gold-trained return", 100.0 * share.mean)?;
        }
        for seed in &self.seeds {
            if let Some(report) = &seed.fine_tuning {
                write!(f, "\nseed {}: {report}", seed.seed)?;
            }
        }
        if let Some(reports) = preferences {
            let pairs: usize = reports.iter().map(|r| r.held_out_pairs).sum();
            let accuracy = reports.iter().map(|r| r.held_out_accuracy).sum::<f64>() / reports.len() as f64;
            writeln!(
                f,
                "reward model: {:.1}% of {pairs} held-out pairs ordered correctly",
                100.0 * accuracy
            )?;
        }
        Ok(())
    }
}
