//! Episodes of an expert: what a task looks like when it is done well, before anything is learned.

use telos_agents::planner::{Icem, IcemConfig};
use telos_envs::{episode_seed, registry};

use super::evaluation::{Episode, Evaluation};
use crate::TelosError;

/// Which episodes to plan.
#[derive(Clone, Copy, Debug)]
pub struct PlannedEpisodes<'a> {
    /// Environment id.
    pub env: &'a str,
    /// Number of episodes, one after the other.
    pub episodes: usize,
    /// Seed of the initial states, which are those of an evaluation with this seed, and of the planner.
    pub seed: u64,
    /// Threads that try plans out; results do not depend on it.
    pub threads: usize,
}

/// Plays episodes with the planner, and calls `watch` with the return after each.
///
/// # Errors
/// When the environment does not exist or the planner's configuration makes no sense.
pub fn play_planned(
    played: PlannedEpisodes<'_>,
    config: &IcemConfig,
    mut watch: impl FnMut(f64),
) -> Result<Evaluation, TelosError> {
    let make = || registry::make(played.env);
    let mut env = make()?;
    let mut planner = Icem::new(config, played.threads, played.seed, make)?;
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut action = vec![0.0; env.spec().action.size()];
    let mut episodes = Vec::new();
    for index in 0..played.episodes {
        env.reset(episode_seed(played.seed, index as u64, 0), &mut obs);
        planner.reset();
        let (mut gold, mut length) = (0.0, 0);
        let last = loop {
            planner.act(env.as_ref(), &mut action)?;
            let transition = env.step(&action, &mut obs);
            gold += f64::from(transition.reward);
            length += 1;
            if transition.terminated || transition.truncated {
                break transition;
            }
        };
        watch(gold);
        episodes.push(Episode { gold, length, success: env.success(), fault: last.fault });
    }
    Ok(Evaluation::of(&episodes))
}
