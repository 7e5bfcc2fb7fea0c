//! Standardised inputs of a reward network.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

/// Standardised inputs beyond this are cut off: what lies so far outside the answered segments must
/// not be extrapolated.
const LIMIT: f32 = 10.0;

/// Mean and deviation of each input over the answered segments.
///
/// B-Pref feeds observations as they are, which suits its suite. Joint velocities in rad/s and
/// heights in metres differ by two orders of magnitude, and a network sees little of the smaller.
pub struct InputScale {
    mean: Vec<f32>,
    /// One over the standard deviation; 1 for an input that has never varied.
    inverse: Vec<f32>,
}

impl InputScale {
    /// Leaves `width` inputs as they are.
    pub(super) fn identity(width: usize) -> Self {
        Self { mean: vec![0.0; width], inverse: vec![1.0; width] }
    }

    /// Takes the statistics of `rows` (`[n, width]`, not empty).
    pub(super) fn fit(&mut self, rows: &[f32]) {
        let width = self.mean.len();
        let count = (rows.len() / width) as f64;
        let mut sums = vec![0.0_f64; width];
        for row in rows.chunks_exact(width) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let mut squares = vec![0.0_f64; width];
        for row in rows.chunks_exact(width) {
            let deviations = row.iter().zip(&means).map(|(&x, mean)| f64::from(x) - mean);
            squares.iter_mut().zip(deviations).for_each(|(sum, d)| *sum += d * d);
        }
        for (at, square) in squares.iter().enumerate() {
            let std = (square / count).sqrt();
            self.mean[at] = means[at] as f32;
            self.inverse[at] = if std > 1e-6 { (1.0 / std) as f32 } else { 1.0 };
        }
    }

    /// Appends standardised rows.
    pub fn extend(&self, rows: &[f32], out: &mut Vec<f32>) {
        for row in rows.chunks_exact(self.mean.len()) {
            out.extend(row.iter().zip(&self.mean).zip(&self.inverse).map(standardise));
        }
    }

    /// Appends the standardised rows of an observation and an action column.
    pub(super) fn join(&self, obs: &[f32], actions: &[f32], rows: usize, out: &mut Vec<f32>) {
        let (observation, action) = (obs.len() / rows.max(1), actions.len() / rows.max(1));
        for row in 0..rows {
            let values = obs[row * observation..][..observation].iter();
            let values = values.chain(&actions[row * action..][..action]);
            out.extend(values.zip(&self.mean).zip(&self.inverse).map(standardise));
        }
    }
}

fn standardise(((x, mean), inverse): ((&f32, &f32), &f32)) -> f32 {
    ((x - mean) * inverse).clamp(-LIMIT, LIMIT)
}

impl Checkpoint for InputScale {
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

    #[test]
    fn inputs_are_centred_scaled_and_limited() {
        let mut scale = InputScale::identity(3);
        // The third input never varies.
        scale.fit(&[100.0, 0.0, 5.0, 104.0, 0.2, 5.0]);
        let mut out = Vec::new();
        scale.extend(&[104.0, 0.0, 6.0, 1e6, 0.1, 5.0], &mut out);
        let expected = [1.0, -1.0, 1.0, LIMIT, 0.0, 0.0];
        assert!(out.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{out:?}");
        let mut joined = Vec::new();
        scale.join(&[104.0, 0.0, 1e6, 0.1], &[6.0, 5.0], 2, &mut joined);
        assert_eq!(joined, out);
    }
}
