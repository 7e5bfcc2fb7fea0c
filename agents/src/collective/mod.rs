//! Several processes, one learner: what its ranks tell each other.
//!
//! Ranks are equal copies of a learner, each with environments of its own. One operation carries
//! everything, [`Collective::all_gather`]: what each rank says, in the order of ranks. Means are
//! taken from it on every rank, in that order, so they are the same bits on every rank, whatever
//! carried them and whenever they are repeated. A ring would move less than `size` times the
//! gradient, but no sum of it is reproducible across transports.

mod alone;
mod averages;
#[cfg(feature = "mpi")]
mod mpi;
mod threads;

pub use alone::Alone;
pub(crate) use averages::{mean_gradients, merge_moments, normalize_together, share_weights};
#[cfg(feature = "mpi")]
pub use mpi::MpiCollective;
pub use threads::ThreadCollective;

use crate::AgentError;

/// One rank's line to all of them.
///
/// Every rank must call the same operations in the same order with slices of the same lengths. A
/// rank that ends early makes the operations of the others fail; none waits for ever.
pub trait Collective {
    /// Number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks, at least 1.
    fn size(&self) -> usize;

    /// What every rank gave as `mine`, one after the other in the order of ranks.
    ///
    /// # Errors
    /// When a rank is gone, or gave another number of bytes.
    fn all_gather(&mut self, mine: &[u8]) -> Result<&[u8], AgentError>;

    /// Replaces each number by its mean over ranks.
    ///
    /// # Errors
    /// As [`all_gather`](Self::all_gather).
    fn all_reduce_mean(&mut self, values: &mut [f32]) -> Result<(), AgentError> {
        let (size, width) = (self.size(), 4 * values.len());
        let all = self.all_gather(bytemuck::cast_slice(values))?;
        for (i, value) in values.iter_mut().enumerate() {
            let of_rank =
                |rank: usize| bytemuck::pod_read_unaligned::<f32>(&all[rank * width + 4 * i..][..4]);
            *value = (1..size).fold(of_rank(0), |sum, rank| sum + of_rank(rank)) / size as f32;
        }
        Ok(())
    }

    /// Replaces `values` by those of rank `root`.
    ///
    /// # Errors
    /// As [`all_gather`](Self::all_gather).
    fn broadcast(&mut self, root: usize, values: &mut [f32]) -> Result<(), AgentError> {
        let width = 4 * values.len();
        let all = self.all_gather(bytemuck::cast_slice(values))?;
        bytemuck::cast_slice_mut(values).copy_from_slice(&all[root * width..][..width]);
        Ok(())
    }

    /// Returns once every rank has called it.
    ///
    /// # Errors
    /// As [`all_gather`](Self::all_gather).
    fn barrier(&mut self) -> Result<(), AgentError> {
        self.all_gather(&[]).map(drop)
    }

    /// What every rank gave, by rank, where lengths differ.
    ///
    /// # Errors
    /// As [`all_gather`](Self::all_gather).
    fn all_gather_any(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>, AgentError> {
        let lengths = self.all_gather(&(mine.len() as u64).to_ne_bytes())?.chunks_exact(8);
        let lengths: Vec<usize> =
            lengths.map(|length| bytemuck::pod_read_unaligned::<u64>(length) as usize).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut padded = mine.to_vec();
        padded.resize(longest, 0);
        let all = self.all_gather(&padded)?;
        let parts = lengths.iter().enumerate();
        Ok(parts.map(|(rank, length)| all[rank * longest..][..*length].to_vec()).collect())
    }
}

impl<C: Collective + ?Sized> Collective for &mut C {
    fn rank(&self) -> usize {
        (**self).rank()
    }

    fn size(&self) -> usize {
        (**self).size()
    }

    fn all_gather(&mut self, mine: &[u8]) -> Result<&[u8], AgentError> {
        (**self).all_gather(mine)
    }
}

/// Refuses a message that has another length than the rank's own.
fn check_length(rank: usize, found: usize, expected: usize) -> Result<(), AgentError> {
    if found == expected { Ok(()) } else { Err(AgentError::RanksDisagree { rank, found, expected }) }
}
