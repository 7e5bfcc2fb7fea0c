//! Digests of files and texts, as names that cannot collide by accident.

use std::{fs::File, io::Read, path::Path};

use sha2::{Digest, Sha256};
use twox_hash::xxhash3_128;

use crate::TelosError;

/// The digest of `bytes`, 64 hexadecimal digits.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The digest of a file, 64 hexadecimal digits.
pub(super) fn of_file(path: &Path) -> Result<String, TelosError> {
    let mut hasher = Sha256::new();
    read_blocks(path, |block| hasher.update(block))?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// The digest of the program that is running, 32 hexadecimal digits. Two builds need not give the same numbers,
/// so trials of one never count as trials of the other. Each trial asks for it, and a program of a hundred
/// megabytes takes SHA-256 a second: XXH3 reads it as fast as memory gives it.
pub(super) fn of_this_program() -> Result<String, TelosError> {
    let path = std::env::current_exe()
        .map_err(|source| TelosError::Io { doing: "finding the running program".into(), source })?;
    let mut hasher = xxhash3_128::Hasher::new();
    read_blocks(&path, |block| hasher.write(block))?;
    Ok(format!("{:032x}", hasher.finish_128()))
}

fn read_blocks(path: &Path, mut each: impl FnMut(&[u8])) -> Result<(), TelosError> {
    let io = |source| TelosError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(()),
            read => each(&buffer[..read]),
        }
    }
}
