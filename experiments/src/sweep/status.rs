//! `status`: how far a sweep is, from its files alone, so that it answers when the scheduler is
//! down, on another machine, and on a store that it may not write.

use serde::Serialize;

use super::{
    attempt::{End, attempts},
    outcome::{TrialOutcome, outcomes},
    store::Store,
};
use crate::TelosError;

/// How far a sweep is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Whether `summary.json` is there.
    pub finished: bool,
    /// Every generation that was decided.
    pub generations: Vec<GenerationStatus>,
    /// Trials that are not tried again, with the reason.
    pub given_up: Vec<Trouble>,
    /// Trials of which some attempt ended with another result than the one that counts.
    pub differing: Vec<String>,
    /// Open trials of which the last attempt met a refusal of its machine.
    pub refused: Vec<Trouble>,
}

/// Numbers of trials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GenerationStatus {
    /// All.
    pub trials: usize,
    /// With a result.
    pub done: usize,
    /// Not tried again.
    pub given_up: usize,
    /// Without a result, and begun: by a process that runs, or that was killed.
    pub begun: usize,
    /// Never tried.
    pub waiting: usize,
    /// Attempts of all trials.
    pub attempts: usize,
}

/// A trial and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Its id.
    pub trial: String,
    /// The message.
    pub reason: String,
}

impl Status {
    /// Reads everything.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of(store: &Store, most_attempts: usize) -> Result<Self, TelosError> {
        let all = store.generations()?;
        let mut status = Self {
            finished: store.path().join("summary.json").exists(),
            generations: Vec::new(),
            given_up: Vec::new(),
            differing: Vec::new(),
            refused: Vec::new(),
        };
        for (number, generation) in all.iter().enumerate() {
            let found = outcomes(store, generation, all.get(number + 1), most_attempts)?;
            let mut count = GenerationStatus {
                trials: found.len(),
                done: 0,
                given_up: 0,
                begun: 0,
                waiting: 0,
                attempts: 0,
            };
            for (id, outcome) in generation.trials().zip(found) {
                let attempts = attempts(store, id)?;
                count.attempts += attempts.len();
                let trouble = |reason: String| Trouble { trial: id.to_owned(), reason };
                match outcome {
                    TrialOutcome::Done(_) => count.done += 1,
                    TrialOutcome::GivenUp(reason) => {
                        count.given_up += 1;
                        status.given_up.push(trouble(reason));
                    }
                    TrialOutcome::Open if attempts.is_empty() => count.waiting += 1,
                    TrialOutcome::Open => {
                        count.begun += 1;
                        if let Some(End::Refused { error }) =
                            attempts.last().and_then(|last| last.end.clone())
                        {
                            status.refused.push(trouble(error));
                        }
                    }
                }
                if attempts.iter().any(|attempt| attempt.end == Some(End::Differs)) {
                    status.differing.push(id.to_owned());
                }
            }
            status.generations.push(count);
        }
        Ok(status)
    }
}
