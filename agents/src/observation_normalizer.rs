//! Observations shifted and scaled by their running mean and standard deviation.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    AgentError, RunningMoments,
    collective::{Collective, merge_moments},
};

/// Keeps a standard deviation of zero (a component that never moves) from dividing by zero; the
/// value of Gymnasium's `NormalizeObservation`.
const VARIANCE_FLOOR: f64 = 1e-8;

/// Maps an observation `x` to `clip((x - mean) / std, -clip, clip)`.
///
/// The statistics are those of all observations given to [`update`](Self::update). Before the first
/// of them, and in components that never moved, only the clip and the mean have an effect of note.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservationNormalizer {
    moments: RunningMoments,
    clip: f32,
    frozen: bool,
    mean: Vec<f32>,
    inverse_std: Vec<f32>,
}

impl ObservationNormalizer {
    /// Normalises observations of `size` components to at most `clip` standard deviations.
    pub fn new(size: usize, clip: f32) -> Self {
        Self {
            moments: RunningMoments::new(size),
            clip,
            frozen: false,
            mean: vec![0.0; size],
            inverse_std: vec![1.0; size],
        }
    }

    /// Learns from `obs`, `[rows, size]`; does nothing while frozen.
    pub fn update(&mut self, obs: &[f32]) {
        if !self.frozen {
            self.moments.update(obs);
            self.refresh();
        }
    }

    /// Learns from `obs`, `[rows, size]`, of every rank; does nothing while frozen.
    ///
    /// # Errors
    /// When a rank is lost.
    pub fn update_together(&mut self, obs: &[f32], ranks: &mut dyn Collective) -> Result<(), AgentError> {
        if !self.frozen {
            let batch = RunningMoments::of(self.mean.len(), obs);
            merge_moments(ranks, &mut self.moments, &batch)?;
            self.refresh();
        }
        Ok(())
    }

    /// Learns from everything that `other` has seen, for statistics gathered in parallel; does
    /// nothing while frozen.
    ///
    /// # Panics
    /// When the two have another number of components.
    pub fn merge(&mut self, other: &Self) {
        if !self.frozen {
            self.moments.merge(&other.moments);
            self.refresh();
        }
    }

    /// Writes the normalised `obs` to `out`; both `[rows, size]`.
    pub fn normalize(&self, obs: &[f32], out: &mut [f32]) {
        let size = self.mean.len();
        for (row, out) in obs.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            for i in 0..size {
                out[i] = ((row[i] - self.mean[i]) * self.inverse_std[i]).clamp(-self.clip, self.clip);
            }
        }
    }

    /// Stops learning, as for evaluation or for a policy that must stay as it is.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Resumes learning.
    pub fn unfreeze(&mut self) {
        self.frozen = false;
    }

    /// Whether [`update`](Self::update) is without effect.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Number of components of an observation.
    pub fn size(&self) -> usize {
        self.mean.len()
    }

    /// What is subtracted, per component.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// What the difference is multiplied by, per component.
    pub fn inverse_std(&self) -> &[f32] {
        &self.inverse_std
    }

    fn refresh(&mut self) {
        for i in 0..self.mean.len() {
            self.mean[i] = self.moments.mean()[i] as f32;
            self.inverse_std[i] = (self.moments.variance(i) + VARIANCE_FLOOR).sqrt().recip() as f32;
        }
    }
}

impl Checkpoint for ObservationNormalizer {
    fn save(&self, out: &mut Writer) {
        out.part("moments", &self.moments);
        out.value("frozen", &self.frozen);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("moments", &mut self.moments)?;
        self.frozen = from.value("frozen")?;
        self.refresh();
        Ok(())
    }
}

/// Makes `out` the normalised `obs`, or a copy where observations are left as they are.
pub(crate) fn normalized(normalizer: &Option<ObservationNormalizer>, obs: &[f32], out: &mut Vec<f32>) {
    out.resize(obs.len(), 0.0);
    match normalizer {
        Some(normalizer) => normalizer.normalize(obs, out),
        None => out.copy_from_slice(obs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalised_data_has_mean_zero_and_deviation_one() {
        let rows: Vec<f32> = (0..200).flat_map(|i| [i as f32, 1e3 - 3.0 * i as f32]).collect();
        let mut normalizer = ObservationNormalizer::new(2, 10.0);
        normalizer.update(&rows);
        let mut out = vec![0.0; rows.len()];
        normalizer.normalize(&rows, &mut out);
        let mut moments = RunningMoments::new(2);
        moments.update(&out);
        for i in 0..2 {
            assert!(moments.mean()[i].abs() < 1e-4, "{moments:?}");
            assert!((moments.variance(i) - 1.0).abs() < 1e-4, "{moments:?}");
        }
    }

    #[test]
    fn an_empty_normaliser_only_clips() {
        let mut out = [0.0; 2];
        ObservationNormalizer::new(2, 5.0).normalize(&[0.25, -7.0], &mut out);
        assert_eq!(out, [0.25, -5.0]);
    }

    #[test]
    fn a_frozen_normaliser_does_not_learn() {
        let mut normalizer = ObservationNormalizer::new(1, 10.0);
        normalizer.update(&[1.0, 3.0]);
        normalizer.freeze();
        let frozen = normalizer.clone();
        normalizer.update(&[100.0]);
        normalizer.merge(&frozen);
        assert_eq!(normalizer, frozen);
        normalizer.unfreeze();
        normalizer.update(&[100.0]);
        assert!(normalizer.mean()[0] > 30.0);
    }

    #[test]
    fn restored_statistics_are_bit_equal() {
        let mut normalizer = ObservationNormalizer::new(3, 10.0);
        normalizer.update(&[0.1, 0.2, 0.3, 1e-3, 2e5, -7.0]);
        let mut restored = ObservationNormalizer::new(3, 10.0);
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&normalizer)).unwrap();
        assert_eq!(restored, normalizer);
        let mut smaller = ObservationNormalizer::new(2, 10.0);
        let bytes = telos_checkpoint::to_bytes(&normalizer);
        assert!(telos_checkpoint::from_bytes(&mut smaller, &bytes).is_err());
    }
}
