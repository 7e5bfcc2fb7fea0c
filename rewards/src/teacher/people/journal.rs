//! `taken.jsonl`: which answers the training has learned from, and when.
//!
//! People answer whenever they like, so what a run saw does not follow from its seed. The journal makes
//! it repeatable: a resumed run takes the same answers at the same polls. It also settles who wins when
//! an answer is taken back while training is about to learn from it: both hold the journal's lock.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use telos_checkpoint::sync_directory;

use crate::{
    RewardError,
    feedback::{
        lock::LockedFile,
        sealed_line::{seal, unseal_lines, whole_lines},
        segment_file::write_at,
    },
};

/// One line: at poll number `poll`, the training took all answers up to byte `bytes` of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taken {
    pub(super) poll: u64,
    pub(super) bytes: u64,
}

/// The journal, locked until it is dropped.
pub struct Journal {
    path: PathBuf,
    file: LockedFile,
    length: u64,
    taken: Vec<Taken>,
}

impl Journal {
    /// Opens or creates the journal of the people's directory `people`.
    ///
    /// # Errors
    /// [`RewardError::Busy`] when the other side has it just now, and when a line is damaged or the
    /// system refuses.
    pub(super) fn open(people: &Path) -> Result<Self, RewardError> {
        fs::create_dir_all(people).map_err(RewardError::io(people))?;
        let path = people.join("taken.jsonl");
        let mut file = LockedFile::open(&path)?;
        let mut bytes = Vec::new();
        file.0.read_to_end(&mut bytes).map_err(RewardError::io(&path))?;
        let whole = whole_lines(&bytes);
        let taken: Vec<Taken> = unseal_lines(&path, 0, whole)?.into_iter().map(|(_, taken)| taken).collect();
        if taken.is_empty() {
            sync_directory(&path)?;
        }
        let length = whole.len() as u64;
        Ok(Self { path, file, length, taken })
    }

    /// As `open`, for people who take back an answer: waits while the training has it.
    ///
    /// # Errors
    /// When the training has it for longer than a second, and as `open`.
    pub fn wait(people: &Path) -> Result<Self, RewardError> {
        let started = Instant::now();
        loop {
            match Self::open(people) {
                Err(RewardError::Busy { .. }) if started.elapsed() < Duration::from_secs(1) => {
                    thread::sleep(Duration::from_millis(2));
                }
                result => return result,
            }
        }
    }

    /// How many bytes of the answer log the training has taken.
    pub fn bytes(&self) -> u64 {
        self.taken.last().map_or(0, |taken| taken.bytes)
    }

    /// Everything that was taken, in order.
    pub(super) fn taken(&self) -> &[Taken] {
        &self.taken
    }

    /// Records a taking, durably.
    pub(super) fn record(&mut self, taken: Taken) -> Result<(), RewardError> {
        let line = seal(&taken);
        write_at(&mut self.file.0, self.length, line.as_bytes()).map_err(RewardError::io(&self.path))?;
        self.length += line.len() as u64;
        self.taken.push(taken);
        Ok(())
    }
}
