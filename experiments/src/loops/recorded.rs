//! Recorded data as a training loop holds it.

use std::path::Path;

use telos_agents::{
    Replay,
    offline::{RewardScale, RewardScaleConfig, RewardSmoothing, best_episodes},
};
use telos_envs::{
    EnvSpec,
    dataset::{Dataset, EpisodeView, ReferenceScores},
};

use super::labels::Labels;
use crate::{TelosError, config::DataConfig};

/// Transitions of a data set in memory, and what the data set says of itself.
pub(super) struct Recorded {
    pub(super) replay: Replay,
    /// Returns that scores are measured against.
    pub(super) reference: Option<ReferenceScores>,
    /// Content hashes of the columns, for a resumed run to see that it goes on with the same data.
    pub(super) digest: String,
    /// Steps of each episode, in the order of the replay.
    lengths: Vec<usize>,
    smoothing: Option<RewardSmoothing>,
    reward: RewardScaleConfig,
}

/// Opens the data set at `path`, which `key` names, if it was recorded in environments like those of `spec`.
pub(super) fn open(key: &str, path: &str, spec: &EnvSpec) -> Result<Dataset, TelosError> {
    let dataset = Dataset::open(Path::new(path))?;
    match dataset.info().mismatch(spec) {
        Some(reason) => Err(TelosError::Usage(format!("`{key}`: {path}: {reason}"))),
        None => Ok(dataset),
    }
}

impl Recorded {
    /// Reads `dataset` as `config` says, with returns discounted by `gamma` and rewards as recorded.
    pub(super) fn read(
        dataset: &Dataset,
        config: &DataConfig,
        spec: &EnvSpec,
        gamma: f32,
    ) -> Result<Self, TelosError> {
        let episodes: Vec<EpisodeView<'_>> = if config.best_share < 1.0 {
            best_episodes(dataset.episodes(), config.best_share)
        } else {
            dataset.episodes().collect()
        };
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        Ok(Self {
            replay: Replay::from_episodes(obs_size, action_size, gamma, episodes.iter().copied())?,
            reference: dataset.info().reference.clone(),
            digest: dataset.hashes().map(|(column, hash)| format!("{column} {hash}\n")).collect(),
            lengths: episodes.iter().map(|episode| episode.steps).collect(),
            smoothing: config.smoothing,
            reward: config.reward,
        })
    }

    /// Gives every transition the reward of `labels`, smoothed and scaled; returns the scale, for steps of
    /// the environment. Rewards that stay as recorded are given once.
    pub(super) fn label(&mut self, labels: &mut Labels) -> Result<RewardScale, TelosError> {
        labels.relabel(&mut self.replay)?;
        if let Some(smoothing) = &self.smoothing {
            self.replay.rewrite_rewards(|mut rewards| {
                for steps in &self.lengths {
                    let (episode_rewards, rest) = std::mem::take(&mut rewards).split_at_mut(*steps);
                    smoothing.apply(episode_rewards);
                    rewards = rest;
                }
            });
        }
        let scale = RewardScale::fit(&self.reward, &self.replay);
        self.replay.rewrite_rewards(|rewards| scale.apply(rewards));
        Ok(scale)
    }
}
