//! DreamSmooth: Lee, Cho, Kim, Yoo, Lim 2023, "DreamSmooth: Improving Model-based Reinforcement Learning
//! via Reward Smoothing", arXiv 2311.01450. Before learning, the rewards of every episode are replaced by
//! weighted means over neighbouring steps, so that a sparse reward becomes one that a model can predict and
//! a critic can spread. Evaluations keep the rewards as they were.
//!
//! Section 3.2 of the paper, for an episode `r_1 ... r_T`:
//!
//! * gaussian: `r~_t = sum_i w_i r_(t+i)`, `w_i ~ exp(-i^2 / 2 sigma^2)`
//! * exponential: `r~_t = alpha r~_(t-1) + (1 - alpha) r_t`; of the three the only one that looks at nothing
//!   to come
//! * uniform: `r~_t = mean of r_(t - (delta-1)/2) ... r_(t + (delta-1)/2)`

use serde::{Deserialize, Serialize};

use crate::{
    AgentError,
    error::{positive, require},
};

/// Deviations after which the Gaussian is cut off (SciPy's `gaussian_filter1d`, which the authors use).
const CUT: f32 = 4.0;

/// How rewards are smoothed. What lies beyond an episode's ends is taken to be its first and last reward.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RewardSmoothing {
    /// A bell over past and future.
    Gaussian {
        /// Deviation in steps; 3 in the paper.
        sigma: f32,
    },
    /// A decaying memory of the past.
    Exponential {
        /// Share that is kept from step to step; 0.33 in the paper.
        alpha: f32,
    },
    /// A window centred on each step.
    Uniform {
        /// Odd number of steps; 9 in the paper.
        steps: usize,
    },
}

impl RewardSmoothing {
    /// Checks the value, which has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] when it is outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        match *self {
            Self::Gaussian { sigma } => positive("data.smoothing.sigma", sigma.into()),
            Self::Exponential { alpha } => {
                require((0.0..1.0).contains(&alpha), "data.smoothing.alpha", &alpha, "use a number in [0, 1)")
            }
            Self::Uniform { steps } => {
                require(steps % 2 == 1, "data.smoothing.steps", &steps, "use an odd number of steps")
            }
        }
    }

    /// Smooths the rewards of one whole episode in place.
    pub fn apply(&self, rewards: &mut [f32]) {
        match *self {
            Self::Exponential { alpha } => {
                for t in 1..rewards.len() {
                    rewards[t] = alpha * rewards[t - 1] + (1.0 - alpha) * rewards[t];
                }
            }
            Self::Gaussian { sigma } => {
                let reach = (CUT * sigma + 0.5) as isize;
                let weight = |i: isize| (-0.5 * (i as f32 / sigma).powi(2)).exp();
                convolve(rewards, &(-reach..=reach).map(weight).collect::<Vec<f32>>());
            }
            Self::Uniform { steps } => convolve(rewards, &vec![1.0; steps]),
        }
    }
}

/// Replaces every reward by the mean of its neighbourhood with these weights, an odd number of them.
fn convolve(rewards: &mut [f32], weights: &[f32]) {
    let Some(last) = rewards.len().checked_sub(1) else { return };
    let raw = rewards.to_vec();
    let (reach, total) = (weights.len() / 2, weights.iter().sum::<f32>());
    for (t, smoothed) in rewards.iter_mut().enumerate() {
        let neighbour = |i: usize| raw[(t + i).saturating_sub(reach).min(last)];
        *smoothed = weights.iter().enumerate().map(|(i, weight)| weight * neighbour(i)).sum::<f32>() / total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoothed(kind: RewardSmoothing, rewards: &[f32]) -> Vec<f32> {
        let mut rewards = rewards.to_vec();
        kind.apply(&mut rewards);
        rewards
    }

    #[test]
    fn one_reward_spreads_as_the_kernel_says() {
        let spike = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let uniform = smoothed(RewardSmoothing::Uniform { steps: 3 }, &spike);
        let third = 1.0 / 3.0;
        assert_eq!(uniform, [0.0, third, third, third, 0.0, 0.0]);
        let exponential = smoothed(RewardSmoothing::Exponential { alpha: 0.5 }, &spike);
        assert_eq!(exponential, [0.0, 0.0, 0.5, 0.25, 0.125, 0.0625]);
        // exp(-i^2 / 2) for i = -4 ... 4 adds up to 2.50662.
        let gaussian = smoothed(RewardSmoothing::Gaussian { sigma: 1.0 }, &spike);
        for (found, distance) in gaussian.iter().zip([2.0_f32, 1.0, 0.0, 1.0, 2.0, 3.0]) {
            assert!((found - (-0.5 * distance * distance).exp() / 2.506_62).abs() < 1e-5, "{gaussian:?}");
        }
    }

    #[test]
    fn constant_rewards_stay_as_they_are_and_so_do_sums_far_from_the_ends() {
        for kind in [
            RewardSmoothing::Gaussian { sigma: 3.0 },
            RewardSmoothing::Exponential { alpha: 0.33 },
            RewardSmoothing::Uniform { steps: 9 },
        ] {
            assert!(smoothed(kind, &[0.7; 20]).iter().all(|r| (r - 0.7).abs() < 1e-6), "{kind:?}");
            let mut spike = vec![0.0; 101];
            spike[50] = 5.0;
            assert!((smoothed(kind, &spike).iter().sum::<f32>() - 5.0).abs() < 1e-4, "{kind:?}");
            assert!(smoothed(kind, &[]).is_empty());
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = RewardSmoothing::Uniform { steps: 4 }.validate().unwrap_err().to_string();
        assert!(error.contains("`data.smoothing.steps` is 4"), "{error}");
        assert!(RewardSmoothing::Exponential { alpha: 1.0 }.validate().is_err());
    }
}
