//! A pool of processes on this machine, the default: each executes one trial after another with a
//! process of its own, so a crash of one takes nothing with it.

use std::{
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::Batch;
use crate::{
    Interrupt, TelosError,
    error::exit_code,
    sweep::{
        advance::{Next, advance},
        attempt::{End, attempts},
        store::Store,
    },
};

/// Time between two looks at a child.
const POLL: Duration = Duration::from_millis(5);
/// Time between two lines of progress.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How to run a sweep on this machine.
#[derive(Clone, Debug)]
pub struct LocalPool {
    /// Processes side by side.
    pub workers: usize,
    /// Fruitless attempts after which a trial is given up.
    pub attempts: usize,
    /// The telos program.
    pub program: PathBuf,
    /// Show no progress.
    pub quiet: bool,
}

/// How a run of the pool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolEnd {
    /// The sweep is finished.
    Finished,
    /// Stopped on request.
    Interrupted,
}

impl LocalPool {
    /// Runs the sweep to its end.
    ///
    /// # Errors
    /// As [`advance`], and when the machine refuses to run a trial. What is done stays done.
    pub fn run(&self, store: &Store, interrupt: &Interrupt) -> Result<PoolEnd, TelosError> {
        loop {
            match advance(store, self.attempts)? {
                Next::Finished => return Ok(PoolEnd::Finished),
                Next::Run(_) if interrupt.is_requested() => return Ok(PoolEnd::Interrupted),
                Next::Run(batch) => self.execute(store, &batch, interrupt)?,
            }
        }
    }

    /// Tries every missing trial once.
    fn execute(&self, store: &Store, batch: &Batch, interrupt: &Interrupt) -> Result<(), TelosError> {
        let (next, finished, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let before = batch.trials - batch.missing.len();
        let shown = Mutex::new(Instant::now());
        self.show(batch, before);
        let work = || -> Result<(), TelosError> {
            while !stopped.load(Ordering::Relaxed) && !interrupt.is_requested() {
                let Some(index) = batch.missing.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                if let Err(error) = self.execute_one(store, batch.generation, *index, interrupt) {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                let done = before + finished.fetch_add(1, Ordering::Relaxed) + 1;
                // Whoever finds the clock taken leaves the line to the other.
                if let Ok(mut last) = shown.try_lock()
                    && last.elapsed() >= LINE_INTERVAL
                {
                    *last = Instant::now();
                    self.show(batch, done);
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.workers.min(batch.missing.len())).map(|_| scope.spawn(work)).collect();
            // A panic of a worker is a panic of the command.
            let join = |worker: thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().map(join).collect::<Vec<Result<(), TelosError>>>().into_iter().collect()
        })
    }

    fn execute_one(
        &self,
        store: &Store,
        generation: usize,
        index: usize,
        interrupt: &Interrupt,
    ) -> Result<(), TelosError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / self.workers).max(1);
        let child = Command::new(&self.program)
            .args(["sweep", "exec"])
            .arg(store.path())
            .args(["--generation", &generation.to_string(), "--index", &index.to_string()])
            .args(["--threads", &threads.to_string(), "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| TelosError::io(&self.program, source))?;
        let (status, message) = wait(child, interrupt)?;
        match status.code() {
            Some(exit_code::DONE | exit_code::INTERRUPTED) => Ok(()),
            // Killed; the next round tries again, or gives up.
            None => Ok(()),
            Some(_) => {
                let generation = store.generation(generation)?;
                let id = generation.as_ref().and_then(|generation| generation.trials().nth(index));
                let id = id.expect("the batch was made from this generation");
                match attempts(store, id)?.last().and_then(|last| last.end.clone()) {
                    Some(End::Failed { .. } | End::Differs) => {
                        // Nobody is left to tell when standard error is closed.
                        let _ = write!(std::io::stderr(), "trial {id}: {message}");
                        Ok(())
                    }
                    _ => Err(TelosError::Io {
                        doing: format!("trial {id}"),
                        source: std::io::Error::other(format!(
                            "{}\nno more trials are started; what is done is kept: put this right, then \
                             `telos sweep run {}` goes on",
                            message.trim_end(),
                            store.path().display()
                        )),
                    }),
                }
            }
        }
    }

    fn show(&self, batch: &Batch, done: usize) {
        if !self.quiet {
            let Batch { generation, trials, .. } = batch;
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "generation {generation}: {done} of {trials} trials");
        }
    }
}

/// Waits for a child, which stops when its standard input closes: on an interrupt, and also when
/// this process is killed.
fn wait(mut child: Child, interrupt: &Interrupt) -> Result<(ExitStatus, String), TelosError> {
    let mut errors = child.stderr.take().expect("standard error was piped");
    let reader = thread::spawn(move || {
        let mut message = Vec::new();
        // What could be read is all there is to show.
        let _ = errors.read_to_end(&mut message);
        String::from_utf8_lossy(&message).into_owned()
    });
    let mut lifeline = child.stdin.take();
    let status = loop {
        let status = child
            .try_wait()
            .map_err(|source| TelosError::Io { doing: "waiting for a trial".into(), source })?;
        if let Some(status) = status {
            break status;
        }
        if interrupt.is_requested() {
            lifeline = None;
        }
        thread::sleep(POLL);
    };
    drop(lifeline);
    Ok((status, reader.join().unwrap_or_default()))
}
