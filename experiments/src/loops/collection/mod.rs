//! Datasets from policies: rollouts, written as they come.

mod play;
mod recorder;
mod reference;
mod tiers;
mod training;

use std::path::Path;

use telos_agents::{ActMode, Policy};
use telos_envs::{
    UntilSuccess, VecEnv,
    dataset::{Dataset, DatasetInfo, DatasetWriter, ReferenceScores},
};

use self::recorder::Recorder;
use crate::{TelosError, config::EnvConfig};

pub use play::{Play, PlayConfig};
pub use reference::{Expert, measure};
pub use tiers::{Tier, TierPlan, collect_tiers};

/// Most environments that a collection steps side by side. Their number, unlike that of threads, is part of
/// the result.
const ENVIRONMENTS: u64 = 16;

/// What to collect.
#[derive(Clone, Copy, Debug)]
pub struct CollectionPlan<'a> {
    /// The environment; how many copies and threads it asks for does not matter here.
    pub env: &'a EnvConfig,
    /// Transitions, exactly.
    pub steps: u64,
    /// Seed of the initial states.
    pub seed: u64,
    /// Threads that step the environments; the data does not depend on it.
    pub threads: usize,
    /// How the policy chooses.
    pub mode: ActMode,
    /// Whether episodes are recorded up to their first success only, as demonstrations are.
    pub until_success: bool,
    /// Whether to record the actions that were [intended](Policy::intended) in place of those that were executed
    /// (Laskey et al. 2017, "DART: Noise Injection for Robust Imitation Learning", arXiv 1703.09327).
    pub intended: bool,
}

/// Records `plan.steps` transitions of `policy` as the dataset `path`, which appears when it is complete.
/// `origin` says what the policy is; `watch` is told the transitions so far.
///
/// # Errors
/// When the environment cannot be built, the policy does not fit it, or the dataset cannot be written.
pub fn collect(
    plan: CollectionPlan<'_>,
    policy: &mut dyn Policy,
    path: &Path,
    reference: Option<ReferenceScores>,
    origin: &str,
    watch: impl FnMut(u64),
) -> Result<Dataset, TelosError> {
    let info = describe(plan.env, reference, origin)?;
    if plan.until_success && !info.success {
        let reason = "which does not judge success; leave it out";
        return Err(TelosError::Usage(format!("--until-success: the task is `{}`, {reason}", plan.env.id)));
    }
    let mut writer = DatasetWriter::create(path, info)?;
    record(plan, policy, &mut writer, watch)?;
    Ok(writer.finish()?)
}

/// The description of data from this environment.
fn describe(
    env: &EnvConfig,
    reference: Option<ReferenceScores>,
    origin: &str,
) -> Result<DatasetInfo, TelosError> {
    let mut env = env.make()?;
    let mut obs = vec![0.0; env.spec().observation.size()];
    env.reset(0, &mut obs);
    let judged = env.success().is_some();
    Ok(DatasetInfo { reference, ..DatasetInfo::of(env.spec(), judged, origin) })
}

/// Records `plan.steps` transitions.
///
/// Every environment contributes the same number of steps, however long its episodes are, and its last
/// episode is cut there: to stop when enough episodes have ended would prefer short ones.
fn record(
    plan: CollectionPlan<'_>,
    policy: &mut dyn Policy,
    writer: &mut DatasetWriter,
    mut watch: impl FnMut(u64),
) -> Result<(), TelosError> {
    // Each contributes an episode of full length at least, or a small dataset would hold none.
    let horizon = plan.env.make()?.spec().horizon as u64;
    let n = (plan.steps / horizon).clamp(1, ENVIRONMENTS) as usize;
    let mut envs = VecEnv::new(n, plan.threads, plan.seed, |_| {
        let env = plan.env.make()?;
        Ok(if plan.until_success { Box::new(UntilSuccess::new(env)) } else { env })
    })?;
    let mut obs = envs.reset().obs.clone();
    let mut recorder = Recorder::new(envs.batch(), plan.seed, plan.steps);
    let mut actions = vec![0.0; n * envs.spec().action.size()];
    (0..n).for_each(|i| policy.episode_ended(i));
    while !recorder.is_full() {
        policy.act(&obs, n, plan.mode, &mut actions)?;
        let batch = envs.step(&actions);
        (0..n).filter(|&i| batch.done(i)).for_each(|i| policy.episode_ended(i));
        let recorded = policy.intended().filter(|_| plan.intended).unwrap_or(&actions);
        recorder.observe(recorded, batch, |episode, seed| writer.push_seeded(episode, seed))?;
        obs.copy_from_slice(&batch.obs);
        watch(recorder.recorded());
    }
    Ok(())
}
