//! Arithmetic on embeddings: points on the unit sphere.

/// The inner product; the cosine of the angle of two unit vectors.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Scales a vector to length 1; one without a length stays as it is.
pub(super) fn normalise(x: &mut [f32]) {
    let length = dot(x, x).sqrt();
    if length > 0.0 {
        x.iter_mut().for_each(|x| *x /= length);
    }
}

/// The direction between several embeddings (`[count, dimensions]`): their mean, scaled to length 1.
pub(super) fn mean_direction(embeddings: &[f32], dimensions: usize) -> Vec<f32> {
    let mut mean = vec![0.0; dimensions];
    for embedding in embeddings.chunks_exact(dimensions) {
        mean.iter_mut().zip(embedding).for_each(|(mean, x)| *mean += x);
    }
    normalise(&mut mean);
    mean
}
