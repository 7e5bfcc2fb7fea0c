//! The scale that rewards of recorded data are learned on.

use crate::{
    AgentError, Replay,
    error::{positive, require},
};
use serde::{Deserialize, Serialize};

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

    /// The map for the whole episodes in `replay`, with the rewards that it holds now. Where all returns
    /// are equal they are not normalised.
    pub fn fit(config: &RewardScaleConfig, replay: &Replay) -> Self {
        let mut scale = config.scale;
        if config.normalize_returns {
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            for total in replay.episode_totals() {
                (least, most) = (least.min(total), most.max(total));
            }
            if most > least {
                scale *= (Self::NORMAL_RETURN / (most - least)) as f32;
            }
        }
        Self { scale, bias: config.bias }
    }

    /// The map that changes nothing.
    pub fn identity() -> Self {
        Self { scale: 1.0, bias: 0.0 }
    }

    /// Changes rewards in place.
    pub fn apply(&self, rewards: &mut [f32]) {
        rewards.iter_mut().for_each(|r| *r = self.scale.mul_add(*r, self.bias));
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::dataset::EpisodeView;

    use super::*;

    #[test]
    fn returns_get_a_range_of_a_thousand() {
        let episode = |rewards: &'static [f32]| EpisodeView {
            steps: 2,
            obs: &[0.0; 3],
            actions: &[0.0; 2],
            rewards,
            factors: &[],
            success: &[],
            terminated: false,
        };
        let mut replay =
            Replay::from_episodes(1, 1, 0.9, [episode(&[1.0, 2.0]), episode(&[4.0, 4.0])]).unwrap();
        let config = RewardScaleConfig { scale: 2.0, bias: -1.0, normalize_returns: true };
        let scale = RewardScale::fit(&config, &replay);
        replay.rewrite_rewards(|rewards| scale.apply(rewards));
        // Returns 3 and 8: a factor of 2 * 1000 / 5.
        assert_eq!(replay.rewards(), [399.0, 799.0, 1599.0, 1599.0]);
        let plain = RewardScale::fit(&RewardScaleConfig::default(), &replay);
        assert_eq!(plain, RewardScale::identity());
    }
}
