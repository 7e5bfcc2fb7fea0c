//! SHA-256 of files and texts, as names that cannot collide by accident.

use std::{fs::File, io::Read, path::Path};

use sha2::{Digest, Sha256};

use crate::TelosError;

/// The digest of `bytes`, 64 hexadecimal digits.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The digest of a file.
pub(super) fn of_file(path: &Path) -> Result<String, TelosError> {
    let io = |source| TelosError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(format!("{:x}", hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// The digest of the program that is running. Two builds need not give the same numbers, so trials
/// of one never count as trials of the other.
pub(super) fn of_this_program() -> Result<String, TelosError> {
    let path = std::env::current_exe()
        .map_err(|source| TelosError::Io { doing: "finding the running program".into(), source })?;
    of_file(&path)
}
