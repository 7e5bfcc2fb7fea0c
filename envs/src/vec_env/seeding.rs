//! Which seed each episode of a vector starts from.

use serde::{Deserialize, Serialize};

use crate::episode_seed;

/// The seed of a run, and how many consecutive environments share the seeds of their episodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seeding {
    pub(super) run: u64,
    pub(super) group_size: usize,
}

impl Seeding {
    /// Every environment has seeds of its own.
    pub(super) fn apart(run: u64) -> Self {
        Self { run, group_size: 1 }
    }

    /// The seed of an episode of the environment at `place` of the vector.
    pub(super) fn of(self, place: usize, episode: u64) -> u64 {
        episode_seed(self.run, (place / self.group_size) as u64, episode)
    }
}
