//! Wavefront OBJ: vertices and faces; everything else in it is appearance.

use super::Mesh;

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8 text: {error}"))?;
    let (mut vertices, mut triangles): (Vec<[f32; 3]>, Vec<[u32; 3]>) = (Vec::new(), Vec::new());
    for (line, content) in text.lines().enumerate() {
        let mut words = content.split_ascii_whitespace();
        match words.next() {
            Some("v") => {
                // A fourth coordinate is a weight, further ones are colours.
                let numbers: Option<Vec<f32>> = words.take(3).map(|word| word.parse().ok()).collect();
                let vertex = numbers.and_then(|numbers| numbers.try_into().ok());
                vertices.push(vertex.ok_or_else(|| format!("line {}: expected `v x y z`", line + 1))?);
            }
            Some("f") => {
                let corners: Option<Vec<u32>> = words.map(|word| corner(word, vertices.len())).collect();
                let corners = corners.filter(|corners| corners.len() >= 3).ok_or_else(|| {
                    format!("line {}: a face needs three or more numbers of earlier vertices", line + 1)
                })?;
                triangles
                    .extend((2..corners.len()).map(|last| [corners[0], corners[last - 1], corners[last]]));
            }
            _ => {}
        }
    }
    Mesh::new(vertices, triangles)
}

/// The vertex of `vertex/texture/normal`: counted from 1, or backwards from -1.
fn corner(word: &str, count: usize) -> Option<u32> {
    let number: i64 = word.split('/').next()?.parse().ok()?;
    let index = if number < 0 { number.checked_add(count as i64)? } else { number - 1 };
    (0..count as i64).contains(&index).then_some(index as u32)
}
