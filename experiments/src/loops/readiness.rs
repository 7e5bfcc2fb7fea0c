//! Whether what a configuration names outside itself is there and fits: asked before a run directory is made.

use std::path::Path;

use telos_nn::Device;
use telos_rewards::feedback::FeedbackLedger;

use super::{
    construction::{begin_with_run, fine_tune},
    labels::Labels,
    learners::offline_learner,
    likelihood,
    on_policy_preferences::OnPolicyPreferenceLoop,
    recorded,
    sentence::SentenceTask,
};
use crate::{
    TelosError,
    config::{Config, LabelKind, LoopKind},
    device::DeviceChoice,
};

/// Whether recorded data, runs and ledgers that `config` names can be read and are of its task, its sentence and
/// model go together, and the device can be opened. Nothing is trained and nothing is written.
///
/// # Errors
/// The first of these that is wrong.
pub fn check(config: &Config, choice: DeviceChoice) -> Result<(), TelosError> {
    let device = choice.open()?;
    SentenceTask::check(config, &device)?;
    let spec = config.env.make()?.spec().clone();
    match config.loop_kind {
        LoopKind::Online => Ok(()),
        LoopKind::Preferences => ledger(config).and_then(|()| prior(config, choice, &device)),
        LoopKind::Offline | LoopKind::OfflineToOnline => {
            offline_learner(config, &spec, &device)?;
            let dataset = recorded::open("data.path", &config.data.path, &spec)?;
            if config.data.labels == LabelKind::Preferences {
                ledger(config)?;
            }
            Labels::new(config, &spec, Some(&dataset), None, &device).map(drop)
        }
        LoopKind::Likelihood => likelihood::demonstrations(&config.likelihood, &spec).map(drop),
        LoopKind::Imitation => {
            let recorded_in = config.env.without_pixels().make()?;
            recorded::open("data.path", &config.data.path, recorded_in.spec()).map(drop)
        }
        LoopKind::FineTune => fine_tune(config, choice, &device).map(drop),
    }
}

/// The answers of an earlier run.
fn ledger(config: &Config) -> Result<(), TelosError> {
    let Some(path) = &config.preferences.ledger else { return Ok(()) };
    let env = config.env.make()?;
    let spec = env.spec();
    FeedbackLedger::read(Path::new(path), &spec.id, spec.observation.size(), spec.action.size())?;
    Ok(())
}

/// The policy of another run that this one begins with.
fn prior(config: &Config, choice: DeviceChoice, device: &Device) -> Result<(), TelosError> {
    let Some(run) = config.preferences.prior_run() else { return Ok(()) };
    let mut training = OnPolicyPreferenceLoop::new(config, None, device)?;
    begin_with_run(&mut training, Path::new(run), config, choice)
}
