//! What run directories say about their trainings, read without changing or locking anything.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    RunDirectory, TelosError,
    config::Config,
    loops::{Evaluation, FineTuningReport, PreferenceReport, Report},
    metrics_log::MetricsLog,
    sweep::{
        Store,
        attempt::{Attempt, End, attempts},
        outcome::{TrialOutcome, outcomes},
    },
};

/// One training: one policy with one seed. It may be still going on.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// How to call it: the path as given, with the directories below it.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// Its configuration.
    pub config: Config,
    /// Version of telos that trained it.
    pub telos: String,
    /// What it recorded.
    pub metrics: MetricsLog,
    /// When it recorded it, since the last resume.
    pub timing: MetricsLog,
    /// Its final evaluation, once it has finished.
    pub evaluation: Option<Evaluation>,
    /// What its reward model learned from, once it has finished.
    pub preferences: Option<PreferenceReport>,
    /// What going online did to its policy, once it has finished.
    pub fine_tuning: Option<FineTuningReport>,
    /// Uniformly random actions, where they were evaluated for comparison.
    pub random: Option<Evaluation>,
    /// Why it is not gone on with, where its sweep has given it up.
    pub given_up: Option<String>,
}

/// The trainings below one path, and what is not there yet.
#[derive(Clone, Debug, Default)]
pub struct RunRecords {
    /// In the order of the configuration, each followed by what was trained for comparison with it.
    pub records: Vec<RunRecord>,
    /// Names of the seeds and trials that have not begun.
    pub missing: Vec<String>,
    /// Trials that were given up without leaving anything to read: name and reason.
    pub given_up: Vec<(String, String)>,
}

impl RunRecords {
    /// Reads the run directory at `path`: one training, or one for each of its seeds, and those on
    /// the gold reward beside them. Of a sweep directory, reads every trial that was decided.
    ///
    /// # Errors
    /// When `path` is neither, or one of another version, or a file in it is damaged.
    pub fn read(path: &Path) -> Result<Self, TelosError> {
        let name = path.display().to_string();
        if path.join("store.json").exists() {
            return Self::read_sweep(path, &name);
        }
        let run = RunDirectory::open(path)?;
        let mut found = Self::default();
        if run.config().seeds.is_empty() {
            found.add(path, name)?;
            return Ok(found);
        }
        for seed in &run.config().seeds {
            let (path, name) = (path.join(format!("seed-{seed}")), format!("{name}/seed-{seed}"));
            if path.join("manifest.json").exists() {
                found.add(&path, name)?;
            } else {
                found.missing.push(name);
            }
        }
        Ok(found)
    }

    fn read_sweep(path: &Path, name: &str) -> Result<Self, TelosError> {
        let store = Store::open(path)?;
        let mut found = Self::default();
        let mut known = BTreeSet::new();
        let (generations, most) = (store.generations()?, store.specification().attempts);
        for (number, generation) in generations.iter().enumerate() {
            let outcomes = outcomes(&store, generation, generations.get(number + 1), most)?;
            for (id, outcome) in generation.trials().zip(outcomes) {
                // Settings of several generations may share a trial.
                if !known.insert(id.to_owned()) {
                    continue;
                }
                let name = format!("{name}/trials/{id}");
                match (furthest(attempts(&store, id)?), outcome) {
                    (Some(attempt), outcome) => {
                        let first = found.records.len();
                        found.add(&attempt.path, name)?;
                        if let TrialOutcome::GivenUp(reason) = outcome {
                            found.records[first..]
                                .iter_mut()
                                .for_each(|one| one.given_up = Some(reason.clone()));
                        }
                    }
                    (None, TrialOutcome::GivenUp(reason)) => found.given_up.push((name, reason)),
                    (None, _) => found.missing.push(name),
                }
            }
        }
        Ok(found)
    }

    fn add(&mut self, path: &Path, name: String) -> Result<(), TelosError> {
        let (mut trained, mut gold_trained) = (RunRecord::read(path, name.clone())?, None);
        let gold = path.join("gold");
        if gold.join("manifest.json").exists() {
            gold_trained = Some(RunRecord::read(&gold, format!("{name}/gold"))?);
        }
        if let Some(report) = read_result(path)?.and_then(|report| report.seeds.into_iter().next()) {
            trained.evaluation = Some(report.trained);
            trained.preferences = report.preferences;
            trained.fine_tuning = report.fine_tuning;
            if let Some(gold_trained) = &mut gold_trained {
                gold_trained.evaluation = report.gold_trained;
                gold_trained.random = report.random.clone();
            }
            trained.random = report.random;
        }
        self.records.push(trained);
        self.records.extend(gold_trained);
        Ok(())
    }
}

impl RunRecord {
    fn read(path: &Path, name: String) -> Result<Self, TelosError> {
        let run = RunDirectory::open(path)?;
        Ok(Self {
            name,
            path: path.to_owned(),
            config: run.config().clone(),
            telos: run.manifest().telos.clone(),
            metrics: MetricsLog::read(path)?,
            timing: MetricsLog::read_timing(path)?,
            evaluation: None,
            preferences: None,
            fine_tuning: None,
            random: None,
            given_up: None,
        })
    }

    /// Environment steps taken so far, as far as they were recorded.
    pub fn step(&self) -> u64 {
        self.metrics.last().map_or(0, |row| row.step)
    }

    /// Whether all steps were taken, and the result counts.
    pub fn is_finished(&self) -> bool {
        self.given_up.is_none() && self.step() >= self.config.steps
    }

    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        self.given_up.is_some() || self.is_finished()
    }
}

/// The attempt whose result counts, or else the latest that has something to read.
fn furthest(mut attempts: Vec<Attempt>) -> Option<Attempt> {
    attempts.retain(|attempt| attempt.path.join("manifest.json").exists());
    let done = attempts.iter().position(|attempt| attempt.end == Some(End::Done));
    match done {
        Some(index) => Some(attempts.swap_remove(index)),
        None => attempts.pop(),
    }
}

fn read_result(run: &Path) -> Result<Option<Report>, TelosError> {
    let path = run.join("result.json");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TelosError::io(&path, source)),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let reason = format!(
            "not a result of this telos: {error}; `telos train {} --resume` writes it anew",
            run.display()
        );
        TelosError::run(&path, reason)
    })
}
