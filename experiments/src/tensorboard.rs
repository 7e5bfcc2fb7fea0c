//! Scalars as TensorBoard event files.
//!
//! An event file is a sequence of TFRecords (`length u64, masked CRC-32C of it, data, masked CRC-32C
//! of the data`, little-endian), each holding one `tensorflow.Event` message:
//! `wall_time = 1 (double), step = 2 (int64), file_version = 3 (string), summary = 5 (Summary)`, with
//! `Summary.value = 1 (repeated Value)` and `Value { tag = 1 (string), simple_value = 2 (float) }`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Appends scalars to one event file.
#[derive(Debug)]
pub(crate) struct EventFile {
    file: File,
    length: u64,
}

impl EventFile {
    /// Opens `path` for appending; a new file gets the version record that readers expect.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        let mut events = Self { file, length };
        if length == 0 {
            let mut event = Vec::new();
            field_double(&mut event, 1, wall_time());
            field_bytes(&mut event, 3, b"brain.Event:2");
            events.append(&event)?;
        }
        Ok(events)
    }

    /// Bytes written so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Forgets everything after the first `length` bytes; a shorter file stays as it is.
    pub(crate) fn truncate(&mut self, length: u64) -> io::Result<()> {
        if length < self.length {
            self.file.set_len(length)?;
            self.length = length;
        }
        Ok(())
    }

    /// Records all of `scalars` at `step`.
    pub(crate) fn scalars(&mut self, step: u64, scalars: &[(impl AsRef<str>, f64)]) -> io::Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in scalars {
            let mut entry = Vec::new();
            field_bytes(&mut entry, 1, tag.as_ref().as_bytes());
            entry.push(2 << 3 | 5);
            entry.extend_from_slice(&(*value as f32).to_le_bytes());
            field_bytes(&mut summary, 1, &entry);
        }
        let mut event = Vec::new();
        field_double(&mut event, 1, wall_time());
        event.push(2 << 3);
        varint(&mut event, step);
        field_bytes(&mut event, 5, &summary);
        self.append(&event)
    }

    fn append(&mut self, event: &[u8]) -> io::Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(event.len() + 16);
        record.extend_from_slice(&length);
        record.extend_from_slice(&masked_crc32c(&length).to_le_bytes());
        record.extend_from_slice(event);
        record.extend_from_slice(&masked_crc32c(event).to_le_bytes());
        self.file.write_all(&record)?;
        self.length += record.len() as u64;
        Ok(())
    }
}

/// Seconds since 1970; a clock before that counts as 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

fn field_double(out: &mut Vec<u8>, field: u8, value: f64) {
    out.push(field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn field_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The mask keeps a checksum of data that itself holds checksums from degenerating.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's CRC, bit by bit: the records are small and rare.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_castagnoli() {
        // The check value of CRC-32C, and a vector of RFC 3720, appendix B.4.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0u8; 32]), 0x8a91_36aa);
    }

    #[test]
    fn records_are_framed_and_cut_back_cleanly() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("events.out.tfevents.test");
        let mut events = EventFile::open(&path).unwrap();
        events.scalars(300, &[("train/return", 0.5)]).unwrap();
        let kept = events.length();
        events.scalars(400, &[("train/return", 0.75)]).unwrap();
        events.truncate(kept).unwrap();
        drop(events);
        let mut events = EventFile::open(&path).unwrap();
        assert_eq!(events.length(), kept);
        events.scalars(500, &[("a", 1.0), ("b", 2.0)]).unwrap();

        let bytes = std::fs::read(&path).unwrap();
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked_crc32c(&rest[..8]).to_le_bytes());
            let data = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], masked_crc32c(data).to_le_bytes());
            records.push(data);
            rest = &rest[16 + length..];
        }
        assert_eq!(records.len(), 3);
        assert!(records[0].ends_with(b"brain.Event:2"));
        // wall_time (9 bytes), then step = 300 as a varint.
        assert_eq!(records[1][9..12], [0x10, 0xac, 0x02]);
        assert!(records[1].ends_with(&0.5f32.to_le_bytes()));
        assert!(records[2].ends_with(&2.0f32.to_le_bytes()));
    }
}
