//! Running means of a learner's metrics between two reports.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

/// Sums and counts by metric name, in order of first appearance.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RunningMeans {
    sums: Vec<(String, f64, u64)>,
}

impl RunningMeans {
    /// Adds a value to the mean of this name.
    pub(super) fn add(&mut self, name: &str, value: f32) {
        match self.sums.iter_mut().find(|(known, _, _)| known == name) {
            Some((_, sum, count)) => {
                *sum += f64::from(value);
                *count += 1;
            }
            None => self.sums.push((name.into(), value.into(), 1)),
        }
    }

    /// The means, after which all is empty.
    pub(super) fn drain(&mut self) -> Vec<(String, f64)> {
        self.sums.drain(..).map(|(name, sum, count)| (name, sum / count as f64)).collect()
    }
}

impl Checkpoint for RunningMeans {
    fn save(&self, out: &mut Writer) {
        out.value("sums", &self.sums);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.sums = from.value("sums")?;
        Ok(())
    }
}
