//! What a dataset is about.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{BoxSpace, EnvSpec};

/// Pixels per side that pictures may have.
pub const PICTURE_SIDES: RangeInclusive<usize> = 8..=256;

/// The description that every dataset carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// Id of the environment; of no environment of telos where the data is foreign.
    pub env: String,
    /// Components of an observation.
    pub obs_size: usize,
    /// Bounds of the actions, finite.
    pub action: BoxSpace,
    /// Names of the reward terms that were recorded, in the order of their column; may be empty.
    pub factors: Vec<String>,
    /// Whether it was recorded which steps led to a solved task.
    pub success: bool,
    /// Pixels per side of the square pictures, in [`PICTURE_SIDES`], of which there is one before each action; `None`
    /// where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture_side: Option<usize>,
    /// Seconds per step.
    pub dt: f32,
    /// What returns are measured against; `None` where nobody measured.
    pub reference: Option<ReferenceScores>,
    /// How the data came about: a command, or the file that was converted.
    pub origin: String,
}

impl DatasetInfo {
    /// Of data that is recorded in an environment of this spec; `success` where it judges its states.
    pub fn of(spec: &EnvSpec, success: bool, origin: impl Into<String>) -> Self {
        Self {
            env: spec.id.clone(),
            obs_size: spec.observation.size(),
            action: spec.action.clone(),
            factors: spec.factors.clone(),
            success,
            picture_side: None,
            dt: spec.dt,
            reference: None,
            origin: origin.into(),
        }
    }

    /// Components of an action.
    pub fn action_size(&self) -> usize {
        self.action.size()
    }

    /// Bytes of a picture, `[side, side, 3]`; 0 where there are none.
    pub fn picture_size(&self) -> usize {
        self.picture_side.map_or(0, |side| 3 * side * side)
    }

    /// In what data of this description cannot be used by a learner of `spec`, in words; `None` where it
    /// can.
    pub fn mismatch(&self, spec: &EnvSpec) -> Option<String> {
        let sizes = [
            ("observations", self.obs_size, spec.observation.size()),
            ("actions", self.action_size(), spec.action.size()),
        ];
        sizes.into_iter().find(|(_, found, expected)| found != expected).map(|(what, found, expected)| {
            format!(
                "its {what} (of `{}`) have {found} components, those of `{}` {expected}; \
                 it is data of another robot or task",
                self.env, spec.id
            )
        })
    }
}

/// Mean returns of two policies, between which scores are normalised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceScores {
    /// Of uniformly random actions.
    pub random: f64,
    /// Of the best policy at hand.
    pub expert: f64,
    /// Which policy that was.
    pub expert_policy: String,
    /// Whole episodes behind each of the two.
    pub episodes: usize,
}

impl ReferenceScores {
    /// `100 (return - random) / (expert - random)`: 0 for random actions and 100 for the expert, as
    /// D4RL defines it (Fu et al. 2020, arXiv 2004.07219, section 4). Not finite when both scored alike.
    pub fn normalized(&self, gold_return: f64) -> f64 {
        100.0 * (gold_return - self.random) / (self.expert - self.random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn scores_are_normalised_between_the_references() {
        let scores =
            ReferenceScores { random: -20.0, expert: 180.0, expert_policy: "scripted".into(), episodes: 10 };
        assert_eq!([-20.0, 80.0, 180.0, 280.0].map(|x| scores.normalized(x)), [0.0, 50.0, 100.0, 150.0]);
    }

    #[test]
    fn data_of_another_robot_is_told_apart() {
        let (walker, cheetah) =
            (registry::make("walker-walk").unwrap(), registry::make("cheetah-run").unwrap());
        let info = DatasetInfo::of(walker.spec(), true, "test");
        assert_eq!(info.mismatch(walker.spec()), None);
        let reason = info.mismatch(cheetah.spec()).unwrap();
        assert!(reason.contains("walker-walk") && reason.contains("cheetah-run"), "{reason}");
    }
}
