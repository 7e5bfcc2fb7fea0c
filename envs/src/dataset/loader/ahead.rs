//! A thread that draws batches before they are asked for. Buffers go round: full ones to the consumer,
//! used ones back, so nothing is locked and nothing allocated.

use std::{
    panic,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::BatchSource;
use crate::dataset::DatasetError;

pub(super) struct Ahead<B> {
    /// `None` once the thread is told to end.
    used: Option<Sender<B>>,
    full: Receiver<B>,
    thread: Option<JoinHandle<()>>,
}

impl<B: Default + Send + 'static> Ahead<B> {
    /// Starts to draw from batch number `first` on, `depth` batches ahead.
    pub(super) fn start<S>(source: Arc<S>, first: u64, depth: usize) -> Result<Self, DatasetError>
    where
        S: BatchSource<Batch = B>,
    {
        let (used, to_fill) = bounded::<B>(depth + 1);
        let (filled, full) = bounded(depth + 1);
        for _ in 0..depth {
            used.send(B::default()).expect("the receiver is in this function");
        }
        let draw = move || {
            for (index, mut batch) in (first..).zip(to_fill) {
                source.fill(index, &mut batch);
                if filled.send(batch).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new()
            .name("batches".into())
            .spawn(draw)
            .map_err(|source| DatasetError::io(Path::new("a thread for batches"), source))?;
        Ok(Self { used: Some(used), full, thread: Some(thread) })
    }

    /// Gives `batch` back and puts the next one in its place.
    pub(super) fn exchange(&mut self, batch: &mut B) {
        match self.full.recv() {
            Ok(next) => {
                let spent = std::mem::replace(batch, next);
                if let Some(used) = &self.used {
                    // A thread that is gone is noticed at the next batch.
                    let _ = used.send(spent);
                }
            }
            Err(_) => self.propagate(),
        }
    }

    /// The thread ends before it is told to only by a panic, which becomes one of the consumer.
    fn propagate(&mut self) -> ! {
        let thread = self.thread.take().expect("a panic is propagated once");
        match thread.join() {
            Err(payload) => panic::resume_unwind(payload),
            Ok(()) => unreachable!("the thread draws until its channel closes"),
        }
    }
}

impl<B> Drop for Ahead<B> {
    fn drop(&mut self) {
        self.used = None;
        // Full buffers stay in their channel, which has room for all: the thread never waits on it.
        if let Some(thread) = self.thread.take() {
            // The consumer is gone; nobody is left to tell of a panic.
            let _ = thread.join();
        }
    }
}
