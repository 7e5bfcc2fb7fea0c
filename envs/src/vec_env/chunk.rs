//! A contiguous part of a vector of environments: what one thread works on.

use super::seeding::Seeding;
use crate::{Env, StepBatch};

/// Environments with the columns they read and write. It moves between the caller and its thread,
/// so each side has it to itself and nothing is locked.
pub(super) struct Chunk {
    pub(super) envs: Vec<Box<dyn Env>>,
    /// Place of the first environment in the whole vector.
    pub(super) first: usize,
    pub(super) seeding: Seeding,
    /// `[envs, act]`.
    pub(super) actions: Vec<f32>,
    pub(super) batch: StepBatch,
}

/// What a thread does with a chunk.
#[derive(Clone, Copy)]
pub(super) enum Job {
    /// Starts the episodes that `batch.episode_index` names.
    Reset,
    /// Steps every environment with its row of `actions`.
    Step,
}

impl Chunk {
    pub(super) fn run(&mut self, job: Job) {
        match job {
            Job::Reset => self.reset(),
            Job::Step => self.step(),
        }
    }

    fn reset(&mut self) {
        let batch = &mut self.batch;
        let width = batch.obs.len() / self.envs.len();
        let rows = batch.obs.chunks_exact_mut(width);
        for (i, (env, obs)) in self.envs.iter_mut().zip(rows).enumerate() {
            env.reset(self.seeding.of(self.first + i, batch.episode_index[i]), obs);
            batch.success[i] = env.success();
        }
        batch.final_obs.copy_from_slice(&batch.obs);
        batch.reward.fill(0.0);
        batch.terminated.fill(false);
        batch.truncated.fill(false);
        batch.fault.fill(false);
        batch.factors.fill(0.0);
        batch.episode_return.fill(0.0);
        batch.episode_length.fill(0);
    }

    fn step(&mut self) {
        let batch = &mut self.batch;
        let n = self.envs.len();
        let (obs_width, action_width) = (batch.obs.len() / n, self.actions.len() / n);
        let factor_width = batch.factors.len() / n;
        for (i, env) in self.envs.iter_mut().enumerate() {
            if batch.done(i) {
                batch.episode_index[i] += 1;
                batch.episode_return[i] = 0.0;
                batch.episode_length[i] = 0;
            }
            let obs_row = i * obs_width..(i + 1) * obs_width;
            let action = &self.actions[i * action_width..(i + 1) * action_width];
            let transition = env.step(action, &mut batch.final_obs[obs_row.clone()]);
            batch.reward[i] = transition.reward;
            batch.terminated[i] = transition.terminated;
            batch.truncated[i] = transition.truncated;
            batch.fault[i] = transition.fault;
            batch.episode_return[i] += transition.reward;
            batch.episode_length[i] += 1;
            env.factors(&mut batch.factors[i * factor_width..(i + 1) * factor_width]);
            batch.success[i] = env.success();
            if batch.done(i) {
                let seed = self.seeding.of(self.first + i, batch.episode_index[i] + 1);
                env.reset(seed, &mut batch.obs[obs_row]);
            } else {
                batch.obs[obs_row.clone()].copy_from_slice(&batch.final_obs[obs_row]);
            }
        }
    }
}
