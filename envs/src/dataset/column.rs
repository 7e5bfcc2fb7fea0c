//! A column in its file, mapped.
//!
//! `unsafe`: a mapping shows what the file holds at the moment of each access, and the compiler assumes
//! that it does not change. Datasets are written once, under another name, and never again; `f32` has no
//! invalid bit pattern, so that the worst a program that overwrites one in place can do is to change
//! numbers, and to truncate one, the signal `SIGBUS`. Flags and counts, which do have invalid values, are
//! copied when the dataset is opened.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use super::{
    DatasetError,
    manifest::{ColumnEntry, file_name},
};

#[cfg(not(target_endian = "little"))]
compile_error!("columns are mapped, not decoded, which needs a little-endian machine");

/// Numbers that stay on disk until they are touched.
pub(super) struct Column {
    map: Mmap,
}

impl Column {
    /// Maps the file of `entry` in `directory`, after a check of its size.
    pub(super) fn open(directory: &Path, entry: &ColumnEntry) -> Result<Self, DatasetError> {
        let path = directory.join(file_name(&entry.name, entry.element));
        let file = File::open(&path).map_err(|source| DatasetError::io(&path, source))?;
        let found = file.metadata().map_err(|source| DatasetError::io(&path, source))?.len();
        check_size(&path, entry, found)?;
        // SAFETY: see the top of this file.
        let map = unsafe { Mmap::map(&file) }.map_err(|source| DatasetError::io(&path, source))?;
        Ok(Self { map })
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// All numbers.
    pub(super) fn f32s(&self) -> &[f32] {
        // A mapping begins on a page, and its length was checked to be a multiple of 4.
        bytemuck::cast_slice(&self.map)
    }
}

/// Reads a whole column into memory, after a check of its size.
pub(super) fn read(directory: &Path, entry: &ColumnEntry) -> Result<Vec<u8>, DatasetError> {
    let path = directory.join(file_name(&entry.name, entry.element));
    let bytes = fs::read(&path).map_err(|source| DatasetError::io(&path, source))?;
    check_size(&path, entry, bytes.len() as u64)?;
    Ok(bytes)
}

/// Compares the content of a column with its hash.
pub(super) fn verify(directory: &Path, entry: &ColumnEntry) -> Result<(), DatasetError> {
    let path = directory.join(file_name(&entry.name, entry.element));
    let io = |source| DatasetError::io(&path, source);
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(&path).map_err(io)?, &mut hasher).map_err(io)?;
    if hexadecimal(hasher) == entry.sha256 {
        return Ok(());
    }
    let reason = "its content does not match the hash in manifest.json; restore the file";
    Err(DatasetError::column(&path, &entry.name, reason))
}

/// A hash as text.
pub(super) fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_size(path: &Path, entry: &ColumnEntry, found: u64) -> Result<(), DatasetError> {
    let expected = [entry.rows, entry.width, entry.element.size()]
        .into_iter()
        .try_fold(1u64, |product, factor| product.checked_mul(factor as u64));
    if expected == Some(found) && found > 0 {
        return Ok(());
    }
    let expected = expected.map_or_else(|| "an absurd number of".into(), |bytes| bytes.to_string());
    let reason = format!("the file has {found} bytes, the manifest asks for {expected}; restore it");
    Err(DatasetError::column(path, &entry.name, reason))
}
