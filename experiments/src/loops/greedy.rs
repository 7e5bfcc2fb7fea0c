//! Acting by a learned reward itself, without the policy that was trained on it: an advantage that was
//! learned from regret preferences is a policy already (Knox et al. 2023, arXiv 2310.02456).

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{ActMode, AgentError, Policy};
use telos_envs::BoxSpace;
use telos_rewards::reward_model::{RewardModel, greedy_actions};

/// Takes the best of some uniformly drawn actions.
pub(super) struct Greedy<'a> {
    model: &'a dyn RewardModel,
    space: BoxSpace,
    candidates: usize,
    rng: Xoshiro256PlusPlus,
}

impl<'a> Greedy<'a> {
    pub(super) fn new(model: &'a dyn RewardModel, space: BoxSpace, candidates: usize, seed: u64) -> Self {
        Self { model, space, candidates, rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }
}

impl Policy for Greedy<'_> {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        _mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        let Self { model, space, candidates, rng } = self;
        greedy_actions(*model, space, obs, rows, *candidates, rng, actions)
            .map_err(|error| AgentError::Reward(error.to_string()))
    }
}
