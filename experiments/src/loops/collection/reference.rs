//! The two policies that returns are measured against.

use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_envs::{dataset::ReferenceScores, registry};

use crate::{
    TelosError,
    config::EnvConfig,
    loops::{EvaluationPlan, demonstration::Scripted, evaluate},
};

/// Keeps reference episodes apart from those of data.
const STREAM: u64 = 0x6a09_e667_f3bc_c909;

/// The policy that counts as 100.
pub struct Expert<'a> {
    /// What plays.
    pub policy: &'a mut dyn Policy,
    /// What it is, for people.
    pub name: String,
}

/// Mean returns of random actions and of an expert over `episodes` whole episodes each: the given one, else
/// the scripted one of the task. `None` where there is neither.
///
/// # Errors
/// When the environment cannot be built, or the expert does not fit it.
pub fn measure(
    env: &EnvConfig,
    expert: Option<Expert<'_>>,
    episodes: usize,
    seed: u64,
    threads: usize,
) -> Result<Option<ReferenceScores>, TelosError> {
    let spec = env.make()?.spec().clone();
    let plan = EvaluationPlan {
        env,
        episodes,
        seed: seed ^ STREAM,
        threads,
        mode: ActMode::Mode,
        last_observation: false,
        sentence: None,
    };
    let (expert, expert_policy) = match (expert, registry::expert(&env.id)) {
        (Some(Expert { policy, name }), _) => (evaluate(plan, policy, None)?, name),
        (None, Some(scripted)) => {
            let mut policy = Scripted::new(scripted, &spec);
            (evaluate(plan, &mut policy, None)?, "scripted".into())
        }
        (None, None) => return Ok(None),
    };
    let mut random = RandomPolicy::new(&spec, seed)?;
    let random = evaluate(EvaluationPlan { mode: ActMode::Sample, ..plan }, &mut random, None)?;
    Ok(Some(ReferenceScores { random: random.gold.mean, expert: expert.gold.mean, expert_policy, episodes }))
}
