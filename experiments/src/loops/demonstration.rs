//! Episodes of an expert: what a task looks like when it is done well, before anything is learned.

use telos_agents::{
    ActMode, AgentError, Policy,
    planner::{Icem, IcemConfig},
};
use telos_envs::{EnvSpec, episode_seed, experts::Expert, registry};

use super::evaluation::{Episode, Evaluation, EvaluationPlan, evaluate};
use crate::TelosError;

/// Plays the episodes of `plan` with the scripted expert of the task; `None` where it has none.
///
/// # Errors
/// When the environment does not exist.
pub fn play_scripted(plan: EvaluationPlan<'_>) -> Result<Option<Evaluation>, TelosError> {
    let env = plan.env.make()?;
    let Some(expert) = registry::expert(&plan.env.id) else { return Ok(None) };
    evaluate(plan, &mut Scripted::new(expert, env.spec()), None).map(Some)
}

/// An expert as a policy.
pub struct Scripted {
    expert: Box<dyn Expert>,
    /// Components of an observation.
    size: usize,
}

impl Scripted {
    /// The expert of a task with this spec.
    pub fn new(expert: Box<dyn Expert>, spec: &EnvSpec) -> Self {
        Self { expert, size: spec.observation.size() }
    }
}

impl Policy for Scripted {
    fn act(&mut self, obs: &[f32], rows: usize, _: ActMode, actions: &mut [f32]) -> Result<(), AgentError> {
        let width = actions.len() / rows;
        for (obs, action) in obs.chunks_exact(self.size).zip(actions.chunks_exact_mut(width)) {
            self.expert.act(obs, action);
        }
        Ok(())
    }
}

/// Plays the episodes of `plan` with the planner, one after the other, on the threads of the plan and
/// with its seed; calls `watch` with the return after each.
///
/// # Errors
/// When the environment does not exist or the planner's configuration makes no sense.
pub fn play_planned(
    plan: EvaluationPlan<'_>,
    config: &IcemConfig,
    mut watch: impl FnMut(f64),
) -> Result<Evaluation, TelosError> {
    let make = || plan.env.make();
    let mut env = make()?;
    let mut planner = Icem::new(config, plan.threads, plan.seed, make)?;
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut action = vec![0.0; env.spec().action.size()];
    let mut episodes = Vec::new();
    for index in 0..plan.episodes {
        env.reset(episode_seed(plan.seed, index as u64, 0), &mut obs);
        planner.reset();
        let (mut gold, mut length) = (0.0, 0);
        let (mut success_once, mut peak_reward) = (false, f32::NEG_INFINITY);
        let last = loop {
            planner.act(env.as_ref(), &mut action)?;
            let transition = env.step(&action, &mut obs);
            gold += f64::from(transition.reward);
            length += 1;
            success_once |= env.success() == Some(true);
            peak_reward = peak_reward.max(transition.reward);
            if transition.terminated || transition.truncated {
                break transition;
            }
        };
        watch(gold);
        let (success, fault) = (env.success(), last.fault);
        episodes.push(Episode { gold, length, success, success_once, peak_reward, fault });
    }
    Ok(Evaluation::of(&episodes))
}
