//! What each of several environments has shown lately.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

/// The latest observations of each environment's episode, the oldest first.
#[derive(Clone, Debug)]
pub struct Contexts {
    /// `[envs, most, obs]`; what lies beyond a length is left over.
    rows: Vec<f32>,
    /// `[envs]`.
    lengths: Vec<usize>,
    most: usize,
    observation: usize,
}

impl Contexts {
    /// Nothing yet of `envs` environments whose observations have `observation` numbers, of which the latest
    /// `most` will be kept.
    pub fn new(envs: usize, most: usize, observation: usize) -> Self {
        Self { rows: vec![0.0; envs * most * observation], lengths: vec![0; envs], most, observation }
    }

    /// Adds an observation of each environment (`[envs, obs]`).
    pub fn push(&mut self, obs: &[f32]) {
        let (most, width) = (self.most, self.observation);
        let rows = self.rows.chunks_exact_mut(most * width);
        for ((rows, length), obs) in rows.zip(&mut self.lengths).zip(obs.chunks_exact(width)) {
            if *length == most {
                rows.copy_within(width.., 0);
                *length -= 1;
            }
            rows[*length * width..][..width].copy_from_slice(obs);
            *length += 1;
        }
    }

    /// Forgets the episode of an environment.
    pub fn clear(&mut self, env: usize) {
        self.lengths[env] = 0;
    }

    /// The observations of each environment, `[length, obs]`.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let rows = self.rows.chunks_exact(self.most * self.observation);
        rows.zip(&self.lengths).map(|(rows, length)| &rows[..length * self.observation])
    }
}

impl Checkpoint for Contexts {
    fn save(&self, out: &mut Writer) {
        out.f32s("rows", &self.rows);
        out.value("lengths", &self.lengths);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.f32s("rows", &mut self.rows)?;
        let lengths: Vec<usize> = from.value("lengths")?;
        if lengths.len() != self.lengths.len() || lengths.iter().any(|length| *length > self.most) {
            return Err(from.wrong("lengths", "was saved for other environments or another context"));
        }
        self.lengths = lengths;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_in_order_and_episodes_apart() {
        let mut contexts = Contexts::new(2, 2, 1);
        for step in 0..3 {
            contexts.push(&[step as f32, 10.0 + step as f32]);
            if step == 1 {
                contexts.clear(1);
            }
        }
        assert_eq!(contexts.iter().collect::<Vec<_>>(), [&[1.0, 2.0][..], &[12.0]]);
    }
}
