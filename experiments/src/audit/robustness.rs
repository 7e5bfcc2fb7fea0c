//! Three questions to reward models that a run's behaviour was judged for: are they calibrated where
//! behaviour differs from what they learned from, how much of their gain is a nuisance's, and what do a
//! few poisoned answers do?

use std::{fmt::Write as _, path::Path};

use telos_envs::Segment;
use telos_nn::Device;
use telos_rewards::{
    feedback::Answer,
    reward_model::{RewardLearner, RewardModelConfig, RewardModelKind, StepSizes},
};

use super::{
    GoldAudit,
    behaviour::{Wanted, mixed_segments},
    best_of_n::chances,
    calibration::{auroc, calibration, disagreement},
    nuisance::{correlation, efforts, gain},
    poisoning::{poison, targets, without_least_likely},
    proxy,
};
use crate::{RunDirectory, TelosError, loops::with_policy, number::number, report::table::Table};

/// Behaviour that is learned from when calibration is asked for: mostly random.
const CLUMSY: std::ops::Range<f32> = 0.6..1.0;

/// Behaviour that is then asked about: mostly the policy's.
const SKILLED: std::ops::Range<f32> = 0.0..0.2;

/// Candidates among which the best is taken.
const N: usize = 16;

/// Shares of poisoned answers.
const POISONED: [f64; 5] = [0.0, 0.01, 0.03, 0.1, 0.2];

/// Share of the answers that the defence leaves out.
const LEFT_OUT: f64 = 0.1;

/// Asks all three of reward models on the behaviour of the run at `run` and returns the tables as text.
/// All numbers are means over `audit.seeds` reward models.
///
/// # Errors
/// When the run cannot be read, its episodes are shorter than a segment, or a size is zero.
pub fn robustness(audit: &GoldAudit, run: &Path, note: impl Fn(&str)) -> Result<String, TelosError> {
    audit.validate()?;
    let directory = RunDirectory::open(run)?;
    let config = directory.config();
    let GoldAudit { pairs, candidates, segment: length, .. } = *audit;
    let [clumsy, clumsy_held_out, skilled, mixed, choices] = with_policy(&directory, |policy| {
        let mut draw =
            |count, noise, seed| mixed_segments(config, policy, &Wanted { length, count, noise, seed });
        Ok([
            draw(2 * pairs, CLUMSY, 1)?,
            draw(candidates / 2, CLUMSY, 2)?,
            draw(candidates / 2, SKILLED, 3)?,
            draw(2 * pairs, 0.0..1.0, 4)?,
            draw(candidates, 0.0..1.0, 5)?,
        ])
    })?;
    let sizes = proxy::sizes(&choices[0]);
    let study = Study { audit, sizes };
    let mut text = String::new();
    let mut add = |table: Table| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\n{}", table.caption, table.text());
    };
    note("calibration");
    add(study.calibration(&clumsy, &clumsy_held_out, &skilled)?);
    note("nuisance");
    add(study.nuisance(&mixed, &choices)?);
    note("poisoning");
    add(study.poisoning(&mixed, &choices)?);
    Ok(text)
}

struct Study<'a> {
    audit: &'a GoldAudit,
    sizes: StepSizes,
}

impl Study<'_> {
    fn train(
        &self,
        config: &RewardModelConfig,
        answers: &[Answer],
        seed: u64,
    ) -> Result<Box<dyn RewardLearner>, TelosError> {
        let data = proxy::data(answers, self.sizes)?;
        let mut model = config.build(self.sizes, seed, &Device::Cpu)?;
        model.train(&data, &data)?;
        Ok(model)
    }

    /// The mean over seeds of some numbers.
    fn mean<const K: usize>(
        &self,
        of: impl Fn(u64) -> Result<[f64; K], TelosError>,
    ) -> Result<[f64; K], TelosError> {
        let mut sums = [0.0; K];
        for seed in 1..=self.audit.seeds {
            sums.iter_mut().zip(of(seed)?).for_each(|(sum, x)| *sum += x);
        }
        Ok(sums.map(|sum| sum / self.audit.seeds as f64))
    }

    fn calibration(
        &self,
        learned_from: &[Segment],
        same: &[Segment],
        other: &[Segment],
    ) -> Result<Table, TelosError> {
        let [same_right, same_ece, other_right, other_ece, apart] = self.mean(|seed| {
            let answers = proxy::answers(learned_from, self.audit.pairs, 0.0, seed);
            let model = self.train(&self.audit.reward_model, &answers, seed)?;
            let (inside, outside) = (calibration(&*model, same)?, calibration(&*model, other)?);
            let apart = auroc(&disagreement(&*model, same)?, &disagreement(&*model, other)?);
            Ok([inside.accuracy, inside.ece, outside.accuracy, outside.ece, apart])
        })?;
        let row = |name: &str, cells: [f64; 2]| (name.to_owned(), cells.map(number).to_vec());
        let mut rows = vec![
            row("like what was learned from", [same_right, same_ece]),
            row("the trained policy's", [other_right, other_ece]),
        ];
        rows.push(("told apart by disagreement, AUROC".into(), vec![number(apart), String::new()]));
        Ok(table("Calibration of the ensemble", &["behaviour", "accuracy", "calibration error"], rows))
    }

    fn nuisance(&self, judged: &[Segment], choices: &[Segment]) -> Result<Table, TelosError> {
        let gold: Vec<f64> = choices.iter().map(|segment| f64::from(segment.gold_return())).collect();
        let effort = efforts(choices);
        let found = |proxy: &[f64]| {
            let gain = gain(&chances(proxy, N), &gold, &effort);
            [correlation(proxy, &effort), gain.all, gain.within, gain.shift]
        };
        let plain = self.audit.reward_model.clone();
        let decorrelated = RewardModelConfig { kind: RewardModelKind::Decorrelated, ..plain.clone() };
        let mut rows = Vec::new();
        for (name, config) in [("ensemble", plain), ("decorrelated", decorrelated)] {
            let cells = self.mean(|seed| {
                let answers = proxy::answers(judged, self.audit.pairs, 0.0, seed);
                let model = self.train(&config, &answers, seed)?;
                Ok(found(&proxy::returns(&*model, choices)?))
            })?;
            rows.push((name.to_owned(), cells.map(number).to_vec()));
        }
        let towards = correlation(&effort, &gold).signum();
        let alone: Vec<f64> = effort.iter().map(|effort| towards * effort).collect();
        rows.push(("effort alone".into(), found(&alone).map(number).to_vec()));
        let caption = format!("Gain in gold by best of {N}, and what part of it goes with effort");
        let head = ["reward", "correlation with effort", "gain", "at the same effort", "by other effort"];
        Ok(table(&caption, &head, rows))
    }

    fn poisoning(&self, judged: &[Segment], choices: &[Segment]) -> Result<Table, TelosError> {
        let wanted = targets(choices);
        let visits = |model: &dyn RewardLearner| -> Result<f64, TelosError> {
            let chances = chances(&proxy::returns(model, choices)?, N);
            Ok(chances.iter().zip(&wanted).filter(|(_, wanted)| **wanted).map(|(chance, _)| chance).sum())
        };
        let mut rows = Vec::new();
        for share in POISONED {
            let cells = self.mean(|seed| {
                let mut answers = proxy::answers(judged, self.audit.pairs, 0.0, seed);
                poison(&mut answers, judged, share, seed);
                let config = &self.audit.reward_model;
                let single = RewardModelConfig { members: 1, ..config.clone() };
                let single = self.train(&single, &answers, seed)?;
                let ensemble = self.train(config, &answers, seed)?;
                let kept = without_least_likely(&*ensemble, &answers, LEFT_OUT)?;
                let filtered = self.train(config, &kept, seed)?;
                Ok([visits(&*single)?, visits(&*ensemble)?, visits(&*filtered)?])
            })?;
            rows.push((format!("{:.0}%", 100.0 * share), cells.map(number).to_vec()));
        }
        let prior = wanted.iter().filter(|wanted| **wanted).count() as f64 / wanted.len() as f64;
        let caption = format!(
            "How often best of {N} takes the tenth of least effort, of which the prior takes {}",
            number(prior)
        );
        Ok(table(&caption, &["poisoned answers", "single", "ensemble", "ensemble, unlikely left out"], rows))
    }
}

fn table(caption: &str, head: &[&str], rows: Vec<(String, Vec<String>)>) -> Table {
    let head = head.iter().map(|&head| head.to_owned()).collect();
    Table { caption: caption.to_owned(), head, rows, numeric: true }
}
