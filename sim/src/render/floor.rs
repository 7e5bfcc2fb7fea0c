//! The checker pattern of planes.

use super::{lanes::Lanes, vector::Vec3};

/// How much lighter and darker than the plane's colour its squares are.
const CONTRAST: f32 = 0.09;

/// Side of a square, metres, for a camera at this distance from what it looks at: the power of two that
/// puts roughly ten squares across the picture.
pub(super) fn square(distance: f32) -> f32 {
    (distance / 6.0).log2().round().exp2().clamp(1e-3, 1e3)
}

/// The pattern's factor on the colour at a point of the plane, averaged over the pixel around it, without
/// which distant squares would flicker.
///
/// `point`, `right` and `down` are in squares: where the ray meets the plane, and how far that moves from
/// pixel to pixel along a row and a column.
#[inline(always)]
pub(super) fn checker<F: Lanes>(point: [F; 2], right: [F; 2], down: [F; 2]) -> F {
    let one = point[0].splat(1.0);
    let x = stripes(point[0], right[0].abs() + down[0].abs());
    let y = stripes(point[1], right[1].abs() + down[1].abs());
    one + x * y * one.splat(CONTRAST)
}

/// Stripes of width 1 with the values 1 and -1 in turn, averaged over `width`. Their integral is a
/// triangle wave.
#[inline(always)]
fn stripes<F: Lanes>(at: F, width: F) -> F {
    let width = width.max(width.splat(1e-3));
    let half = width * width.splat(0.5);
    (wave(at + half) - wave(at - half)) / width
}

/// The integral of the stripes: rises by 1 over even squares and falls by 1 over odd ones.
#[inline(always)]
fn wave<F: Lanes>(at: F) -> F {
    let one = at.splat(1.0);
    let half = at * at.splat(0.5);
    let phase = (half - half.floor()) * at.splat(2.0);
    one - (phase - one).abs()
}

/// How a plane's point moves from pixel to pixel along `step`, the change of the ray's direction: the
/// derivative of `origin - direction origin.z / direction.z`.
#[inline(always)]
pub(super) fn drift<F: Lanes>(depth: F, direction: Vec3<F>, step: Vec3<F>) -> [F; 2] {
    let turn = step.z / direction.z;
    [depth * (step.x - direction.x * turn), depth * (step.y - direction.y * turn)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_alternate_and_average_out() {
        let still = [0.0, 0.0];
        let at = |x, y| checker([x, y], still, still);
        let (light, dark) = (at(0.5, 0.5), at(1.5, 0.5));
        assert!((light - 1.0 - CONTRAST).abs() < 1e-4 && (dark - 1.0 + CONTRAST).abs() < 1e-4);
        assert!((at(-0.5, 0.5) - dark).abs() < 1e-4 && (at(-0.5, -0.5) - light).abs() < 1e-4);
        let blurred = checker([0.3, 0.7], [2.0, 0.0], [0.0, 2.0]);
        assert!((blurred - 1.0).abs() < 1e-6, "a pixel as wide as two squares sees their mean");
        let edge = checker([1.0, 0.5], [0.2, 0.0], [0.0, 0.0]);
        assert!((edge - 1.0).abs() < 1e-4, "half of the pixel lies on either side");
    }
}
