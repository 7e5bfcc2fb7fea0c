//! A file that one process at a time may have open.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use crate::RewardError;

/// A locked file. The lock is given up explicitly: a child process that was forked a moment ago may
/// still share the file's description, and closing only our copy would leave it locked.
pub(crate) struct LockedFile(pub(crate) File);

impl LockedFile {
    /// Opens or creates `path` for reading and writing.
    pub(crate) fn open(path: &Path) -> Result<Self, RewardError> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(RewardError::io(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(RewardError::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(RewardError::Io { path: path.to_owned(), source }),
        }
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing the file unlocks it too, only possibly later.
        let _ = self.0.unlock();
    }
}
