//! Writes that either happen entirely or not at all, and that survive a power cut.

use std::{
    collections::hash_map::RandomState,
    fs::{self, File},
    hash::{BuildHasher, Hasher},
    io::Write,
    path::{Path, PathBuf},
};

use crate::CheckpointError;

/// Replaces `path` by `bytes`: temporary file in the same directory, fsync, rename, fsync of the
/// directory. A reader sees the old content or the new, never a mixture.
///
/// # Errors
/// When the system refuses; the old file is then untouched.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let temporary = write_temporary(path, bytes)?;
    if let Err(source) = fs::rename(&temporary, path) {
        // The first error is the one to report; a temporary file that stays does no harm.
        let _ = fs::remove_file(&temporary);
        return Err(CheckpointError::Io { path: path.to_owned(), source });
    }
    sync_directory(path)
}

/// Gives `path` the content `bytes` unless it exists: whoever is first wins, also among several
/// machines on one file system, and a reader sees all of the content or no file. Returns whether
/// this call was the first.
///
/// # Errors
/// When the system refuses, or the file system has no hard links.
pub fn publish(path: &Path, bytes: &[u8]) -> Result<bool, CheckpointError> {
    let temporary = write_temporary(path, bytes)?;
    let linked = fs::hard_link(&temporary, path);
    // What stays of it does no harm.
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(()) => sync_directory(path).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(CheckpointError::Io { path: path.to_owned(), source }),
    }
}

/// Writes `bytes` to a new file beside `path`, durably.
fn write_temporary(path: &Path, bytes: &[u8]) -> Result<PathBuf, CheckpointError> {
    let io = |source| CheckpointError::Io { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| io(std::io::ErrorKind::InvalidFilename.into()))?;
    let mut temporary = name.to_owned();
    // Processes of several machines, with equal numbers, may write side by side.
    let chance = RandomState::new().build_hasher().finish();
    temporary.push(format!(".{}-{chance:016x}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(temporary),
        Err(source) => {
            let _ = fs::remove_file(&temporary);
            Err(io(source))
        }
    }
}

/// Makes the directory entry of `path` durable, after a file was created or renamed in it.
///
/// # Errors
/// When the system refuses.
pub fn sync_directory(path: &Path) -> Result<(), CheckpointError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| CheckpointError::Io { path: parent.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_write_keeps_the_old_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("state");
        atomic_write(&path, b"old").unwrap();
        atomic_write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let missing = scratch.path().join("absent").join("state");
        let error = atomic_write(&missing, b"x").unwrap_err().to_string();
        assert!(error.contains("absent"), "{error}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_the_first_publication_counts() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("result");
        let firsts: usize = std::thread::scope(|scope| {
            let publishers: Vec<_> = (0..8u8)
                .map(|k| {
                    let path = &path;
                    scope.spawn(move || publish(path, &[k; 4096]).unwrap())
                })
                .collect();
            publishers.into_iter().map(|publisher| usize::from(publisher.join().unwrap())).sum()
        });
        assert_eq!(firsts, 1);
        let content = fs::read(&path).unwrap();
        assert_eq!(content, vec![content[0]; 4096]);
        assert!(!publish(&path, b"late").unwrap());
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
