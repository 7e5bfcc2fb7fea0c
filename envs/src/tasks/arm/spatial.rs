//! Vectors and quaternions (x y z w) of three-dimensional space.

pub(super) type Vec3 = [f32; 3];

pub(super) fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(super) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn norm(a: Vec3) -> f32 {
    dot(a, a).sqrt()
}

pub(super) fn distance(a: Vec3, b: Vec3) -> f32 {
    norm(sub(a, b))
}

/// `v` turned by the unit quaternion `q`: `v + 2 u x (u x v + w v)` for `q = (u, w)`.
pub(super) fn rotate([x, y, z, w]: [f32; 4], v: Vec3) -> Vec3 {
    let u = [x, y, z];
    let inner = add(cross(u, v), v.map(|component| w * component));
    add(v, cross(u, inner).map(|component| 2.0 * component))
}

/// The quaternion of a turn about the vertical, radians.
pub(super) fn yaw(angle: f32) -> [f32; 4] {
    let (sin, cos) = (angle / 2.0).sin_cos();
    [0.0, 0.0, sin, cos]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_about_the_vertical_lays_x_along_y() {
        let turned = rotate(yaw(std::f32::consts::FRAC_PI_2), [1.0, 0.0, 3.0]);
        assert!(distance(turned, [0.0, 1.0, 3.0]) < 1e-6, "{turned:?}");
        assert_eq!(cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]), [0.0, 0.0, 1.0]);
    }
}
