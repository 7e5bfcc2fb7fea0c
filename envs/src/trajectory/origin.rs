//! Where a segment comes from, so that it can be lived through again.

use serde::{Deserialize, Serialize};

use super::Segment;
use crate::{Env, episode_seed};

/// The beginning of an episode up to the end of a segment.
///
/// An environment is a deterministic function of its episode's seed and of the actions since, so this is
/// all that it takes to see the segment again: no state has to be kept while experience is collected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Place of the environment in its [`VecEnv`](crate::VecEnv), whose environments have seeds of their own.
    pub env: u64,
    /// Number of the episode, counted per environment.
    pub episode: u64,
    /// The segment's first transition within the episode.
    pub start: usize,
    /// `[start + len, act]`: every action of the episode until the segment's end.
    pub actions: Vec<f32>,
}

impl Origin {
    /// Plays the episode in `env`, an environment like the one that was recorded, for the vector's seed
    /// `seed`, and shows `visit` each of the segment's `len + 1` states with its observation, from 0 on.
    /// Whoever has the segment compares the observations: equal bits prove that this is what happened.
    ///
    /// # Errors
    /// The first error of `visit`.
    pub fn relive<E>(
        &self,
        env: &mut dyn Env,
        seed: u64,
        mut visit: impl FnMut(usize, &dyn Env, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut obs = vec![0.0; env.spec().observation.size()];
        let width = env.spec().action.size();
        env.reset(episode_seed(seed, self.env, self.episode), &mut obs);
        for (step, action) in self.actions.chunks_exact(width).enumerate() {
            if let Some(state) = step.checked_sub(self.start) {
                visit(state, env, &obs)?;
            }
            env.step(action, &mut obs);
        }
        visit((self.actions.len() / width).saturating_sub(self.start), env, &obs)
    }

    /// [`relive`](Self::relive)s what `segment` recorded, or nothing: each state that is shown has, bit for
    /// bit, the observation that the segment holds of it.
    ///
    /// # Errors
    /// When the episode takes another course than was recorded, and the first error of `visit`.
    pub fn relive_segment(
        &self,
        env: &mut dyn Env,
        seed: u64,
        segment: &Segment,
        mut visit: impl FnMut(usize, &dyn Env) -> Result<(), String>,
    ) -> Result<(), String> {
        let (obs_size, action_size) = (env.spec().observation.size(), env.spec().action.size());
        let fits = segment.obs.len() == segment.len * obs_size
            && self.actions.len() == (self.start + segment.len) * action_size
            && self.actions[self.start * action_size..] == segment.actions[..];
        if !fits {
            return Err("what was recorded of it contradicts itself".into());
        }
        self.relive(env, seed, |state, env, obs| {
            let last = Some(&segment.final_obs[..]).filter(|last| !last.is_empty());
            let recorded = segment.obs.chunks_exact(obs_size).nth(state).or(last);
            let same =
                |recorded: &[f32]| recorded.iter().map(|x| x.to_bits()).eq(obs.iter().map(|x| x.to_bits()));
            if !recorded.is_none_or(same) {
                return Err(format!(
                    "its step {state} went otherwise when it was recorded, perhaps on another machine"
                ));
            }
            visit(state, env)
        })
    }
}
