//! Sine and cosine features of the noise level, as Vaswani et al. 2017, arXiv 1706.03762, section 3.5,
//! embed positions: a network of few layers cannot tell neighbouring levels apart by one number.

/// Longest wavelength, in units of the whole interval: half a radian of pi over it is monotone.
const LONGEST: f32 = 4.0;
/// Shortest wavelength.
const SHORTEST: f32 = 1.0 / 16.0;

/// Writes the features of `time`, in [0, 1]: sines, then cosines, of geometrically spaced wavelengths.
pub(super) fn embed(time: f32, features: &mut [f32]) {
    let (sines, cosines) = features.split_at_mut(features.len() / 2);
    let last = sines.len().saturating_sub(1).max(1) as f32;
    for (i, (sine, cosine)) in sines.iter_mut().zip(cosines).enumerate() {
        let wavelength = LONGEST * (SHORTEST / LONGEST).powf(i as f32 / last);
        (*sine, *cosine) = (std::f32::consts::TAU * time / wavelength).sin_cos();
    }
}
