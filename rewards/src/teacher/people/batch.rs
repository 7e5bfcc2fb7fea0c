//! `queries/<number>.batch`: the questions of one session, written once by the training.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer, read_file, write_file};

use crate::{RewardError, feedback::Query};

/// Questions that were asked together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryBatch {
    /// In the order in which they are to be answered.
    pub queries: Vec<Query>,
}

impl QueryBatch {
    /// Writes batch `number` of the people's directory `people`; a reader sees all of it or nothing.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, people: &Path, number: u64) -> Result<(), RewardError> {
        let directory = directory(people);
        fs::create_dir_all(&directory).map_err(RewardError::io(&directory))?;
        Ok(write_file(&path(people, number), self)?)
    }

    /// Reads batch `number`.
    ///
    /// # Errors
    /// When it is not there or damaged.
    pub fn read(people: &Path, number: u64) -> Result<Self, RewardError> {
        let path = path(people, number);
        let mut batch = Self::default();
        match read_file(&path, &mut batch) {
            Ok(()) => Ok(batch),
            Err(CheckpointError::Io { path, source }) => Err(RewardError::Io { path, source }),
            Err(CheckpointError::Damaged { reason, .. } | CheckpointError::Field { reason, .. }) => {
                Err(RewardError::DamagedBatch { path, reason })
            }
            Err(error) => Err(RewardError::DamagedBatch { path, reason: error.to_string() }),
        }
    }

    /// When batch `number` was written, as far as the system knows: it changes with the content.
    pub fn written(people: &Path, number: u64) -> Option<SystemTime> {
        fs::metadata(path(people, number)).and_then(|metadata| metadata.modified()).ok()
    }

    /// The numbers of all batches, in the order in which they were asked.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn numbers(people: &Path) -> Result<Vec<u64>, RewardError> {
        let directory = directory(people);
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(RewardError::Io { path: directory, source }),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(RewardError::io(&directory))?.file_name();
            // Whatever else lies there, such as a file that is still being written, is no batch.
            let number = name.to_str().and_then(|name| name.strip_suffix(".batch"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

impl Checkpoint for QueryBatch {
    fn save(&self, out: &mut Writer) {
        out.value("queries", &self.queries);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.queries = from.value("queries")?;
        Ok(())
    }
}

fn directory(people: &Path) -> PathBuf {
    people.join("queries")
}

fn path(people: &Path, number: u64) -> PathBuf {
    directory(people).join(format!("{number:06}.batch"))
}
