//! One line of an append-only file: a JSON object whose last key is the CRC-32 of everything before it.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};

use crate::RewardError;

/// Length of `,"crc":"01234567"}`.
const SEAL: usize = 18;

/// The line of an object, with its line feed.
pub(crate) fn seal(object: &impl Serialize) -> String {
    let mut line = serde_json::to_string(object).expect("a row has only string keys");
    let crc = crc32fast::hash(line.as_bytes());
    line.pop();
    line.push_str(&format!(",\"crc\":\"{crc:08x}\"}}\n"));
    line
}

/// Reads a line without its line feed; the error says what is wrong with it.
pub(crate) fn unseal<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let body = line.len().checked_sub(SEAL).ok_or("too short")?;
    let (body, seal) = line.split_at(body);
    let mut object = body.to_vec();
    object.push(b'}');
    let crc = crc32fast::hash(&object);
    if seal != format!(",\"crc\":\"{crc:08x}\"}}").as_bytes() {
        return Err("the checksum differs".into());
    }
    serde_json::from_slice(&object).map_err(|error| error.to_string())
}

/// The bytes of `file` up to its last line feed: what follows was cut off by a kill and was never
/// acknowledged.
pub(crate) fn whole_lines(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1)]
}

/// Reads whole lines, each with the offset at which it ends, counted from `offset`. Errors name `path`
/// and, where that is known, the line.
pub(crate) fn unseal_lines<T: DeserializeOwned>(
    path: &Path,
    offset: u64,
    bytes: &[u8],
) -> Result<Vec<(u64, T)>, RewardError> {
    let mut end = offset;
    let mut rows = Vec::new();
    for (at, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let row = unseal(&line[..line.len() - 1]).map_err(|reason| RewardError::DamagedRow {
            path: path.to_owned(),
            line: at + 1,
            reason: if offset == 0 { reason } else { format!("{reason}; counted from byte {offset}") },
        })?;
        end += line.len() as u64;
        rows.push((end, row));
    }
    Ok(rows)
}
