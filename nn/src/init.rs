//! Initial weights, drawn from our own generator so that they depend on the seed alone.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// How the weights of a fully connected layer start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Init {
    /// Weights and biases uniform in `±1/sqrt(inputs)`: what PyTorch's `nn.Linear` does by default.
    #[default]
    FanIn,
    /// Orthogonal weights scaled by a gain, zero biases (Saxe et al., arXiv:1312.6120); the usual
    /// choice for PPO, with gains sqrt(2) and 0.01 (Andrychowicz et al., arXiv:2006.05990, section 3.2).
    Orthogonal {
        /// Gain of every layer but the last.
        hidden_gain: f32,
        /// Gain of the last layer.
        output_gain: f32,
    },
}

impl Init {
    /// Draws one layer: weights `[inputs, outputs]` in row-major order, then biases `[outputs]`.
    pub(crate) fn draw(
        self,
        inputs: usize,
        outputs: usize,
        last: bool,
        rng: &mut Xoshiro256PlusPlus,
    ) -> (Vec<f32>, Vec<f32>) {
        match self {
            Self::FanIn => {
                let bound = 1.0 / (inputs as f32).sqrt();
                let mut uniform = |n: usize| (0..n).map(|_| rng.random_range(-bound..bound)).collect();
                (uniform(outputs * inputs), uniform(outputs))
            }
            Self::Orthogonal { hidden_gain, output_gain } => {
                let gain = f64::from(if last { output_gain } else { hidden_gain });
                let weights = orthogonal(inputs, outputs, rng).into_iter().map(|w| (gain * w) as f32);
                (weights.collect(), vec![0.0; outputs])
            }
        }
    }
}

/// A `[rows, columns]` matrix with orthonormal rows (or columns, where there are more rows than
/// columns), uniform over such matrices: Gram-Schmidt, run twice for accuracy, on Gaussian vectors.
fn orthogonal(rows: usize, columns: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector = normals(length, rng);
        for _ in 0..2 {
            for other in &basis {
                let overlap: f64 = vector.iter().zip(other).map(|(v, o)| v * o).sum();
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= overlap * o);
            }
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        // A vector almost inside the span of the others would leave rounding noise: draw again.
        if norm > 1e-6 {
            vector.iter_mut().for_each(|v| *v /= norm);
            basis.push(vector);
        }
    }
    let at = |row: usize, column: usize| {
        if rows <= columns { basis[row][column] } else { basis[column][row] }
    };
    (0..rows * columns).map(|i| at(i / columns, i % columns)).collect()
}

fn normals(n: usize, rng: &mut impl Rng) -> Vec<f64> {
    (0..n).map(|_| StandardNormal.sample(rng)).collect()
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn orthogonal_matrices_are_orthonormal_on_their_short_side() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for (rows, columns) in [(3, 7), (7, 3), (1, 1), (64, 64)] {
            let q = orthogonal(rows, columns, &mut rng);
            let count = rows.min(columns);
            let entry =
                |i: usize, j: usize| if rows <= columns { q[i * columns + j] } else { q[j * columns + i] };
            for a in 0..count {
                for b in 0..count {
                    let dot: f64 = (0..rows.max(columns)).map(|j| entry(a, j) * entry(b, j)).sum();
                    assert!((dot - f64::from(a == b)).abs() < 1e-12, "{rows}x{columns}: {a} . {b} = {dot}");
                }
            }
        }
    }

    #[test]
    fn fan_in_fills_its_interval_and_no_more() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let (weights, biases) = Init::FanIn.draw(16, 200, false, &mut rng);
        let variance = weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32;
        assert!(weights.iter().chain(&biases).all(|w| w.abs() <= 0.25));
        // A uniform law on ±1/4 has variance 1/48; 3200 draws are within 6 % of it.
        assert!((variance * 48.0 - 1.0).abs() < 0.06, "{variance}");
    }
}
