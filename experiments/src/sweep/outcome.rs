//! What came of the trials of a generation, read from the store.

use std::fs;

use serde_json::Value;

use super::{
    attempt::{attempts, given_up},
    generation::{Generation, PlannedSetting},
    measure,
    sampler::Evaluated,
    space::Setting,
    store::{Store, parse},
};
use crate::TelosError;

/// What came of one trial.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialOutcome {
    /// It has a result.
    Done(Value),
    /// It is not tried again, for this reason.
    GivenUp(String),
    /// It is to be tried, or tried again; a process may be at it.
    Open,
}

/// The outcome of every trial of `generation`, in index order. Trials that the `next` generation
/// was decided without count as given up whatever became of them.
///
/// # Errors
/// When a file is damaged or cannot be read.
pub fn outcomes(
    store: &Store,
    generation: &Generation,
    next: Option<&Generation>,
    most_attempts: usize,
) -> Result<Vec<TrialOutcome>, TelosError> {
    generation
        .trials()
        .map(|id| {
            if next.is_some_and(|next| next.given_up.iter().any(|other| other == id)) {
                let reason = "given up when the next generation was decided";
                return Ok(TrialOutcome::GivenUp(reason.to_owned()));
            }
            let path = store.result_path(id);
            match fs::read_to_string(&path) {
                Ok(text) => return parse(&path, &text).map(TrialOutcome::Done),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(TelosError::io(&path, source)),
            }
            let reason = given_up(&attempts(store, id)?, most_attempts);
            Ok(reason.map_or(TrialOutcome::Open, TrialOutcome::GivenUp))
        })
        .collect()
}

/// The settings of a generation, all of whose trials are decided, as samplers see them.
///
/// # Errors
/// When a result has no number at the metric's or the descriptor's path.
pub(super) fn evaluate(
    store: &Store,
    generation: &Generation,
    outcomes: &[TrialOutcome],
) -> Result<Vec<Evaluated>, TelosError> {
    let specification = store.specification();
    let seeds = specification.seeds.len();
    generation
        .settings
        .iter()
        .zip(outcomes.chunks_exact(seeds))
        .map(|(setting, outcomes)| {
            let score = means(store, setting, outcomes, "metric", &specification.metric)?;
            let descriptor: Option<Vec<Vec<f64>>> = specification
                .sampler
                .descriptor
                .iter()
                .map(|path| means(store, setting, outcomes, "sampler.descriptor", path))
                .collect::<Result<_, _>>()?;
            Ok(Evaluated {
                setting: Setting(setting.values.clone()),
                steps: setting.steps,
                score: score.map(|score| specification.goal.upward(score[0])),
                descriptor: descriptor.unwrap_or_default().concat(),
            })
        })
        .collect()
}

/// Means over seeds of the numbers at `path`; `None` when a trial was given up.
fn means(
    store: &Store,
    setting: &PlannedSetting,
    outcomes: &[TrialOutcome],
    key: &str,
    path: &str,
) -> Result<Option<Vec<f64>>, TelosError> {
    let mut totals = Vec::new();
    for (id, outcome) in setting.trials.iter().zip(outcomes) {
        let TrialOutcome::Done(result) = outcome else { return Ok(None) };
        let numbers = measure::numbers(result, path).ok_or_else(|| {
            let reason =
                format!("has no finite number at `{path}`, the `{key}` of the sweep; choose another");
            TelosError::run(&store.result_path(id), reason)
        })?;
        totals.resize(numbers.len(), 0.0);
        totals.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
    }
    Ok(Some(totals.into_iter().map(|total| total / outcomes.len() as f64).collect()))
}
