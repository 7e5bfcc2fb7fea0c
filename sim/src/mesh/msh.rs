//! MSH, MuJoCo's old binary format: four counts (vertices, normals, texture coordinates, faces), then
//! the vertices, normals and texture coordinates as floats and the faces as integers, little-endian.

use super::Mesh;

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, String> {
    let words: Vec<[u8; 4]> =
        bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]).collect();
    let count = |index: usize| words.get(index).map_or(0, |word| u64::from(u32::from_le_bytes(*word)));
    let [vertices, normals, coordinates, faces] = [0, 1, 2, 3].map(count);
    let expected = 4 * (4 + 3 * (vertices + normals + faces) + 2 * coordinates);
    if bytes.len() as u64 != expected {
        return Err(format!(
            "an MSH file of {vertices} vertices, {normals} normals, {coordinates} texture coordinates and \
             {faces} faces has {expected} bytes, not {}",
            bytes.len()
        ));
    }
    let (vertices, faces) = (vertices as usize, faces as usize);
    let positions = words[4..4 + 3 * vertices].chunks_exact(3);
    let indices = words[words.len() - 3 * faces..].chunks_exact(3);
    Mesh::new(
        positions.map(|word| [word[0], word[1], word[2]].map(f32::from_le_bytes)).collect(),
        indices.map(|word| [word[0], word[1], word[2]].map(u32::from_le_bytes)).collect(),
    )
}
