//! A thread that waits for chunks, works on them and hands them back.

use std::{
    panic, thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError, bounded};

use super::chunk::{Chunk, Job};
use crate::EnvError;

/// One persistent thread with a channel in each direction. Both hold at most one chunk, so sending
/// never blocks and never allocates.
pub(super) struct Worker {
    jobs: Option<Sender<(Box<Chunk>, Job)>>,
    done: Receiver<Box<Chunk>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    pub(super) fn spawn(index: usize) -> Result<Self, EnvError> {
        let (jobs, inbox) = bounded::<(Box<Chunk>, Job)>(1);
        let (outbox, done) = bounded(1);
        let thread = thread::Builder::new()
            .name(format!("rollout-{index}"))
            .spawn(move || {
                while let Ok((mut chunk, job)) = receive(&inbox) {
                    chunk.run(job);
                    if outbox.send(chunk).is_err() {
                        return;
                    }
                }
            })
            .map_err(|source| EnvError::Thread { index, source })?;
        Ok(Self { jobs: Some(jobs), done, thread: Some(thread) })
    }

    /// Hands a chunk to the thread.
    pub(super) fn begin(&mut self, chunk: Box<Chunk>, job: Job) {
        let sent = self.jobs.as_ref().map(|jobs| jobs.send((chunk, job)));
        if !matches!(sent, Some(Ok(()))) {
            self.propagate();
        }
    }

    /// Waits for the chunk of the last [`begin`](Self::begin). A panic of an environment continues
    /// here, in the caller's thread, with its own message.
    pub(super) fn finish(&mut self) -> Box<Chunk> {
        match receive(&self.done) {
            Ok(chunk) => chunk,
            Err(_) => self.propagate(),
        }
    }

    fn propagate(&mut self) -> ! {
        match self.thread.take().map(thread::JoinHandle::join) {
            Some(Err(payload)) => panic::resume_unwind(payload),
            _ => panic!("a rollout thread is gone after an earlier panic; build a new VecEnv"),
        }
    }
}

/// How long a waiting thread looks again before it goes to sleep.
const PATIENCE: Duration = Duration::from_micros(50);

/// Receives, at first without sleeping: to wake a thread takes longer than many environments take to
/// step. Between looks the core is offered to others. Where they take it, the time is soon over, and the
/// thread sleeps until it is woken: whoever offers the core again and again gets it back last.
fn receive<T>(channel: &Receiver<T>) -> Result<T, RecvError> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match channel.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => thread::yield_now(),
        }
    }
    channel.recv()
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Closing the channel ends the thread's loop.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic that nobody waited for has been printed by the panic hook already.
            let _ = thread.join();
        }
    }
}
