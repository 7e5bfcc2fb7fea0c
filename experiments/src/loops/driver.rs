//! Drives a loop to its last step: evaluations, metrics, checkpoints and interrupts.

use std::{sync::Arc, time::Instant};

use telos_agents::{
    Policy, Ppo,
    generative::{ChunkActor, ChunkPolicy, Tuner},
};
use telos_checkpoint::Checkpoint;
use telos_nn::Parameters;
use telos_rewards::reward_model::RewardModel;

use super::{
    evaluation::{Evaluation, EvaluationPlan, evaluate},
    fine_tuning::FineTuningReport,
    report::PreferenceReport,
    sentence::SentenceTask,
};
use crate::{Interrupt, Progress, RunDirectory, TelosError, config::Config};

/// A training loop that can be stopped between any two steps.
pub(super) trait TrainingLoop: Checkpoint {
    /// Environment steps taken, all environments together.
    fn step(&self) -> u64;

    /// Takes the next environment steps and the updates that they pay for.
    fn advance(&mut self) -> Result<(), TelosError>;

    /// The policy, and the learned reward where there is one, for evaluation.
    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>);

    /// Mean return of the training episodes that ended since the last report.
    fn recent_return(&self) -> Option<f64>;

    /// Metrics since the last report, which they empty.
    fn drain_metrics(&mut self) -> Vec<(String, f64)>;

    /// Everything that was trained, for the weight file.
    fn weights(&self) -> Vec<&dyn Parameters>;

    /// The sentence that is its reward, where it is one.
    fn sentence(&self) -> Option<Arc<SentenceTask>> {
        None
    }

    /// Takes note of an evaluation of the policy as it is.
    fn observe_evaluation(&mut self, _found: &Evaluation) {}

    /// What going online did to a policy from recorded data; `None` for loops without both phases.
    fn fine_tuning_report(&self) -> Option<FineTuningReport> {
        None
    }

    /// The learner, where it is proximal policy optimisation and can be the prior of another training.
    fn ppo(&self) -> Option<&Ppo> {
        None
    }

    /// The policy, where it is a generative one and can be the base of a fine-tuning.
    fn generative(&self) -> Option<&ChunkActor<ChunkPolicy>> {
        None
    }

    /// The learner, where it fine-tunes a generative policy.
    fn tuner(&mut self) -> Option<&mut Tuner> {
        None
    }

    /// Brings what a checkpoint must hold to this process; called before each.
    ///
    /// # Errors
    /// When another process of the training is lost.
    fn gather_state(&mut self) -> Result<(), TelosError> {
        Ok(())
    }

    /// What was learned from preferences; `None` for loops without any.
    ///
    /// # Errors
    /// When the reward model cannot be evaluated.
    fn preference_report(&self) -> Result<Option<PreferenceReport>, TelosError> {
        Ok(None)
    }
}

/// How [`drive`] ended.
pub(super) enum Drive {
    /// All steps were taken; the last evaluation, or the best where the configuration asks for it.
    Finished(Evaluation),
    /// Stopped on request, after writing a checkpoint.
    Interrupted,
}

/// Restores `training` from the latest checkpoint of `run`, if there is one, and takes the
/// remaining steps.
///
/// The order at each boundary is fixed (evaluate, record, checkpoint), so an interruption changes
/// nothing but the set of checkpoint files.
pub(super) fn drive(
    training: &mut dyn TrainingLoop,
    config: &Config,
    run: &RunDirectory,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<Drive, TelosError> {
    let mut metrics = run.metrics()?;
    let restored = run.restore(training, &mut metrics)?;
    let mut stage = progress.stage(&config.env.id, config.steps, training.step());
    let (started, first) = (Instant::now(), training.step());
    let mut saved = restored;
    let mut evaluation = None;
    while training.step() < config.steps {
        if interrupt.is_requested() {
            if saved != Some(training.step()) {
                training.gather_state()?;
                run.save(training.step(), training, &metrics)?;
            }
            return Ok(Drive::Interrupted);
        }
        let before = training.step();
        training.advance()?;
        let step = training.step();
        let last = step >= config.steps;
        stage.update(step, training.recent_return());
        if last || crossed(before, step, config.evaluation.interval) {
            let found = assess(training, config)?;
            training.observe_evaluation(&found);
            let mut values = found.metrics();
            values.extend(training.drain_metrics());
            metrics.record(step, &values)?;
            if config.checkpoint.best {
                training.gather_state()?;
                run.save_if_best(found.trained_return().mean, step, training, &metrics)?;
            }
            let seconds = started.elapsed().as_secs_f64();
            metrics.record_timing(
                step,
                &[("seconds", seconds), ("steps_per_second", (step - first) as f64 / seconds)],
            )?;
            evaluation = Some(found);
        }
        if last || crossed(before, step, config.checkpoint.interval) {
            training.gather_state()?;
            run.save(step, training, &metrics)?;
            saved = Some(step);
        }
    }
    let other = config.checkpoint.best && run.restore_best(training)? != Some(config.steps);
    // A run that was killed after its last checkpoint has no evaluation in memory.
    let evaluation = match evaluation {
        Some(evaluation) if !other => evaluation,
        _ => assess(training, config)?,
    };
    Ok(Drive::Finished(evaluation))
}

fn assess(training: &mut dyn TrainingLoop, config: &Config) -> Result<Evaluation, TelosError> {
    let sentence = training.sentence();
    let plan = EvaluationPlan { sentence: sentence.as_ref(), ..EvaluationPlan::of(config) };
    let (policy, model) = training.policy_and_reward_model();
    evaluate(plan, policy, model)
}

/// Whether a multiple of `interval` lies in `(before, after]`; never for an interval of 0.
fn crossed(before: u64, after: u64, interval: u64) -> bool {
    interval > 0 && after / interval > before / interval
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_met_once_whatever_the_stride() {
        let met: Vec<u64> =
            (0..100).map(|k| k * 7).filter(|&b| crossed(b, b + 7, 50)).map(|b| b + 7).collect();
        assert_eq!(met, [56, 105, 154, 203, 252, 301, 350, 406, 455, 504, 553, 602, 651, 700]);
        assert!(!crossed(0, 1000, 0));
    }
}
