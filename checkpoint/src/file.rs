//! A checkpoint as a file: `magic (8), format (u32), checksum (u32), length (u64), fields`.

use std::{fs, path::Path};

use crate::{Checkpoint, CheckpointError, Reader, atomic_write, to_bytes};

const MAGIC: &[u8; 8] = b"TELOSCKP";
const FORMAT: u32 = 1;
const HEADER: usize = 24;

/// Writes a value's state to `path`, atomically.
///
/// # Errors
/// When the system refuses; an older file stays as it was.
pub fn write_file(path: &Path, value: &(impl Checkpoint + ?Sized)) -> Result<(), CheckpointError> {
    let fields = to_bytes(value);
    let mut bytes = Vec::with_capacity(HEADER + fields.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&fields).to_le_bytes());
    bytes.extend_from_slice(&(fields.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&fields);
    atomic_write(path, &bytes)
}

/// Restores a value from a file of [`write_file`], after checking that the file is whole.
///
/// # Errors
/// When the file is missing, foreign, of another format, truncated or damaged, or when it holds the
/// state of a value of another shape.
pub fn read_file(path: &Path, value: &mut (impl Checkpoint + ?Sized)) -> Result<(), CheckpointError> {
    let bytes = fs::read(path).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
    let damaged = |reason: String| CheckpointError::Damaged { path: path.to_owned(), reason };
    if !bytes.starts_with(MAGIC) {
        return Err(CheckpointError::Foreign { path: path.to_owned() });
    }
    let number = |at: usize| -> Result<u32, CheckpointError> {
        match bytes.get(at..at + 4) {
            Some(four) => Ok(u32::from_le_bytes([four[0], four[1], four[2], four[3]])),
            None => Err(damaged("the header is cut off".into())),
        }
    };
    let found = number(8)?;
    if found != FORMAT {
        return Err(CheckpointError::Version { path: path.to_owned(), found, expected: FORMAT });
    }
    let checksum = number(12)?;
    let length = u64::from(number(16)?) | u64::from(number(20)?) << 32;
    let fields = &bytes[HEADER..];
    if fields.len() as u64 != length {
        return Err(damaged(format!("{} bytes of {length}", fields.len())));
    }
    if crc32fast::hash(fields) != checksum {
        return Err(damaged("the checksum differs".into()));
    }
    let mut from = Reader::new(fields);
    value.load(&mut from)?;
    from.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Writer;

    struct Column(Vec<f32>);

    impl Checkpoint for Column {
        fn save(&self, out: &mut Writer) {
            out.f32s("column", &self.0);
        }
        fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
            self.0 = from.f32_vec("column")?;
            Ok(())
        }
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_noticed() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("c");
        write_file(&path, &Column(vec![1.0, 2.0])).unwrap();
        let whole = fs::read(&path).unwrap();
        let mut target = Column(vec![]);
        read_file(&path, &mut target).unwrap();
        assert_eq!(target.0, [1.0, 2.0]);
        for keep in 0..whole.len() {
            fs::write(&path, &whole[..keep]).unwrap();
            assert!(read_file(&path, &mut target).is_err(), "kept {keep} bytes");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            assert!(read_file(&path, &mut target).is_err(), "flipped byte {at}");
        }
    }
}
