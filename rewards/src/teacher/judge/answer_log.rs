//! `answers.jsonl`: what the judge answered, and at which poll training learned of it.
//!
//! A judge answers when it pleases, so what a run saw does not follow from its seed. The log makes it
//! repeatable: a resumed run gets the same answers at the same polls, and asks for none of them again.

use std::{fs, io::Read, path::Path, path::PathBuf};

use serde::{Deserialize, Serialize};
use telos_checkpoint::sync_directory;

use crate::{
    RewardError,
    feedback::{
        Choice, QueryId,
        lock::LockedFile,
        sealed_line::{seal, unseal_lines, whole_lines},
        segment_file::write_at,
    },
    judge::Tally,
};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Judged {
    /// Number of the poll that took the answer, from 1.
    pub(super) poll: u64,
    pub(super) query: QueryId,
    pub(super) choice: Choice,
    /// Why there is no verdict, where the query was skipped for that.
    pub(super) reason: Option<String>,
    /// When it was taken, in Unix milliseconds.
    pub(super) at_ms: u64,
    /// From submission until then.
    pub(super) latency_ms: u64,
    /// What it took.
    pub(super) spent: Tally,
}

/// The log, locked as long as it is open.
pub(super) struct AnswerLog {
    path: PathBuf,
    file: LockedFile,
    length: u64,
}

impl AnswerLog {
    /// Opens or creates the log in `directory`, and reads it.
    ///
    /// # Errors
    /// When another process has it, a line is damaged, or the system refuses.
    pub(super) fn open(directory: &Path) -> Result<(Self, Vec<Judged>), RewardError> {
        fs::create_dir_all(directory).map_err(RewardError::io(directory))?;
        let path = directory.join("answers.jsonl");
        let mut file = LockedFile::open(&path)?;
        let mut bytes = Vec::new();
        file.0.read_to_end(&mut bytes).map_err(RewardError::io(&path))?;
        let whole = whole_lines(&bytes);
        let judged: Vec<Judged> = unseal_lines(&path, 0, whole)?.into_iter().map(|(_, line)| line).collect();
        let length = whole.len() as u64;
        if length < bytes.len() as u64 {
            file.0.set_len(length).map_err(RewardError::io(&path))?;
        }
        sync_directory(&path)?;
        Ok((Self { path, file, length }, judged))
    }

    /// Adds lines, durably.
    pub(super) fn append(&mut self, judged: &[Judged]) -> Result<(), RewardError> {
        let lines: String = judged.iter().map(seal).collect();
        write_at(&mut self.file.0, self.length, lines.as_bytes()).map_err(RewardError::io(&self.path))?;
        self.length += lines.len() as u64;
        Ok(())
    }
}
