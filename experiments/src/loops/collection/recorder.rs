//! The episodes of many environments, put together from their steps.

use telos_envs::{
    StepBatch,
    dataset::{DatasetError, Episode, EpisodeView},
    episode_seed,
};

/// Gathers the steps of each environment until its episode ends, or its quota is reached.
pub(super) struct Recorder {
    open: Vec<Episode>,
    /// Steps that each environment still has to contribute.
    left: Vec<u64>,
    recorded: u64,
    /// Of the vector of environments.
    seed: u64,
}

impl Recorder {
    /// Begins where `reset` left the environments of a vector of this seed, which share `steps` evenly.
    pub(super) fn new(reset: &StepBatch, seed: u64, steps: u64) -> Self {
        let n = reset.len() as u64;
        let width = reset.obs.len() / reset.len();
        let begin = |obs: &[f32]| Episode { obs: obs.to_vec(), ..Episode::default() };
        Self {
            open: reset.obs.chunks_exact(width).map(begin).collect(),
            left: (0..n).map(|i| steps * (i + 1) / n - steps * i / n).collect(),
            recorded: 0,
            seed,
        }
    }

    /// Whether every environment has contributed its share.
    pub(super) fn is_full(&self) -> bool {
        self.left.iter().all(|left| *left == 0)
    }

    /// Transitions so far.
    pub(super) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Takes in one step of every environment, and hands over the episodes that end with it, with the seeds of
    /// their resets.
    pub(super) fn observe(
        &mut self,
        actions: &[f32],
        batch: &StepBatch,
        mut finish: impl FnMut(EpisodeView<'_>, u64) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let n = batch.len();
        let (o, a, f) = (batch.obs.len() / n, actions.len() / n, batch.factors.len() / n);
        for i in 0..n {
            if self.left[i] == 0 {
                continue;
            }
            self.left[i] -= 1;
            self.recorded += 1;
            let episode = &mut self.open[i];
            episode.actions.extend_from_slice(&actions[i * a..][..a]);
            episode.rewards.push(batch.reward[i]);
            episode.obs.extend_from_slice(&batch.final_obs[i * o..][..o]);
            episode.factors.extend_from_slice(&batch.factors[i * f..][..f]);
            episode.success.extend(batch.success[i]);
            if batch.done(i) || self.left[i] == 0 {
                episode.terminated = batch.terminated[i];
                finish(episode.view(), episode_seed(self.seed, i as u64, batch.episode_index[i]))?;
                episode.clear();
                episode.obs.extend_from_slice(&batch.obs[i * o..][..o]);
            }
        }
        Ok(())
    }
}
