//! Ctrl-C and cluster signals: finish the step, write a checkpoint, leave.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGUSR1},
    flag,
};

use crate::{TelosError, error::exit_code};

/// A request to stop, polled by the loops between steps.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    requested: Arc<AtomicBool>,
}

impl Interrupt {
    /// A request that only [`request`](Self::request) makes, for programs with signals of their own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens for SIGINT, SIGTERM and SIGUSR1 (which schedulers send before a job's time is up).
    /// A second SIGINT or SIGTERM ends the process at once, with exit code 3: the last checkpoint
    /// is still good.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> Result<Self, TelosError> {
        let interrupt = Self::new();
        let install = || -> std::io::Result<()> {
            for signal in [SIGINT, SIGTERM] {
                // Handlers run in the order of registration: this one sees the flag of the signal before.
                flag::register_conditional_shutdown(
                    signal,
                    exit_code::INTERRUPTED,
                    interrupt.requested.clone(),
                )?;
            }
            for signal in [SIGINT, SIGTERM, SIGUSR1] {
                flag::register(signal, interrupt.requested.clone())?;
            }
            Ok(())
        };
        install().map_err(|source| TelosError::Io { doing: "listening for signals".into(), source })?;
        Ok(interrupt)
    }

    /// Asks every holder of this interrupt to stop.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether to write a checkpoint and stop.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }
}
