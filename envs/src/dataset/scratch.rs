//! Directories that appear whole or not at all.

use std::{
    fs::{self, File},
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
};

use telos_checkpoint::sync_directory;

use super::DatasetError;

/// A hidden directory beside the place where it will appear; removed unless it is [persisted](Self::persist).
pub(super) struct Scratch {
    directory: PathBuf,
    place: PathBuf,
}

impl Scratch {
    /// A new directory for what will be `place`, which must not exist.
    pub(super) fn beside(place: &Path) -> Result<Self, DatasetError> {
        if place.exists() {
            return Err(DatasetError::file(place, "exists already; choose another place, or remove it"));
        }
        let name = place
            .file_name()
            .ok_or_else(|| DatasetError::file(place, "is no name for a dataset; choose another place"))?;
        // Processes of several machines, with equal numbers, may write side by side.
        let chance = RandomState::new().build_hasher().finish();
        let hidden = format!(".{}.{}-{chance:016x}.tmp", name.to_string_lossy(), std::process::id());
        let directory = place.with_file_name(hidden);
        fs::create_dir(&directory).map_err(|source| DatasetError::io(&directory, source))?;
        Ok(Self { directory, place: place.to_owned() })
    }

    /// Where to write.
    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    /// Writes a file of this name inside, durably, with the directories above it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DatasetError> {
        let path = self.directory.join(name);
        let io = |source| DatasetError::io(&path, source);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io)?;
        }
        fs::write(&path, bytes).map_err(io)?;
        File::open(&path).and_then(|file| file.sync_all()).map_err(io)?;
        Ok(sync_directory(&path)?)
    }

    /// Makes the directory appear, durably.
    pub(super) fn persist(self) -> Result<(), DatasetError> {
        sync_directory(&self.directory.join("content"))?;
        fs::rename(&self.directory, &self.place).map_err(|source| DatasetError::io(&self.place, source))?;
        Ok(sync_directory(&self.place)?)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Gone if it was persisted; else the reason for giving up is the error to report, and what stays
        // does no harm.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
