//! Writes that either happen entirely or not at all, and that survive a power cut.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use crate::CheckpointError;

/// Replaces `path` by `bytes`: temporary file in the same directory, fsync, rename, fsync of the
/// directory. A reader sees the old content or the new, never a mixture.
///
/// # Errors
/// When the system refuses; the old file is then untouched.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let io = |source| CheckpointError::Io { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| io(std::io::ErrorKind::InvalidFilename.into()))?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if let Err(source) = written {
        // The first error is the one to report; a temporary file that stays does no harm.
        let _ = fs::remove_file(&temporary);
        return Err(io(source));
    }
    sync_directory(path)
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
}
