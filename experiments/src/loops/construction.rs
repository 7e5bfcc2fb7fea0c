//! Training loops as configurations name them.

use std::path::Path;

use telos_agents::collective::Alone;
use telos_nn::Device;

use super::{
    data_parallel::DataParallelLoop, driver::TrainingLoop, fine_tune::FineTune, imitation::Imitation,
    likelihood::LikelihoodLoop, offline_to_online::OfflineToOnline, on_policy::OnPolicyLoop,
    on_policy_preferences::OnPolicyPreferenceLoop, online, preferences::PreferenceLoop,
};
use crate::{
    RunDirectory, TelosError,
    config::{Config, LearnerKind, LoopKind},
    device::DeviceChoice,
};

/// The loop of `config` before its first step. Answers are kept at `feedback`; without it, the loop is only there to
/// read a checkpoint.
pub(super) fn build(
    config: &Config,
    device: DeviceChoice,
    feedback: Option<&Path>,
) -> Result<Box<dyn TrainingLoop>, TelosError> {
    let (choice, device) = (device, device.open()?);
    Ok(match (config.loop_kind, config.learner) {
        (LoopKind::Online, LearnerKind::Sac) => online::off_policy(config, &device)?,
        // To act and be evaluated; who trains it knows its ranks.
        (LoopKind::Online, LearnerKind::Ppo) if config.parallel.ranks > 1 => {
            Box::new(DataParallelLoop::new(config, &device, Box::new(Alone::default()))?)
        }
        (LoopKind::Online, LearnerKind::Ppo) => Box::new(OnPolicyLoop::new(config, &device)?),
        (LoopKind::Preferences, LearnerKind::Sac) => {
            Box::new(PreferenceLoop::new(config, feedback, &device)?)
        }
        (LoopKind::Likelihood, LearnerKind::Sac) => Box::new(LikelihoodLoop::new(config, &device)?),
        (LoopKind::Offline | LoopKind::OfflineToOnline, _) => {
            Box::new(OfflineToOnline::new(config, feedback, &device)?)
        }
        // A loop that is only built to read a checkpoint finds its policy there.
        (LoopKind::FineTune, _) if feedback.is_none() => Box::new(FineTune::new(config, false, &device)?),
        (LoopKind::FineTune, _) => Box::new(fine_tune(config, choice, &device)?),
        (LoopKind::Imitation, _) => Box::new(Imitation::new(config, feedback.is_some(), &device)?),
        (LoopKind::Preferences, LearnerKind::Ppo) => {
            let mut training = OnPolicyPreferenceLoop::new(config, feedback, &device)?;
            // A loop that is only built to read a checkpoint finds its prior there.
            if let (Some(run), Some(_)) = (config.preferences.prior_run(), feedback) {
                begin_with_run(&mut training, Path::new(run), config, choice)?;
            }
            Box::new(training)
        }
        (LoopKind::Online | LoopKind::Preferences | LoopKind::Likelihood, learner) => {
            return Err(TelosError::Usage(format!(
                "learner = \"{}\" needs another loop: \"offline\", \"offline-to-online\" or \"imitation\"",
                learner.name()
            )));
        }
    })
}

/// Fine-tuning before its first step, with the policy of its base run.
pub(super) fn fine_tune(
    config: &Config,
    choice: DeviceChoice,
    device: &Device,
) -> Result<FineTune, TelosError> {
    let mut training = FineTune::new(config, true, device)?;
    training.begin(choice)?;
    Ok(training)
}

/// Makes the policy of `run`, at its latest checkpoint, the first policy of `training` and its prior.
pub(super) fn begin_with_run(
    training: &mut OnPolicyPreferenceLoop,
    run: &Path,
    config: &Config,
    device: DeviceChoice,
) -> Result<(), TelosError> {
    let prior = RunDirectory::open(run)?;
    if prior.config().ppo != config.ppo || prior.config().env.id != config.env.id {
        let reason = "cannot be the prior of this run: both need the same `env.id` and the same [ppo]";
        return Err(TelosError::run(run, reason));
    }
    let mut trained = build(prior.config(), device, None)?;
    prior.read_latest(trained.as_mut())?;
    match trained.ppo() {
        Some(policy) => training.begin_with(policy),
        None => Err(TelosError::run(run, "cannot be a prior: its learner is not \"ppo\"")),
    }
}
