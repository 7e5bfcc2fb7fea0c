//! `advance`: from the files to what is to be done next. It decides a generation once all trials of
//! the one before are done or given up, and the summary after the last. What it writes is a
//! function of what it reads, so it may be killed, repeated, or run by two coordinators at once.

use super::{
    attempt,
    generation::{Generation, PlannedSetting},
    launcher::Batch,
    measure,
    outcome::{TrialOutcome, evaluate, outcomes},
    sampler::{Evaluated, Proposal, Search},
    space::Setting,
    store::Store,
    summary::Summary,
    trial::{Parent, Trial},
};
use crate::{
    TelosError,
    config::{Config, LearnerKind, LoopKind},
};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// These trials have no result and are not given up.
    Run(Batch),
    /// Nothing: the summary is written.
    Finished,
}

/// Finds out what is next; `most_attempts` fruitless ones make a trial given up.
///
/// # Errors
/// When the program is another than the one that planned the sweep, a proposed setting is no valid
/// configuration, or a file cannot be read or written.
pub fn advance(store: &Store, most_attempts: usize) -> Result<Next, TelosError> {
    store.check_program()?;
    loop {
        let generations = store.generations()?;
        let mut history: Vec<Vec<Evaluated>> = Vec::new();
        let mut given_up = Vec::new();
        for (number, generation) in generations.iter().enumerate() {
            let found = outcomes(store, generation, generations.get(number + 1), most_attempts)?;
            let missing: Vec<usize> =
                (0..found.len()).filter(|index| found[*index] == TrialOutcome::Open).collect();
            if !missing.is_empty() {
                return Ok(Next::Run(Batch { generation: number, trials: found.len(), missing }));
            }
            history.push(evaluate(store, generation, &found)?);
            given_up = generation
                .trials()
                .zip(&found)
                .filter(|(_, outcome)| matches!(outcome, TrialOutcome::GivenUp(_)))
                .map(|(id, _)| id.to_owned())
                .collect();
        }
        let proposals = propose(store, &history)?;
        if proposals.is_empty() {
            Summary::of(store, most_attempts)?.write(store)?;
            return Ok(Next::Finished);
        }
        decide(store, &generations, given_up, proposals)?;
    }
}

fn propose(store: &Store, history: &[Vec<Evaluated>]) -> Result<Vec<Proposal>, TelosError> {
    let specification = store.specification();
    // Where a sampler sets the steps, they are no parameter, and the same in every setting.
    let steps = config(store, &specification.space.at(|_| 0.0), specification.seeds[0], None)?.steps;
    let sampler = &specification.sampler;
    let rewarding = specification.goal.upward(sampler.rewarding);
    Search { config: sampler, space: &specification.space, steps, rewarding, history }.propose()
}

/// Writes a generation: first its trials, then its index.
fn decide(
    store: &Store,
    before: &[Generation],
    given_up: Vec<String>,
    proposals: Vec<Proposal>,
) -> Result<(), TelosError> {
    let specification = store.specification();
    // Everything is checked before anything is written, also values that are only drawn later.
    if before.is_empty() {
        for setting in specification.space.extremes() {
            config(store, &setting, specification.seeds[0], None)?;
        }
    }
    let mut planned: Vec<(Trial, String)> = Vec::new();
    let mut settings = Vec::new();
    for proposal in proposals {
        let mut trials = Vec::new();
        let mut steps = 0;
        for (position, seed) in specification.seeds.iter().enumerate() {
            let config = config(store, &proposal.setting, *seed, proposal.steps)?;
            if before.is_empty() {
                check_config(store, &config)?;
            }
            let parent = match proposal.parent {
                None => None,
                Some(ancestor) => {
                    let trial =
                        before[ancestor.generation].settings[ancestor.setting].trials[position].clone();
                    Some(Parent { checkpoint: attempt::last_checkpoint(store, &trial)?, trial })
                }
            };
            steps = config.steps;
            let text = config.to_toml();
            let id = Trial::identify(store.program(), &text, parent.as_ref());
            trials.push(id.clone());
            planned
                .push((Trial { id, values: proposal.setting.0.clone(), seed: *seed, steps, parent }, text));
        }
        settings.push(PlannedSetting { values: proposal.setting.0, steps, parent: proposal.parent, trials });
    }
    for (trial, config) in &planned {
        store.add_trial(trial, config)?;
    }
    store.add_generation(&Generation { generation: before.len(), given_up, settings })
}

/// The configuration of a setting with one seed.
fn config(store: &Store, setting: &Setting, seed: u64, steps: Option<u64>) -> Result<Config, TelosError> {
    let specification = store.specification();
    let mut overrides = specification.set.clone();
    overrides.extend(setting.overrides(&specification.space));
    overrides.extend(steps.map(|steps| format!("steps={steps}")));
    // One trial, one seed: the sweep's seeds take the place of those of the base.
    overrides.extend(["seeds=[]".to_owned(), format!("seed={seed}")]);
    let mut config =
        Config::parse(store.path().join("base.toml"), store.base(), &overrides).map_err(|error| {
            TelosError::run(&store.path().join("sweep.toml"), format!("with {setting}: {error}"))
        })?;
    // No result depends on it, and it is the launcher's to choose.
    config.env.threads = 0;
    Ok(config)
}

/// What can be known to be wrong with the trials before any of them runs.
fn check_config(store: &Store, config: &Config) -> Result<(), TelosError> {
    let (specification, file) = (store.specification(), store.path().join("sweep.toml"));
    measure::check(&file, "metric", &specification.metric, config)?;
    let single = !specification.sampler.cells.is_empty();
    for path in &specification.sampler.descriptor {
        measure::check_numbers(&file, "sampler.descriptor", path, config, single)?;
    }
    if !specification.sampler.inherits() {
        return Ok(());
    }
    let base = store.path().join("base.toml");
    if config.comparison.gold && config.loop_kind != LoopKind::Online {
        let reason = "comparison.gold = true is in conflict with the sampler: the run beside the trial has no \
                      checkpoint to go on from; set it to false";
        return Err(TelosError::run(&base, reason));
    }
    if config.learner == LearnerKind::Ppo && config.ppo.anneal_lr {
        let reason = "ppo.anneal_lr = true is in conflict with the sampler: the step size would fall to 0 at \
                      the end of every generation; set it to false";
        return Err(TelosError::run(&base, reason));
    }
    Ok(())
}
