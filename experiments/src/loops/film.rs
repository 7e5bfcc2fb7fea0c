//! A film of one episode.

use telos_agents::Policy;
use telos_envs::{Env, episode_seed};

use super::EvaluationPlan;
use crate::{TelosError, video::Recorder};

/// Plays the first episode of an evaluation in `env` and films it to its end.
///
/// # Errors
/// When the policy does not fit the environment, or the film cannot be drawn.
pub fn film(
    plan: EvaluationPlan<'_>,
    env: &mut dyn Env,
    policy: &mut dyn Policy,
    recorder: &mut Recorder,
) -> Result<(), TelosError> {
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut action = vec![0.0; env.spec().action.size()];
    env.reset(episode_seed(plan.seed, 0, 0), &mut obs);
    policy.episode_ended(0);
    recorder.record(env)?;
    loop {
        policy.act(&obs, 1, plan.mode, &mut action)?;
        let transition = env.step(&action, &mut obs);
        recorder.record(env)?;
        if transition.terminated || transition.truncated {
            return Ok(());
        }
    }
}
