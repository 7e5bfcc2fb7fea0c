//! Ranks that are processes under MPI, on one machine or on many.

use mpi::{environment::Universe, topology::SimpleCommunicator, traits::*};

use super::Collective;
use crate::AgentError;

/// This process among those that `mpirun` or `srun` started.
///
/// MPI itself ends the whole job when a process dies. One that gives up must not leave as if it were
/// done, or the others would wait for it: dropping this while a panic unwinds, and
/// [`abort`](Self::abort), end all of them.
pub struct MpiCollective {
    world: SimpleCommunicator,
    all: Vec<u8>,
    /// Ends MPI in good order when it is dropped, so it comes last.
    _universe: Universe,
}

impl MpiCollective {
    /// Joins the others; `None` when this process has done so before.
    pub fn join() -> Option<Self> {
        let universe = mpi::initialize()?;
        Some(Self { world: universe.world(), all: Vec::new(), _universe: universe })
    }

    /// Ends all processes with this exit code.
    pub fn abort(&self, code: i32) -> ! {
        self.world.abort(code)
    }
}

impl Drop for MpiCollective {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.world.abort(1);
        }
    }
}

impl Collective for MpiCollective {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.size() as usize
    }

    fn all_gather(&mut self, mine: &[u8]) -> Result<&[u8], AgentError> {
        self.all.resize(self.size() * mine.len(), 0);
        if mine.is_empty() {
            self.world.barrier();
        } else {
            self.world.all_gather_into(mine, &mut self.all[..]);
        }
        Ok(&self.all)
    }
}
