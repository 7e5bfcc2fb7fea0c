//! STL, binary and ASCII.

use super::{Mesh, weld};

/// Bytes before the triangles of a binary file: a comment and their count.
const HEADER: usize = 84;
/// A normal, three corners and two spare bytes.
const RECORD: usize = 50;

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, String> {
    // Binary files may begin with `solid` too, but their length follows from their count.
    if let Some(count) = bytes.get(80..HEADER).and_then(|count| count.try_into().ok()).map(u32::from_le_bytes)
    {
        if bytes.len() - HEADER == count as usize * RECORD {
            return binary(&bytes[HEADER..]);
        }
        if !bytes.starts_with(b"solid") {
            return Err(format!("a binary STL with {count} triangles does not have {} bytes", bytes.len()));
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim_start().starts_with("solid") => ascii(text),
        _ => Err("this is neither a binary nor an ASCII STL file".into()),
    }
}

fn binary(records: &[u8]) -> Result<Mesh, String> {
    let triangles: Vec<[[f32; 3]; 3]> = records
        .chunks_exact(RECORD)
        .map(|record| {
            let number = |index: usize| {
                let at = 12 + 4 * index;
                f32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
            };
            [0, 3, 6].map(|corner| [number(corner), number(corner + 1), number(corner + 2)])
        })
        .collect();
    weld(&triangles)
}

fn ascii(text: &str) -> Result<Mesh, String> {
    let mut corners: Vec<[f32; 3]> = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let mut words = content.split_ascii_whitespace();
        if words.next() != Some("vertex") {
            continue;
        }
        let numbers: Option<Vec<f32>> = words.map(|word| word.parse().ok()).collect();
        let corner = numbers.and_then(|numbers| numbers.try_into().ok());
        corners.push(corner.ok_or_else(|| format!("line {}: expected `vertex x y z`", line + 1))?);
    }
    if !corners.len().is_multiple_of(3) {
        return Err(format!("{} corners do not make whole triangles", corners.len()));
    }
    let triangles: Vec<_> = corners.chunks_exact(3).map(|corner| [corner[0], corner[1], corner[2]]).collect();
    weld(&triangles)
}
