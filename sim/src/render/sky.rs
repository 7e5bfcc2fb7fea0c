//! The sky, a gradient from the horizon to the zenith, into which a distant floor fades.

use super::{lanes::Lanes, vector::Vec3};

/// Colours in [0, 1] as displayed, like all colours of a picture.
pub(super) const HORIZON: Vec3<f32> = Vec3 { x: 0.84, y: 0.89, z: 0.94 };
/// The horizon's colour as bytes.
pub(super) const HORIZON_BYTES: [u8; 3] = [214, 227, 240];
const ZENITH: Vec3<f32> = Vec3 { x: 0.38, y: 0.55, z: 0.80 };
/// Metres at which a floor is halfway to the colour of the horizon.
const HAZE: f32 = 25.0;

/// The colour seen at `rise` above the horizon, the vertical part of a unit vector.
#[inline(always)]
pub(super) fn colour<F: Lanes>(rise: F) -> Vec3<F> {
    let share = rise.max(rise.splat(0.0)).sqrt();
    HORIZON.splat(rise) + (ZENITH - HORIZON).splat(rise) * share
}

/// How much of the sky shines through at a distance, given squared.
#[inline(always)]
pub(super) fn haze<F: Lanes>(squared_distance: F) -> F {
    squared_distance / (squared_distance + squared_distance.splat(HAZE * HAZE))
}
