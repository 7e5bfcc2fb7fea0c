//! `summary.json` and `summary.csv`: every trial in generation and index order, without anything
//! that depends on who ran it, when, or how often.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};
use telos_checkpoint::atomic_write;

use super::{
    measure,
    outcome::{TrialOutcome, evaluate, outcomes},
    sampler::Ancestor,
    specification::Goal,
    store::{Store, json},
};
use crate::TelosError;

/// The whole sweep in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Dotted path of the score in `result.json`.
    pub metric: String,
    /// `"maximize"` or `"minimize"`.
    pub goal: Goal,
    /// The setting with the best score; of equals, the first.
    pub best: Option<SettingSummary>,
    /// Every setting.
    pub settings: Vec<SettingSummary>,
    /// Every trial.
    pub trials: Vec<TrialSummary>,
}

/// One setting over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SettingSummary {
    /// Where it stands.
    pub place: Ancestor,
    /// The setting that it went on from.
    pub parent: Option<Ancestor>,
    /// What was tried, by configuration key.
    pub values: Map<String, Value>,
    /// Environment steps in the end.
    pub steps: u64,
    /// Mean score over seeds; `null` when a trial was given up.
    pub score: Option<f64>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialSummary {
    /// Its id: `trials/<id>` in the store.
    pub id: String,
    /// Its setting.
    pub place: Ancestor,
    /// Its index in the generation.
    pub index: usize,
    /// Its seed.
    pub seed: u64,
    /// `"done"`, `"given-up"` or `"open"`.
    pub status: &'static str,
    /// Its score, where it is done.
    pub score: Option<f64>,
}

impl Summary {
    /// Reads everything.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of(store: &Store, most_attempts: usize) -> Result<Self, TelosError> {
        let specification = store.specification();
        let seeds = &specification.seeds;
        let generations = store.generations()?;
        let (mut settings, mut trials) = (Vec::new(), Vec::new());
        for (number, generation) in generations.iter().enumerate() {
            let found = outcomes(store, generation, generations.get(number + 1), most_attempts)?;
            let evaluated = evaluate(store, generation, &found)?;
            for (setting, (planned, evaluated)) in generation.settings.iter().zip(evaluated).enumerate() {
                settings.push(SettingSummary {
                    place: Ancestor { generation: number, setting },
                    parent: planned.parent,
                    values: planned.values.clone(),
                    steps: planned.steps,
                    score: evaluated.score.map(|score| specification.goal.upward(score)),
                });
            }
            for (index, (id, outcome)) in generation.trials().zip(found).enumerate() {
                let (status, score) = match outcome {
                    TrialOutcome::Done(result) => ("done", measure::number(&result, &specification.metric)),
                    TrialOutcome::GivenUp(_) => ("given-up", None),
                    TrialOutcome::Open => ("open", None),
                };
                let place = Ancestor { generation: number, setting: index / seeds.len() };
                let seed = seeds[index % seeds.len()];
                trials.push(TrialSummary { id: id.to_owned(), place, index, seed, status, score });
            }
        }
        let upward = |setting: &SettingSummary| setting.score.map(|score| specification.goal.upward(score));
        let best = settings
            .iter()
            .rev()
            .filter(|setting| setting.score.is_some())
            .max_by(|a, b| upward(a).partial_cmp(&upward(b)).expect("scores are finite"))
            .cloned();
        Ok(Self { metric: specification.metric.clone(), goal: specification.goal, best, settings, trials })
    }

    /// Writes both files.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, store: &Store) -> Result<(), TelosError> {
        atomic_write(&store.path().join("summary.csv"), self.csv(store).as_bytes())?;
        // The last file of a sweep: where it is, the sweep is done.
        Ok(atomic_write(&store.path().join("summary.json"), json(self).as_bytes())?)
    }

    /// One row for each trial, one column for each parameter.
    fn csv(&self, store: &Store) -> String {
        let keys: Vec<&str> =
            store.specification().space.parameters.iter().map(|parameter| parameter.key.as_str()).collect();
        let mut text = "generation,index,trial,seed,steps,status,score".to_owned();
        for key in &keys {
            // Writing to a string cannot fail.
            let _ = write!(text, ",{}", quoted(key));
        }
        text.push('\n');
        for trial in &self.trials {
            let setting = self.settings.iter().find(|setting| setting.place == trial.place);
            let setting = setting.expect("every trial has its setting");
            let score = trial.score.map_or(String::new(), |score| score.to_string());
            let TrialSummary { id, place, index, seed, status, .. } = trial;
            let _ =
                write!(text, "{},{index},{id},{seed},{},{status},{score}", place.generation, setting.steps);
            for key in &keys {
                let value = match setting.values.get(*key) {
                    None => String::new(),
                    Some(Value::String(value)) => quoted(value),
                    Some(value) => quoted(&value.to_string()),
                };
                let _ = write!(text, ",{value}");
            }
            text.push('\n');
        }
        text
    }
}

/// A field of a CSV file (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
