//! The objective of PPO on a minibatch, with its gradients at the networks' outputs.
//!
//! Everything here is arithmetic per row, so it is written as such: the graph of the tensor library
//! then holds the networks alone, and the whole objective costs less than one of its kernels.

use std::ops::AddAssign;

use crate::{PpoConfig, RolloutBuffer};

const HALF_LOG_2PI: f32 = 0.918_938_5;

/// Rows of a rollout as flat columns.
#[derive(Default)]
pub(crate) struct Minibatch {
    /// `[rows, obs]`, normalised.
    pub(crate) obs: Vec<f32>,
    /// `[rows, act]`, as drawn, before clamping.
    pub(crate) actions: Vec<f32>,
    /// `[rows]`: log pi_old(a|s).
    pub(crate) log_probs: Vec<f32>,
    /// `[rows]`: A.
    pub(crate) advantages: Vec<f32>,
    /// `[rows]`: what the critic should say, A + V_old(s).
    pub(crate) returns: Vec<f32>,
    /// `[rows]`: V_old(s).
    pub(crate) values: Vec<f32>,
}

impl Minibatch {
    /// Replaces the content by these rows of a rollout and of what was estimated for it: its
    /// normalised observations, the old values and the advantages.
    pub(crate) fn gather(
        &mut self,
        rows: &[usize],
        rollout: &RolloutBuffer,
        obs: &[f32],
        values: &[f32],
        advantages: &[f32],
    ) {
        let (o, a) = (obs.len() / values.len(), rollout.actions.len() / values.len());
        self.clear();
        for &row in rows {
            self.obs.extend_from_slice(&obs[row * o..][..o]);
            self.actions.extend_from_slice(&rollout.actions[row * a..][..a]);
            self.log_probs.push(rollout.log_probs[row]);
            self.advantages.push(advantages[row]);
            self.returns.push(advantages[row] + values[row]);
            self.values.push(values[row]);
        }
    }

    fn clear(&mut self) {
        let Self { obs, actions, log_probs, advantages, returns, values } = self;
        [obs, actions, log_probs, advantages, returns, values].into_iter().for_each(Vec::clear);
    }
}

/// Derivatives of the loss with respect to what the networks said.
#[derive(Default)]
pub(crate) struct OutputGradients {
    /// `[rows, act]`
    pub(crate) means: Vec<f32>,
    /// `[act]`
    pub(crate) log_std: Vec<f32>,
    /// `[rows]`
    pub(crate) values: Vec<f32>,
}

/// Means over a minibatch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Losses {
    pub(crate) policy: f32,
    pub(crate) value: f32,
    pub(crate) entropy: f32,
    /// `E[(rho - 1) - log rho]`, Schulman's low-variance estimate of KL(pi_old, pi)
    /// (<http://joschu.net/blog/kl-approx.html>).
    pub(crate) approximate_kl: f32,
    /// Share of rows whose ratio lies outside the clipping interval.
    pub(crate) clip_fraction: f32,
}

impl Losses {
    /// The numbers, for ranks to average.
    pub(crate) fn to_array(self) -> [f32; 5] {
        [self.policy, self.value, self.entropy, self.approximate_kl, self.clip_fraction]
    }

    /// What [`to_array`](Self::to_array) gave.
    pub(crate) fn from_array([policy, value, entropy, approximate_kl, clip_fraction]: [f32; 5]) -> Self {
        Self { policy, value, entropy, approximate_kl, clip_fraction }
    }
}

impl AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.policy += other.policy;
        self.value += other.value;
        self.entropy += other.entropy;
        self.approximate_kl += other.approximate_kl;
        self.clip_fraction += other.clip_fraction;
    }
}

/// Log-density of `action` under independent normals.
pub(crate) fn log_prob(mean: &[f32], log_std: &[f32], action: &[f32]) -> f32 {
    let terms = mean.iter().zip(log_std).zip(action).map(|((mean, log_std), action)| {
        let z = (action - mean) * (-log_std).exp();
        -0.5 * z * z - log_std - HALF_LOG_2PI
    });
    terms.sum()
}

/// Shifts and scales advantages to mean 0 and sample deviation 1.
pub(crate) fn normalize(advantages: &mut [f32]) {
    let n = advantages.len() as f32;
    let mean = advantages.iter().sum::<f32>() / n;
    let squares: f32 = advantages.iter().map(|a| (a - mean) * (a - mean)).sum();
    let scale = ((squares / (n - 1.0).max(1.0)).sqrt() + 1e-8).recip();
    advantages.iter_mut().for_each(|a| *a = (*a - mean) * scale);
}

/// `1 - Var[R - V] / Var[R]` with `R = A + V`.
pub(crate) fn explained_variance(values: &[f32], advantages: &[f32]) -> f32 {
    let variance = |numbers: &dyn Fn(usize) -> f64| {
        let n = values.len() as f64;
        let mean = (0..values.len()).map(numbers).sum::<f64>() / n;
        (0..values.len()).map(|i| (numbers(i) - mean).powi(2)).sum::<f64>() / n
    };
    let unexplained = variance(&|i| advantages[i].into());
    let all = variance(&|i| f64::from(advantages[i]) + f64::from(values[i]));
    if all == 0.0 { 0.0 } else { (1.0 - unexplained / all) as f32 }
}

/// The loss to minimise, minus equation 9 of Schulman et al. 2017:
/// `E[-L_clip + c1 L_value - c2 S]` with the coefficients of the configuration.
///
/// `means` `[rows, act]` and `values` `[rows]` are the networks' outputs, `log_std` `[act]` the
/// policy's. Fills `gradients`.
pub(crate) fn ppo_objective(
    config: &PpoConfig,
    batch: &Minibatch,
    means: &[f32],
    log_std: &[f32],
    values: &[f32],
    gradients: &mut OutputGradients,
) -> Losses {
    let (rows, width) = (batch.log_probs.len(), log_std.len());
    let share = 1.0 / rows as f32;
    gradients.means.resize(rows * width, 0.0);
    gradients.values.resize(rows, 0.0);
    gradients.log_std.clear();
    gradients.log_std.resize(width, -config.entropy_coefficient);
    let entropy = log_std.iter().map(|s| s + 0.5 + HALF_LOG_2PI).sum();
    let mut losses = Losses { entropy, ..Losses::default() };

    for row in 0..rows {
        let (mean, action) = (&means[row * width..][..width], &batch.actions[row * width..][..width]);
        let log_ratio = log_prob(mean, log_std, action) - batch.log_probs[row];
        let (ratio, advantage) = (log_ratio.exp(), batch.advantages[row]);

        // Equation 7: L_clip = min(rho A, clip(rho, 1 - eps, 1 + eps) A). Where the second is
        // smaller, it is constant.
        let clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip);
        let active = ratio * advantage <= clipped * advantage;
        losses.policy -= share * (ratio * advantage).min(clipped * advantage);
        let d_log_prob = if active { -share * ratio * advantage } else { 0.0 };
        for i in 0..width {
            let inverse_std = (-log_std[i]).exp();
            let z = (action[i] - mean[i]) * inverse_std;
            gradients.means[row * width + i] = d_log_prob * z * inverse_std;
            gradients.log_std[i] += d_log_prob * (z * z - 1.0);
        }

        // L_value = 1/2 max((V - R)^2, (V_old + clip(V - V_old) - R)^2); the second is constant
        // where it is clipped, and else the first, to the bit: `old + (value - old)` may not be.
        let (value, old, target) = (values[row], batch.values[row], batch.returns[row]);
        let error = value - target;
        let limit = config.value_clip.unwrap_or(f32::INFINITY);
        let inside = (value - old).abs() <= limit;
        let clipped_error = if inside { error } else { old + limit.copysign(value - old) - target };
        let active = error * error >= clipped_error * clipped_error;
        losses.value += share * 0.5 * (error * error).max(clipped_error * clipped_error);
        gradients.values[row] = if active { share * config.value_coefficient * error } else { 0.0 };

        losses.approximate_kl += share * ((ratio - 1.0) - log_ratio);
        losses.clip_fraction += if (ratio - 1.0).abs() > config.clip { share } else { 0.0 };
    }
    losses
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// A minibatch with ratios and values on both sides of every clipping limit.
    fn minibatch(rows: usize, width: usize, rng: &mut Xoshiro256PlusPlus) -> Minibatch {
        let mut draw = |n: usize, scale: f32| -> Vec<f32> {
            (0..n).map(|_| scale * rng.random_range(-1.0f32..1.0)).collect()
        };
        Minibatch {
            obs: vec![],
            actions: draw(rows * width, 1.0),
            log_probs: draw(rows, 0.5).iter().map(|x| x - 1.5).collect(),
            advantages: draw(rows, 2.0),
            returns: draw(rows, 1.0),
            values: draw(rows, 1.0),
        }
    }

    fn loss(config: &PpoConfig, batch: &Minibatch, means: &[f32], log_std: &[f32], values: &[f32]) -> f64 {
        let losses = ppo_objective(config, batch, means, log_std, values, &mut OutputGradients::default());
        f64::from(losses.policy) + f64::from(config.value_coefficient) * f64::from(losses.value)
            - f64::from(config.entropy_coefficient) * f64::from(losses.entropy)
    }

    /// Central differences of the loss in each number of `x`, compared with `gradient`.
    fn assert_gradient(x: &[f32], gradient: &[f32], loss: impl Fn(&[f32]) -> f64) {
        let step = 2e-3;
        for i in 0..x.len() {
            let at = |offset: f32| {
                let mut moved = x.to_vec();
                moved[i] += offset;
                loss(&moved)
            };
            let difference = (at(step) - at(-step)) / f64::from(2.0 * step);
            let found = f64::from(gradient[i]);
            assert!((found - difference).abs() < 1e-3, "component {i}: {found} against {difference}");
        }
    }

    #[test]
    fn gradients_are_the_finite_differences_of_the_loss() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let (rows, log_std) = (24, [-0.3, 0.2]);
        for value_clip in [Some(0.2), None] {
            let config = PpoConfig { entropy_coefficient: 0.1, value_clip, ..PpoConfig::default() };
            let batch = minibatch(rows, 2, &mut rng);
            let means: Vec<f32> = (0..2 * rows).map(|_| rng.random_range(-0.5f32..0.5)).collect();
            let values: Vec<f32> = (0..rows).map(|_| rng.random_range(-1.0f32..1.0)).collect();
            let mut gradients = OutputGradients::default();
            let losses = ppo_objective(&config, &batch, &means, &log_std, &values, &mut gradients);
            assert!((0.2..0.95).contains(&losses.clip_fraction), "both sides are met: {losses:?}");
            assert_gradient(&means, &gradients.means, |x| loss(&config, &batch, x, &log_std, &values));
            assert_gradient(&log_std, &gradients.log_std, |x| loss(&config, &batch, &means, x, &values));
            assert_gradient(&values, &gradients.values, |x| loss(&config, &batch, &means, &log_std, x));
        }
    }

    #[test]
    fn the_old_policy_has_ratio_one() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        let mut batch = minibatch(16, 1, &mut rng);
        let (means, log_std) = (vec![0.3; 16], [0.1]);
        for (slot, action) in batch.log_probs.iter_mut().zip(&batch.actions) {
            *slot = log_prob(&[0.3], &log_std, std::slice::from_ref(action));
        }
        let values = batch.values.clone();
        let mut gradients = OutputGradients::default();
        let losses = ppo_objective(&PpoConfig::default(), &batch, &means, &log_std, &values, &mut gradients);
        let mean_advantage = batch.advantages.iter().sum::<f32>() / 16.0;
        assert_eq!((losses.approximate_kl, losses.clip_fraction), (0.0, 0.0));
        assert!((losses.policy + mean_advantage).abs() < 1e-6);
    }

    #[test]
    fn every_row_whose_value_has_not_moved_far_pulls_at_it() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let batch = minibatch(2000, 1, &mut rng);
        // As near as another order of sums brings it.
        let values: Vec<f32> = batch.values.iter().map(|value| value + 1e-7).collect();
        let mut gradients = OutputGradients::default();
        ppo_objective(&PpoConfig::default(), &batch, &vec![0.0; 2000], &[0.0], &values, &mut gradients);
        assert!(gradients.values.iter().all(|gradient| *gradient != 0.0));
    }

    #[test]
    fn the_density_integrates_to_one() {
        let total: f32 =
            (-800..800).map(|i| 0.01 * log_prob(&[0.4], &[-0.2], &[0.01 * i as f32]).exp()).sum();
        assert!((total - 1.0).abs() < 1e-4, "{total}");
    }

    #[test]
    fn a_perfect_critic_explains_everything_and_a_constant_one_nothing() {
        let returns = [1.0f32, 4.0, -2.0, 5.0];
        assert_eq!(explained_variance(&returns, &[0.0; 4]), 1.0);
        assert!(explained_variance(&[2.0; 4], &returns.map(|r| r - 2.0)).abs() < 1e-6);
        assert_eq!(explained_variance(&[1.0; 4], &[0.0; 4]), 0.0);
    }

    #[test]
    fn normalised_advantages_have_mean_zero_and_deviation_one() {
        let mut advantages = [3.0, 5.0, 10.0];
        normalize(&mut advantages);
        assert!(advantages.iter().sum::<f32>().abs() < 1e-6);
        assert!((advantages.iter().map(|a| a * a).sum::<f32>() / 2.0 - 1.0).abs() < 1e-6);
        let mut alone = [7.0];
        normalize(&mut alone);
        assert_eq!(alone, [0.0]);
    }
}
