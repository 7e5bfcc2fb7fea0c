//! Many episodes from one state: grouped resets and branches.

use std::ops::Range;

use super::{AT_REST, VecEnv};
use crate::{Env, EnvError, StepBatch};

impl VecEnv {
    /// As [`reset`](Self::reset), with the same initial state for every environment of a group:
    /// `group_size` consecutive environments, fewer in the last group if the numbers do not divide.
    ///
    /// Groups stay until the next call or [`restart`](Self::restart): after auto-resets, too, episode
    /// `k` of one environment of a group starts in the state of episode `k` of the others. A size of 1
    /// sets all environments apart again, the number of environments makes one group of all.
    ///
    /// # Errors
    /// When `group_size` is zero.
    pub fn reset_groups(&mut self, group_size: usize) -> Result<&StepBatch, EnvError> {
        if group_size == 0 {
            return Err(EnvError::Zero { what: "environments of a group" });
        }
        self.seeding.group_size = group_size;
        Ok(self.reset())
    }

    /// Puts the environments `into` in the state of environment `from`, bit for bit and in the middle
    /// of its episode. If `into` contains `from`, that one stays as it is.
    ///
    /// In the batch, their rows become that of `from`, so that returns and lengths count from the start
    /// of its episode; their episodes have new numbers of their own.
    ///
    /// # Errors
    /// As [`Env::branch_from`]; the environments must then be reset.
    ///
    /// # Panics
    /// When there are no such environments, or before the first reset.
    ///
    /// ```
    /// use telos_envs::{VecEnv, registry};
    ///
    /// let mut envs = VecEnv::new(8, 1, 0, |_| registry::make("pendulum-classic"))?;
    /// envs.reset();
    /// envs.branch(2, 0..8)?;
    /// let next = envs.step(&[-0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.7]);
    /// assert!(next.reward[0] == next.reward[7] || next.obs[..3] != next.obs[21..]);
    /// # Ok::<(), telos_envs::EnvError>(())
    /// ```
    pub fn branch(&mut self, from: usize, into: Range<usize>) -> Result<(), EnvError> {
        self.check_branch(&into);
        assert!(from < self.n, "environment {from} of {}", self.n);
        let home = self.chunk_of(from);
        // The chunk of the source is out of its place while the others are written to.
        let mut chunk = self.chunks[home].take().expect(AT_REST);
        let source = from - chunk.first;
        let mut result = self.branch_chunks(chunk.envs[source].as_ref(), &into);
        for target in 0..chunk.envs.len() {
            if target != source && into.contains(&(chunk.first + target)) && result.is_ok() {
                let pair = chunk.envs.get_disjoint_mut([source, target]);
                let [source, target] = pair.expect("two places of one chunk");
                result = target.branch_from(source.as_ref());
            }
        }
        self.chunks[home] = Some(chunk);
        for target in into.filter(|target| *target != from) {
            let episode = self.next_episode(target) - u64::from(self.batch.done(from));
            self.batch.copy_row(from, target);
            self.batch.episode_index[target] = episode;
        }
        self.scatter();
        result
    }

    /// Puts the environments `into` in the state of `source`, an environment outside of this vector,
    /// whose last observation was `obs`. In the batch, their rows become those of a reset.
    ///
    /// # Errors
    /// As [`Env::branch_from`]; the environments must then be reset.
    ///
    /// # Panics
    /// When there are no such environments, or `obs` has another length than an observation, or before
    /// the first reset.
    pub fn branch_from(&mut self, source: &dyn Env, obs: &[f32], into: Range<usize>) -> Result<(), EnvError> {
        self.check_branch(&into);
        let result = self.branch_chunks(source, &into);
        for target in into {
            let episode = self.next_episode(target);
            self.batch.start_row(target, obs, source.success());
            self.batch.episode_index[target] = episode;
        }
        self.scatter();
        result
    }

    fn check_branch(&self, into: &Range<usize>) {
        assert!(into.end <= self.n, "environments {into:?} of {}", self.n);
        assert!(self.started, "reset comes before the first branch");
    }

    /// Number of the episode that environment `i` has not begun yet.
    fn next_episode(&self, i: usize) -> u64 {
        self.batch.episode_index[i] + 1
    }

    /// Branches all environments `into` whose chunks are in place.
    fn branch_chunks(&mut self, source: &dyn Env, into: &Range<usize>) -> Result<(), EnvError> {
        for chunk in self.chunks.iter_mut().flatten() {
            let places = chunk.first..;
            for (_, env) in places.zip(&mut chunk.envs).filter(|(place, _)| into.contains(place)) {
                env.branch_from(source)?;
            }
        }
        Ok(())
    }
}
