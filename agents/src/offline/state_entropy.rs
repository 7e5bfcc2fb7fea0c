//! SERA: "Sample Efficient Reward Augmentation in offline-to-online Reinforcement Learning", Guo et al.
//! 2023, arXiv 2310.19805. While a policy from recorded data goes on online, its rewards are augmented
//! by the entropy of visited states among states of like value:
//!
//! `r <- r + lambda tanh( log(2 e_i) + psi(n(i) + 1) / d )`
//!
//! where `e_i` is the distance of state i to its k-th neighbour in the batch under
//! `max(|s_i - s_j|, |Q_i - Q_j|)`, `n(i)` counts the other states whose value differs by less than `e_i`,
//! `d` is the number of components of a state and psi the digamma function (the estimator of Kraskov,
//! Stoegbauer, Grassberger 2004; its form for values is that of Kim et al. 2023, "VCSE", arXiv
//! 2305.19476). Values and components of states are standardised over the batch, since those of values
//! drift while fine-tuning.

use serde::{Deserialize, Serialize};

use crate::{
    AgentError,
    error::{at_least_one, not_negative},
};

/// Keeps equal states from an infinite entropy, in standard deviations.
const LEAST_DISTANCE: f32 = 1e-6;
/// Euler's constant: `psi(1) = -EULER`.
const EULER: f32 = 0.577_215_7;

/// Settings of SERA.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeraConfig {
    /// Weight lambda of the bonus. Default 1 (paper).
    pub weight: f32,
    /// The neighbour k that distances are measured to. Default 5 (as PEBBLE's state entropy, arXiv
    /// 2106.05091).
    pub neighbours: usize,
}

impl Default for SeraConfig {
    fn default() -> Self {
        Self { weight: 1.0, neighbours: 5 }
    }
}

impl SeraConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        not_negative("fine_tuning.sera.weight", self.weight)?;
        at_least_one("fine_tuning.sera.neighbours", self.neighbours)
    }
}

/// The transform of a batch's rewards. It keeps nothing from batch to batch but memory.
#[derive(Clone, Debug)]
pub struct Sera {
    config: SeraConfig,
    obs: Vec<f32>,
    values: Vec<f32>,
    distances: Vec<f32>,
}

impl Sera {
    /// A transform with these settings.
    pub fn new(config: SeraConfig) -> Self {
        Self { config, obs: Vec::new(), values: Vec::new(), distances: Vec::new() }
    }

    /// Adds the bonus to `rewards` `[rows]` of observations `[rows, obs]` whose values are `[rows]`.
    /// Batches with no more rows than neighbours stay as they are.
    ///
    /// # Errors
    /// When the columns have different numbers of rows.
    pub fn augment(&mut self, obs: &[f32], values: &[f32], rewards: &mut [f32]) -> Result<(), AgentError> {
        let rows = rewards.len();
        AgentError::check_length("values", values.len(), rows)?;
        if rows <= self.config.neighbours {
            return Ok(());
        }
        let width = obs.len() / rows;
        AgentError::check_length("obs", obs.len(), rows * width)?;
        self.obs.clear();
        self.obs.extend_from_slice(obs);
        self.values.clear();
        self.values.extend_from_slice(values);
        standardize(&mut self.obs, width);
        standardize(&mut self.values, 1);

        let k = self.config.neighbours - 1;
        for (i, reward) in rewards.iter_mut().enumerate() {
            let (state, value) = (&self.obs[i * width..][..width], self.values[i]);
            self.distances.clear();
            for (other, other_value) in self.obs.chunks_exact(width).zip(&self.values) {
                let squares: f32 = state.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
                self.distances.push(squares.sqrt().max((value - other_value).abs()));
            }
            self.distances.swap_remove(i);
            let (_, nearest, _) = self.distances.select_nth_unstable_by(k, f32::total_cmp);
            let epsilon = nearest.max(LEAST_DISTANCE);
            // Of the state itself, too, whose place in the sum is that of the "+ 1".
            let count = self.values.iter().filter(|other| (value - *other).abs() < epsilon).count();
            let bonus = (2.0 * epsilon).ln() + digamma(count) / width as f32;
            *reward += self.config.weight * bonus.tanh();
        }
        Ok(())
    }
}

/// `psi(n) = -gamma + 1 + 1/2 + ... + 1/(n - 1)` for n >= 1.
fn digamma(n: usize) -> f32 {
    (1..n).map(|i| (i as f32).recip()).sum::<f32>() - EULER
}

/// Shifts and scales every column to mean zero and deviation one; columns that never move become zero.
fn standardize(matrix: &mut [f32], width: usize) {
    let rows = (matrix.len() / width) as f32;
    for column in 0..width {
        let mean = matrix.iter().skip(column).step_by(width).sum::<f32>() / rows;
        let variance =
            matrix.iter().skip(column).step_by(width).map(|x| (x - mean) * (x - mean)).sum::<f32>() / rows;
        let inverse = if variance > 1e-12 { variance.sqrt().recip() } else { 0.0 };
        matrix.iter_mut().skip(column).step_by(width).for_each(|x| *x = (*x - mean) * inverse);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bonus_of_four_states_by_hand() {
        let mut sera = Sera::new(SeraConfig { weight: 2.0, neighbours: 1 });
        // Standardised: -1.5, -0.5, 0.5, 1.5 over sqrt(1.25), one apart before the division.
        let (ladder, equal) = ([10.0, 20.0, 30.0, 40.0], [7.0; 4]);
        let epsilon = 1.0 / 1.25_f32.sqrt();
        // Where values are equal all four states count; where states are, none but the state itself.
        for (obs, values, psi) in [(ladder, equal, 1.256_117_7), (equal, ladder, -EULER)] {
            let mut rewards = [1.0; 4];
            sera.augment(&obs, &values, &mut rewards).unwrap();
            let exact = 1.0 + 2.0 * ((2.0 * epsilon).ln() + psi).tanh();
            assert!(rewards.iter().all(|r| (r - exact).abs() < 1e-5), "{rewards:?}, exactly {exact}");
        }
    }

    #[test]
    fn lonely_states_get_more_than_crowded_ones() {
        let mut sera = Sera::new(SeraConfig::default());
        let mut obs: Vec<f32> = (0..60).map(|i| 0.01 * (i as f32 * 0.7).sin()).collect();
        obs[58..].copy_from_slice(&[3.0, -3.0]);
        let (values, mut rewards) = (vec![0.5; 30], vec![0.0; 30]);
        sera.augment(&obs, &values, &mut rewards).unwrap();
        assert!(rewards[..29].iter().all(|crowded| rewards[29] > *crowded), "{rewards:?}");
        assert!(rewards.iter().all(|r| r.abs() <= 1.0));
    }

    #[test]
    fn digamma_of_whole_numbers() {
        assert!((digamma(1) + 0.577_215_7).abs() < 1e-6);
        assert!((digamma(4) - 1.256_117_7).abs() < 1e-6);
    }
}
