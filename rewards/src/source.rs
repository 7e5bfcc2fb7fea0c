//! Where the reward column of a batch comes from.

use std::slice::ChunksExact;

use telos_envs::EnvSpec;

use crate::{
    RewardError,
    error::{expect_len, require},
};

/// Transitions to reward, as flat row-major columns. A column that a caller does not have is empty;
/// a source that needs it reports that through [`rows_of`](Self::rows_of).
#[derive(Clone, Copy, Debug, Default)]
pub struct Transitions<'a> {
    /// Number of transitions.
    pub rows: usize,
    /// `[rows, obs]`: the observation before each action.
    pub obs: &'a [f32],
    /// `[rows, act]`.
    pub actions: &'a [f32],
    /// `[rows, obs]`: the observation that each transition led to, before any reset.
    pub next_obs: &'a [f32],
    /// `[rows, F]`: named reward terms, in the order of [`EnvSpec::factors`].
    pub factors: &'a [f32],
    /// `[rows]`: the environment's own reward.
    pub gold: &'a [f32],
}

impl Transitions<'_> {
    /// The rows of one of the columns, `width` numbers each.
    ///
    /// # Errors
    /// When the column does not hold that many; the error names it by `what`.
    pub fn rows_of<'a>(
        &self,
        what: &'static str,
        column: &'a [f32],
        width: usize,
    ) -> Result<ChunksExact<'a, f32>, RewardError> {
        expect_len(what, column.len(), self.rows * width)?;
        // An environment may have no factors at all; it then has no rows of them.
        Ok(column.chunks_exact(width.max(1)))
    }
}

/// A reward as a function of transitions.
///
/// It must be pure: the same transitions give the same rewards until the source itself is changed,
/// and no row depends on another. The loop then may write the reward when a transition is collected,
/// or relabel the whole replay later, with the same result. A learner sees only the column.
pub trait RewardSource {
    /// Writes the reward of each transition to `out` (`[rows]`).
    ///
    /// # Errors
    /// When a column has the wrong size.
    fn reward(&self, transitions: &Transitions<'_>, out: &mut [f32]) -> Result<(), RewardError>;
}

/// The environment's own reward.
#[derive(Clone, Copy, Debug, Default)]
pub struct GoldReward;

impl RewardSource for GoldReward {
    fn reward(&self, transitions: &Transitions<'_>, out: &mut [f32]) -> Result<(), RewardError> {
        expect_len("gold rewards", transitions.gold.len(), transitions.rows)?;
        expect_len("rewards", out.len(), transitions.rows)?;
        out.copy_from_slice(transitions.gold);
        Ok(())
    }
}

/// A weighted sum of an environment's named factors.
#[derive(Clone, Debug)]
pub struct WeightedFactors {
    /// One weight per factor, in the environment's order.
    weights: Vec<f32>,
}

impl WeightedFactors {
    /// Weights by name; factors that are not named weigh nothing.
    ///
    /// # Errors
    /// When the environment has no factor of that name; the error lists those it has.
    pub fn new(spec: &EnvSpec, weights: &[(&str, f32)]) -> Result<Self, RewardError> {
        let mut by_place = vec![0.0; spec.factors.len()];
        for &(name, weight) in weights {
            let place = spec.factors.iter().position(|factor| factor == name).ok_or_else(|| {
                RewardError::UnknownFactor {
                    name: name.into(),
                    env: spec.id.clone(),
                    known: spec.factors.join(", "),
                }
            })?;
            require(weight.is_finite(), "weights", weight, "must be numbers")?;
            by_place[place] = weight;
        }
        Ok(Self { weights: by_place })
    }
}

impl RewardSource for WeightedFactors {
    fn reward(&self, transitions: &Transitions<'_>, out: &mut [f32]) -> Result<(), RewardError> {
        expect_len("rewards", out.len(), transitions.rows)?;
        let factors = transitions.rows_of("factors", transitions.factors, self.weights.len())?;
        for (reward, factors) in out.iter_mut().zip(factors) {
            *reward = factors.iter().zip(&self.weights).map(|(factor, weight)| factor * weight).sum();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;

    #[test]
    fn factors_are_weighed_by_name() {
        let mut spec = registry::make("pendulum-classic").unwrap().spec().clone();
        spec.factors = vec!["upright".into(), "slow".into(), "idle".into()];
        let weighted = WeightedFactors::new(&spec, &[("idle", 0.5), ("upright", 2.0)]).unwrap();
        let factors = [1.0, 1.0, 0.0, 0.25, 0.0, 1.0];
        let transitions = Transitions { rows: 2, factors: &factors, ..Transitions::default() };
        let mut rewards = [0.0; 2];
        weighted.reward(&transitions, &mut rewards).unwrap();
        assert_eq!(rewards, [2.0, 1.0]);
        let error = GoldReward.reward(&transitions, &mut rewards).unwrap_err().to_string();
        assert_eq!(error, "gold rewards: expected 2 numbers, found 0");
        let error = WeightedFactors::new(&spec, &[("idel", 1.0)]).unwrap_err().to_string();
        assert!(error.contains("`idel`") && error.contains("upright, slow, idle"), "{error}");
    }
}
