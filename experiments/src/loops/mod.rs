//! The loops that join environments, learners and rewards, and the runs made of them.

mod driver;
mod episodes;
mod evaluation;
mod means;
mod off_policy;
mod on_policy;
mod online;
mod preferences;
mod report;

use telos_agents::RandomPolicy;
use telos_envs::registry;

use crate::{
    Interrupt, Progress, RunDirectory, TelosError,
    config::{Config, LearnerKind, LoopKind},
};

use driver::{Drive, TrainingLoop, drive};
pub use evaluation::{Evaluation, EvaluationPlan, evaluate};
pub use report::{PreferenceReport, Report, SeedReport};

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All steps were taken.
    Finished(Report),
    /// Stopped on request, after a checkpoint; `--resume` goes on.
    Interrupted,
}

/// Trains one seed of `config` in `run`, and what it is to be compared with beside it.
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
    let gold = config.comparison.gold && config.loop_kind != LoopKind::Online;
    let (trained, gold_trained) = if gold {
        let config = config.on_gold_reward();
        let nested = run.nested("gold", &config)?;
        std::thread::scope(|scope| {
            let progress = progress.labelled("gold");
            let beside = scope.spawn(move || finish(&config, &nested, interrupt, &progress));
            let trained = finish(run.config(), run, interrupt, &progress);
            // A panic of either training is a panic of the command.
            let beside = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (trained, Some(beside))
        })
    } else {
        (finish(config, run, interrupt, progress), None)
    };
    todo!()
}
