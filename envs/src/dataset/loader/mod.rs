//! Batches from the mapped columns of a dataset, into memory that is allocated once.

mod ahead;
mod chunks;
mod transitions;

use std::sync::Arc;

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use self::ahead::Ahead;
use super::DatasetError;

pub use chunks::{ChunkBatch, Chunks, Hindsight};
pub use transitions::{TransitionBatch, Transitions};

/// Draws batches: number `index` is a function of the source's seed and `index` alone.
pub trait BatchSource: Send + Sync + 'static {
    /// What is filled, and used again.
    type Batch: Default + Send + 'static;

    /// Fills `batch` with batch number `index`.
    fn fill(&self, index: u64, batch: &mut Self::Batch);
}

/// The batches of a source one after the other, optionally drawn ahead by a thread of its own.
///
/// Whether and how far ahead changes nothing but the time; a loader whose state was
/// [saved](Checkpoint) goes on with the batch that would have come next.
pub struct Loader<S: BatchSource> {
    source: Arc<S>,
    depth: usize,
    taken: u64,
    current: S::Batch,
    /// Started by the first batch.
    ahead: Option<Ahead<S::Batch>>,
}

impl<S: BatchSource> Loader<S> {
    /// A loader that keeps `depth` batches ready; 0 draws each when it is asked for.
    pub fn new(source: S, depth: usize) -> Self {
        Self { source: Arc::new(source), depth, taken: 0, current: S::Batch::default(), ahead: None }
    }

    /// The next batch.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn next_batch(&mut self) -> Result<&S::Batch, DatasetError> {
        if self.depth == 0 {
            self.source.fill(self.taken, &mut self.current);
        } else {
            if self.ahead.is_none() {
                self.ahead = Some(Ahead::start(Arc::clone(&self.source), self.taken, self.depth)?);
            }
            if let Some(ahead) = &mut self.ahead {
                ahead.exchange(&mut self.current);
            }
        }
        self.taken += 1;
        Ok(&self.current)
    }
}

impl<S: BatchSource> Checkpoint for Loader<S> {
    fn save(&self, out: &mut Writer) {
        out.value("taken", &self.taken);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.taken = from.value("taken")?;
        self.ahead = None;
        Ok(())
    }
}
