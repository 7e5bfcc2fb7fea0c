//! Generalised advantage estimation: Schulman et al. 2015, arXiv 1506.02438.

/// The columns of a rollout that advantages depend on, all `[steps, envs]` in time-major order.
#[derive(Clone, Copy, Debug)]
pub struct GaeColumns<'a> {
    /// Number of environments.
    pub envs: usize,
    /// r_t.
    pub rewards: &'a [f32],
    /// V(s_t).
    pub values: &'a [f32],
    /// V of the observation that transition t really led to, which is not that of row t + 1 where
    /// an episode ended. Not read where `terminated`.
    pub next_values: &'a [f32],
    /// Whether transition t led to a state without a future.
    pub terminated: &'a [bool],
    /// Whether transition t was the last of its episode, for whatever reason.
    pub done: &'a [bool],
}

/// Writes the advantages `[steps, envs]` of equation 16,
///
/// ```text
/// delta_t = r_t + gamma V(s_{t+1}) - V(s_t)
/// A_t     = delta_t + gamma lambda A_{t+1}
/// ```
///
/// where V(s_{t+1}) is 0 after termination, and where A_{t+1} is 0 if another episode begins or the
/// rollout ends there. A truncated episode therefore bootstraps from its true final observation.
pub fn gae(gamma: f32, lambda: f32, columns: GaeColumns<'_>, advantages: &mut [f32]) {
    let GaeColumns { envs, rewards, values, next_values, terminated, done } = columns;
    let steps = rewards.len() / envs;
    for t in (0..steps).rev() {
        for i in 0..envs {
            let at = t * envs + i;
            let next_value = if terminated[at] { 0.0 } else { next_values[at] };
            let delta = rewards[at] + gamma * next_value - values[at];
            let later = if done[at] || t + 1 == steps { 0.0 } else { advantages[at + envs] };
            advantages[at] = delta + gamma * lambda * later;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against equation 14 as written: A_t = sum_k lambda^k-weighted k-step advantages, for one
        /// environment at a time, in f64.
        #[test]
        fn equals_the_weighted_sum_of_k_step_advantages(
            rows in prop::collection::vec(
                (-3.0f32..3.0, -3.0f32..3.0, -3.0f32..3.0, prop::bool::weighted(0.2), prop::bool::weighted(0.2)),
                2..40,
            ),
            gamma in 0.5f32..1.0,
            lambda in 0.0f32..0.99,
        ) {
            let envs = 2;
            let rows = &rows[..rows.len() / envs * envs];
            let steps = rows.len() / envs;
            let terminated: Vec<bool> = rows.iter().map(|r| r.3).collect();
            let done: Vec<bool> = rows.iter().map(|r| r.3 || r.4).collect();
            let values: Vec<f32> = rows.iter().map(|r| r.1).collect();
            // Within an episode the next value is the value of the next row.
            let next_values: Vec<f32> = (0..rows.len())
                .map(|at| if done[at] || at + envs >= rows.len() { rows[at].2 } else { values[at + envs] })
                .collect();
            let rewards: Vec<f32> = rows.iter().map(|r| r.0).collect();
            let columns = GaeColumns {
                envs,
                rewards: &rewards,
                values: &values,
                next_values: &next_values,
                terminated: &terminated,
                done: &done,
            };
            let mut advantages = vec![f32::NAN; rows.len()];
            gae(gamma, lambda, columns, &mut advantages);

            let (gamma, lambda) = (f64::from(gamma), f64::from(lambda));
            for start in 0..steps {
                for i in 0..envs {
                    // k-step advantages until the episode or the rollout ends; from there on, every
                    // longer one equals the last, which takes the rest of the weight.
                    let (mut expected, mut reward_sum, mut weight_left) = (0.0, 0.0, 1.0);
                    for k in 0..steps - start {
                        let at = (start + k) * envs + i;
                        reward_sum += gamma.powi(k as i32) * f64::from(rewards[at]);
                        let tail = if terminated[at] { 0.0 } else { f64::from(next_values[at]) };
                        let k_step = reward_sum + gamma.powi(k as i32 + 1) * tail
                            - f64::from(values[start * envs + i]);
                        if done[at] || start + k + 1 == steps {
                            expected += weight_left * k_step;
                            break;
                        }
                        expected += (1.0 - lambda) * lambda.powi(k as i32) * k_step;
                        weight_left -= (1.0 - lambda) * lambda.powi(k as i32);
                    }
                    let found = f64::from(advantages[start * envs + i]);
                    prop_assert!((found - expected).abs() < 1e-3, "{found} against {expected}");
                }
            }
        }
    }

    /// A state with reward 1 for ever has the value 1 / (1 - gamma). With that value, whatever the
    /// clock cuts off, nothing is better or worse than expected.
    #[test]
    fn truncation_leaves_the_advantage_of_the_true_value_at_zero_and_termination_does_not() {
        let (steps, gamma) = (12, 0.9);
        let value = 1.0 / (1.0 - gamma);
        let done: Vec<bool> = (0..steps).map(|t| t % 4 == 3).collect();
        let ones = vec![1.0; steps];
        let values = vec![value; steps];
        let mut advantages = vec![0.0; steps];
        let never = vec![false; steps];
        let mut columns = GaeColumns {
            envs: 1,
            rewards: &ones,
            values: &values,
            next_values: &values,
            terminated: &never,
            done: &done,
        };
        gae(gamma, 0.95, columns, &mut advantages);
        assert!(advantages.iter().all(|a| a.abs() < 1e-5), "{advantages:?}");
        columns.terminated = &done;
        gae(gamma, 0.95, columns, &mut advantages);
        assert!((advantages[3] - (1.0 - value)).abs() < 1e-5, "{advantages:?}");
    }
}
