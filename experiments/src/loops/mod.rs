//! The loops that join environments, learners and rewards, and the runs made of them.

pub mod collection;
mod construction;
mod data_parallel;
mod demonstration;
mod driver;
mod episodes;
mod evaluation;
mod film;
mod fine_tune;
mod fine_tuning;
mod greedy;
mod imitation;
mod known_reward;
mod labels;
mod learned_reward;
mod learners;
mod likelihood;
mod means;
mod off_policy;
mod offline_to_online;
mod on_policy;
mod on_policy_preferences;
mod online;
mod preferences;
mod readiness;
mod recorded;
mod recorded_pictures;
mod report;
mod reward_learning;
mod run_policy;
mod sentence;
mod success_learning;

use std::{
    ops::Range,
    path::Path,
    time::{Duration, Instant},
};

use telos_agents::{ActMode, Policy, RandomPolicy, collective::Collective, generative::Steering};
use telos_nn::{Parameters, weights};

use crate::{
    Interrupt, Progress, RunDirectory, TelosError,
    config::{Config, LoopKind},
    device::DeviceChoice,
    video::Recorder,
};

use construction::build;
use data_parallel::DataParallelLoop;
use driver::{Drive, TrainingLoop, drive};
use greedy::Greedy;

pub use demonstration::{Scripted, play_planned, play_scripted};
pub use evaluation::{Evaluation, EvaluationPlan, evaluate};
pub use film::film;
pub use fine_tuning::{FineTuningReport, ScoreKind};
pub use readiness::check;
pub use report::{PreferenceReport, Report, SeedReport};
pub use run_policy::RunPolicy;
pub use sentence::SentenceTask;

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All steps were taken.
    Finished(Box<Report>),
    /// Stopped on request, after a checkpoint; `--resume` goes on.
    Interrupted,
}

/// Trains one seed of `config` in `run`, with what it is to be compared with beside it, and writes
/// `result.json` and the weights.
///
/// # Errors
/// When an environment or learner cannot be built, a file cannot be written, or a checkpoint does
/// not fit.
pub fn train(
    config: &Config,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<Outcome, TelosError> {
    let wants_gold = config.comparison.gold && config.loop_kind == LoopKind::Preferences;
    let (trained, gold_trained) = if wants_gold {
        let gold_config = config.on_gold_reward();
        let gold_run = run.nested("gold", &gold_config)?;
        std::thread::scope(|scope| {
            let label = progress.labelled("gold reward:");
            let beside = scope.spawn(move || train_one(&gold_config, &gold_run, interrupt, &label));
            let trained = train_one(config, run, interrupt, &progress.labelled("preferences:"));
            if trained.is_err() {
                interrupt.request();
            }
            // A panic of either training is a panic of the command.
            let beside = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (trained, Some(beside))
        })
    } else {
        (train_one(config, run, interrupt, progress), None)
    };
    let Some(trained) = trained? else { return Ok(Outcome::Interrupted) };
    let gold_trained = match gold_trained {
        None => None,
        Some(result) => match result? {
            Some(gold) => Some(gold.evaluation),
            None => return Ok(Outcome::Interrupted),
        },
    };
    report(config, run, trained, gold_trained)
}

/// As [`train`], with this process as rank 0 of `ranks`, the others of which [`follow`].
///
/// # Errors
/// As [`train`], and when a rank is lost.
pub fn lead(
    config: &Config,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
    ranks: &mut dyn Collective,
) -> Result<Outcome, TelosError> {
    match train_leading(config, run, interrupt, progress, Box::new(ranks))? {
        Some(trained) => report(config, run, trained, None),
        None => Ok(Outcome::Interrupted),
    }
}

/// Trains with this process as a rank other than 0, until the leader says that the training is over.
///
/// # Errors
/// When another rank is lost, or this one fails.
pub fn follow(config: &Config, device: DeviceChoice, ranks: &mut dyn Collective) -> Result<(), TelosError> {
    data_parallel::follow(config, &device.open()?, ranks)
}

/// Writes `result.json`.
fn report(
    config: &Config,
    run: &RunDirectory,
    Trained { evaluation: trained, preferences, fine_tuning }: Trained,
    gold_trained: Option<Evaluation>,
) -> Result<Outcome, TelosError> {
    let random = if config.comparison.random { Some(evaluate_random(config)?) } else { None };
    let report = Report::of_seed(
        config,
        SeedReport { seed: config.seed, trained, preferences, fine_tuning, gold_trained, random },
    );
    run.write_result(&report)?;
    Ok(Outcome::Finished(Box::new(report)))
}

/// Evaluates the policy of a run at its latest checkpoint.
///
/// # Errors
/// When the run has no intact checkpoint or its environment cannot be built.
pub fn evaluate_run(run: &RunDirectory, plan: EvaluationPlan<'_>) -> Result<Evaluation, TelosError> {
    let mut training = build(run.config(), run.manifest().device, None)?;
    run.read_latest(training.as_mut())?;
    let sentence = training.sentence();
    let plan = EvaluationPlan { sentence: sentence.as_ref(), ..plan };
    let (policy, model) = training.policy_and_reward_model();
    evaluate(plan, policy, model)
}

/// Evaluates, in place of a run's policy, the best of `candidates` random actions by the reward that the run
/// has learned.
///
/// # Errors
/// As [`evaluate_run`], and when the run has learned no reward.
pub fn evaluate_greedily(
    run: &RunDirectory,
    plan: EvaluationPlan<'_>,
    candidates: usize,
) -> Result<Evaluation, TelosError> {
    let mut training = build(run.config(), run.manifest().device, None)?;
    run.read_latest(training.as_mut())?;
    let Some(model) = training.policy_and_reward_model().1 else {
        let reason = "has learned no reward, so that no action is better than another; leave out --greedy";
        return Err(TelosError::run(run.path(), reason));
    };
    let space = run.config().env.make()?.spec().action.clone();
    evaluate(plan, &mut Greedy::new(model, space, candidates, plan.seed), Some(model))
}

/// Evaluates the policy of a fine-tuning as its critic steers it.
///
/// # Errors
/// As [`evaluate_run`], and when the run has no critic or the steering makes no sense.
pub fn evaluate_steered(
    run: &RunDirectory,
    plan: EvaluationPlan<'_>,
    steering: Steering,
) -> Result<Evaluation, TelosError> {
    let mut training = build(run.config(), run.manifest().device, None)?;
    run.read_latest(training.as_mut())?;
    let sentence = training.sentence();
    let plan = EvaluationPlan { sentence: sentence.as_ref(), ..plan };
    let Some(tuner) = training.tuner() else {
        let reason = "is no fine-tuning (loop = \"fine-tune\"), so that it has no critic; leave out --steer";
        return Err(TelosError::run(run.path(), reason));
    };
    evaluate(plan, &mut tuner.steered(steering)?, None)
}

/// Hands the policy of a run at its latest checkpoint to `use_it`.
///
/// # Errors
/// As [`evaluate_run`], and whatever `use_it` finds.
pub fn with_policy<R>(
    run: &RunDirectory,
    use_it: impl FnOnce(&mut dyn Policy) -> Result<R, TelosError>,
) -> Result<R, TelosError> {
    let mut training = build(run.config(), run.manifest().device, None)?;
    run.read_latest(training.as_mut())?;
    use_it(training.policy_and_reward_model().0)
}

/// Films the first episode of an evaluation of a run's policy, at its latest checkpoint.
///
/// # Errors
/// As [`evaluate_run`], and when the film cannot be drawn or written.
pub fn film_run(run: &RunDirectory, plan: EvaluationPlan<'_>, path: &Path) -> Result<(), TelosError> {
    record_run(run, plan, |dt| Recorder::create(path, dt))?.finish()
}

/// A small GIF of the first seconds of what [`film_run`] films, as the bytes of a file.
///
/// # Errors
/// As [`film_run`].
pub fn preview_run(run: &RunDirectory, plan: EvaluationPlan<'_>) -> Result<Vec<u8>, TelosError> {
    record_run(run, plan, Recorder::preview)?.into_bytes()
}

fn record_run(
    run: &RunDirectory,
    plan: EvaluationPlan<'_>,
    recorder: impl FnOnce(f32) -> Result<Recorder, TelosError>,
) -> Result<Recorder, TelosError> {
    let mut env = plan.env.make()?;
    let mut recorder = recorder(env.spec().dt)?;
    let mut training = build(run.config(), run.manifest().device, None)?;
    run.read_latest(training.as_mut())?;
    let (policy, _) = training.policy_and_reward_model();
    film(plan, env.as_mut(), policy, &mut recorder)?;
    Ok(recorder)
}

/// What one loop ended with.
struct Trained {
    evaluation: Evaluation,
    preferences: Option<PreferenceReport>,
    fine_tuning: Option<FineTuningReport>,
}

/// Trains one learner to its end; `None` when it was interrupted.
fn train_one(
    config: &Config,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<Option<Trained>, TelosError> {
    if config.parallel.ranks > 1 {
        let lead = |ranks| train_leading(config, run, interrupt, progress, ranks);
        return data_parallel::in_threads(config, &run.manifest().device.open()?, lead);
    }
    let mut training = build(config, run.manifest().device, Some(&run.feedback()))?;
    finish(training.as_mut(), config, run, interrupt, progress)
}

/// [`train_one`] as rank 0 of `ranks`.
fn train_leading(
    config: &Config,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
    ranks: Box<dyn Collective + '_>,
) -> Result<Option<Trained>, TelosError> {
    let mut training = DataParallelLoop::new(config, &run.manifest().device.open()?, ranks)?;
    let trained = finish(&mut training, config, run, interrupt, progress)?;
    training.stop()?;
    Ok(trained)
}

/// Drives one loop to its end and writes the weights; `None` when it was interrupted.
fn finish(
    training: &mut dyn TrainingLoop,
    config: &Config,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<Option<Trained>, TelosError> {
    let Drive::Finished(evaluation) = drive(training, config, run, interrupt, progress)? else {
        return Ok(None);
    };
    let modules: Vec<&dyn Parameters> = training.weights();
    weights::save_safetensors(&run.path().join("weights.safetensors"), modules.as_slice())?;
    if config.reward.sentence.is_some() {
        // Whoever trains by a sentence wants to see what came of it.
        let mut env = config.env.make()?;
        let mut recorder = Recorder::create(&run.videos()?.join("final.mp4"), env.spec().dt)?;
        let (policy, _) = training.policy_and_reward_model();
        film(EvaluationPlan::of(config), env.as_mut(), policy, &mut recorder)?;
        recorder.finish()?;
    }
    Ok(Some(Trained {
        evaluation,
        preferences: training.preference_report()?,
        fine_tuning: training.fine_tuning_report(),
    }))
}

/// How long a training of `config` takes to get from the first to the second of these steps, without
/// evaluations and checkpoints. Answers are kept at `feedback`.
///
/// # Errors
/// When the training cannot be built or goes wrong.
pub(crate) fn time_steps(
    config: &Config,
    feedback: &Path,
    steps: Range<u64>,
) -> Result<Duration, TelosError> {
    let mut training = build(config, DeviceChoice::Cpu, Some(feedback))?;
    while training.step() < steps.start {
        training.advance()?;
    }
    let start = Instant::now();
    while training.step() < steps.end {
        training.advance()?;
    }
    Ok(start.elapsed())
}

fn evaluate_random(config: &Config) -> Result<Evaluation, TelosError> {
    let spec = config.env.make()?.spec().clone();
    let mut policy = RandomPolicy::new(&spec, config.seed)?;
    evaluate(EvaluationPlan { mode: ActMode::Sample, ..EvaluationPlan::of(config) }, &mut policy, None)
}
