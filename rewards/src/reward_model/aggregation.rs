//! One reward out of several members' (Coste et al. 2023, "Reward Model Ensembles Help Mitigate
//! Overoptimization", arXiv 2310.02743): a policy finds the steps that some member overrates, unless
//! the others are heard.
//!
//! worst case (WCO): `min_i r_i`; uncertainty weighted (UWO): `mean_i r_i - λ var_i r_i`.

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

/// How the members' rewards become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Their mean.
    #[default]
    Mean,
    /// The least of them (WCO).
    WorstCase,
    /// Their mean less a multiple of their variance (UWO).
    UncertaintyWeighted,
}

/// The members' rewards made comparable: comparisons fix a reward up to a constant, and each member has
/// its own. Each is brought to mean 0 and deviation 1 over the answered steps, which also gives `λ` a unit.
pub(super) struct Members {
    aggregation: Aggregation,
    /// `λ`.
    variance_penalty: f32,
    mean: Vec<f32>,
    /// One over the deviation.
    inverse: Vec<f32>,
}

impl Members {
    pub(super) fn new(aggregation: Aggregation, variance_penalty: f32, members: usize) -> Self {
        Self { aggregation, variance_penalty, mean: vec![0.0; members], inverse: vec![1.0; members] }
    }

    /// Whether the members are compared, so that [`fit`](Self::fit) matters.
    pub(super) fn compared(&self) -> bool {
        self.aggregation != Aggregation::Mean
    }

    /// Takes the statistics of rewards `[members, rows]`.
    pub(super) fn fit(&mut self, rewards: &[f32]) {
        let rows = rewards.len() / self.mean.len();
        for (member, rewards) in rewards.chunks_exact(rows).enumerate() {
            let mean = rewards.iter().map(|&r| f64::from(r)).sum::<f64>() / rows as f64;
            let variance = rewards.iter().map(|&r| (f64::from(r) - mean).powi(2)).sum::<f64>() / rows as f64;
            self.mean[member] = mean as f32;
            self.inverse[member] = if variance > 1e-12 { (1.0 / variance.sqrt()) as f32 } else { 1.0 };
        }
    }

    /// One reward per row out of `[members, rows]`.
    pub(super) fn combine(&self, rewards: &[f32], out: &mut [f32]) {
        let rows = out.len();
        let count = (rewards.len() / rows) as f32;
        if self.aggregation == Aggregation::Mean {
            out.fill(0.0);
            for member in rewards.chunks_exact(rows) {
                out.iter_mut().zip(member).for_each(|(sum, reward)| *sum += reward);
            }
            out.iter_mut().for_each(|sum| *sum /= count);
            return;
        }
        for (row, out) in out.iter_mut().enumerate() {
            let standard = rewards.iter().skip(row).step_by(rows).zip(&self.mean).zip(&self.inverse);
            let standard = standard.map(|((reward, mean), inverse)| (reward - mean) * inverse);
            *out = match self.aggregation {
                Aggregation::WorstCase => standard.fold(f32::INFINITY, f32::min),
                _ => {
                    let mean = standard.clone().sum::<f32>() / count;
                    let variance = standard.map(|r| (r - mean) * (r - mean)).sum::<f32>() / count;
                    mean - self.variance_penalty * variance
                }
            };
        }
    }
}

impl Checkpoint for Members {
    fn save(&self, out: &mut Writer) {
        out.f32s("mean", &self.mean);
        out.f32s("inverse", &self.inverse);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.f32s("mean", &mut self.mean)?;
        from.f32s("inverse", &mut self.inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two members, three rows; the second member's scale is ten times the first's.
    const REWARDS: [f32; 6] = [1.0, 2.0, 3.0, 40.0, 20.0, 30.0];

    fn combined(aggregation: Aggregation) -> [f32; 3] {
        let mut members = Members::new(aggregation, 0.5, 2);
        members.fit(&REWARDS);
        let mut out = [0.0; 3];
        members.combine(&REWARDS, &mut out);
        out
    }

    #[test]
    fn each_rule_is_its_formula_on_standardised_members() {
        let s = 1.5_f32.sqrt();
        // Standardised: (-s, 0, s) and (s, -s, 0).
        let close = |found: [f32; 3], expected: [f32; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}, {expected:?}");
        };
        close(combined(Aggregation::Mean), [20.5, 11.0, 16.5]);
        close(combined(Aggregation::WorstCase), [-s, -s, 0.0]);
        let disagreement = |spread: f32| 0.5 * (spread / 2.0).powi(2);
        close(
            combined(Aggregation::UncertaintyWeighted),
            [-disagreement(2.0 * s), -s / 2.0 - disagreement(s), s / 2.0 - disagreement(s)],
        );
    }
}
