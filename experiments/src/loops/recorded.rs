//! Recorded data as a training loop holds it.

use std::path::Path;

use telos_agents::{
    Replay,
    offline::{RewardScale, best_episodes},
};
use telos_envs::{
    EnvSpec,
    dataset::{Dataset, EpisodeView, ReferenceScores},
};

use super::learned_reward::LearnedReward;
use crate::{TelosError, config::DataConfig};

/// Transitions of a data set in memory, rewards scaled, and what the data set says of itself.
pub(super) struct Recorded {
    pub(super) replay: Replay,
    pub(super) scale: RewardScale,
    /// Returns that scores are measured against.
    pub(super) reference: Option<ReferenceScores>,
    /// Content hashes of the columns, for a resumed run to see that it goes on with the same data.
    pub(super) digest: String,
}

impl Recorded {
    /// Reads the data set of `config`, recorded in environments like those of `spec`, with returns
    /// discounted by `gamma`, and rewards of `learned` where there is one.
    pub(super) fn read(
        config: &DataConfig,
        spec: &EnvSpec,
        gamma: f32,
        learned: Option<&mut LearnedReward>,
    ) -> Result<Self, TelosError> {
        let dataset = Dataset::open(Path::new(&config.path))?;
        if let Some(reason) = dataset.info().mismatch(spec) {
            return Err(TelosError::Usage(format!("`data.path`: {}: {reason}", config.path)));
        }
        let episodes: Vec<EpisodeView<'_>> = if config.best_share < 1.0 {
            best_episodes(dataset.episodes(), config.best_share)
        } else {
            dataset.episodes().collect()
        };
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        let mut replay = Replay::from_episodes(obs_size, action_size, gamma, episodes.iter().copied())?;
        let mut digest: String =
            dataset.hashes().map(|(column, hash)| format!("{column} {hash}\n")).collect();
        if let Some(learned) = learned {
            replay.relabel(|obs, actions, rows, out| learned.predict(obs, actions, rows, out))?;
            digest.push_str(&learned.digest);
        }
        if let Some(smoothing) = &config.smoothing {
            replay.rewrite_rewards(|mut rewards| {
                for episode in &episodes {
                    let (episode_rewards, rest) = std::mem::take(&mut rewards).split_at_mut(episode.steps);
                    smoothing.apply(episode_rewards);
                    rewards = rest;
                }
            });
        }
        let scale = RewardScale::fit(&config.reward, &replay);
        replay.rewrite_rewards(|rewards| scale.apply(rewards));
        Ok(Self { replay, scale, reference: dataset.info().reference.clone(), digest })
    }
}
