//! The scale that rewards of recorded data are learned on.

use serde::{Deserialize, Serialize};
use telos_envs::dataset::EpisodeView;

use crate::{
    AgentError,
    error::{positive, require},
};

/// How rewards are changed before learning: `scale r + bias`, as D4RL's users do it task by task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardScaleConfig {
    /// Factor. Default 1 (10 for ant mazes in Cal-QL, arXiv 2303.05479).
    pub scale: f32,
    /// Added afterwards. Default 0 (-1 for ant mazes in IQL, arXiv 2110.06169; -5 in Cal-QL).
    pub bias: f32,
    /// Whether the factor is further divided by the range of the data's returns and multiplied by 1000,
    /// as IQL and CORL do for locomotion. Default false.
    pub normalize_returns: bool,
}

impl Default for RewardScaleConfig {
    fn default() -> Self {
        Self { scale: 1.0, bias: 0.0, normalize_returns: false }
    }
}

impl RewardScaleConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        positive("data.reward.scale", self.scale.into())?;
        require(self.bias.is_finite(), "data.reward.bias", &self.bias, "use a finite number")
    }
}

/// A fixed affine map of rewards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardScale {
    scale: f32,
    bias: f32,
}

impl RewardScale {
    /// Steps of the episodes that the return range refers to (IQL and CORL).
    const NORMAL_RETURN: f64 = 1000.0;

    /// The map for data of these episodes. Where all returns are equal they are not normalised.
    pub fn fit<'a>(config: &RewardScaleConfig, episodes: impl IntoIterator<Item = EpisodeView<'a>>) -> Self {
        let mut scale = config.scale;
        if config.normalize_returns {
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            for episode in episodes {
                let total = episode.total_reward();
                (least, most) = (least.min(total), most.max(total));
            }
            if most > least {
                scale *= (Self::NORMAL_RETURN / (most - least)) as f32;
            }
        }
        Self { scale, bias: config.bias }
    }

    /// Changes rewards in place.
    pub fn apply(&self, rewards: &mut [f32]) {
        rewards.iter_mut().for_each(|r| *r = self.scale.mul_add(*r, self.bias));
    }
}
