//! Vectors of three components, each a number or a packet of numbers.

use std::ops::{Add, Mul, Neg, Sub};

use super::lanes::Lanes;

/// A point or direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vec3<F> {
    pub(super) x: F,
    pub(super) y: F,
    pub(super) z: F,
}

impl<F: Lanes> Vec3<F> {
    #[inline(always)]
    pub(super) fn new(x: F, y: F, z: F) -> Self {
        Self { x, y, z }
    }

    #[inline(always)]
    pub(super) fn dot(self, other: Self) -> F {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    #[inline(always)]
    pub(super) fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }

    #[inline(always)]
    pub(super) fn length(self) -> F {
        self.dot(self).sqrt()
    }

    #[inline(always)]
    pub(super) fn normalized(self) -> Self {
        self * (self.x.splat(1.0) / self.length())
    }

    /// `self` where the mask holds, `other` elsewhere.
    #[inline(always)]
    pub(super) fn or(self, mask: F::Mask, other: Self) -> Self {
        Self { x: self.x.or(mask, other.x), y: self.y.or(mask, other.y), z: self.z.or(mask, other.z) }
    }
}

impl Vec3<f32> {
    pub(super) const ZERO: Self = Self { x: 0.0, y: 0.0, z: 0.0 };

    /// The same vector in every lane; `kind` names the kind of lanes.
    #[inline(always)]
    pub(super) fn splat<F: Lanes>(self, kind: F) -> Vec3<F> {
        Vec3 { x: kind.splat(self.x), y: kind.splat(self.y), z: kind.splat(self.z) }
    }

    pub(super) fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.z.is_finite()
    }
}

impl From<[f32; 3]> for Vec3<f32> {
    fn from([x, y, z]: [f32; 3]) -> Self {
        Self { x, y, z }
    }
}

impl<F: Lanes> Add for Vec3<F> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y, z: self.z + other.z }
    }
}

impl<F: Lanes> Sub for Vec3<F> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y, z: self.z - other.z }
    }
}

impl<F: Lanes> Mul<F> for Vec3<F> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, scale: F) -> Self {
        Self { x: self.x * scale, y: self.y * scale, z: self.z * scale }
    }
}

impl<F: Lanes> Neg for Vec3<F> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { x: -self.x, y: -self.y, z: -self.z }
    }
}

/// A linear map, by its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) rows: [Vec3<f32>; 3],
}

impl Matrix {
    /// The rotation of a quaternion x y z w; `None` where it cannot be normalised.
    pub(super) fn rotation(quaternion: [f32; 4]) -> Option<Self> {
        let length = quaternion.iter().map(|part| part * part).sum::<f32>().sqrt();
        if !(length > 1e-6 && length < 1e6) {
            return None;
        }
        let [x, y, z, w] = quaternion.map(|part| part / length);
        let row = |a, b, c| Vec3 { x: a, y: b, z: c };
        Some(Self {
            rows: [
                row(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)),
                row(2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)),
                row(2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)),
            ],
        })
    }

    pub(super) fn transposed(&self) -> Self {
        let [a, b, c] = self.rows;
        let row = |x, y, z| Vec3 { x, y, z };
        Self { rows: [row(a.x, b.x, c.x), row(a.y, b.y, c.y), row(a.z, b.z, c.z)] }
    }

    #[inline(always)]
    pub(super) fn times<F: Lanes>(&self, vector: Vec3<F>) -> Vec3<F> {
        let [a, b, c] = self.rows;
        let kind = vector.x;
        Vec3 { x: a.splat(kind).dot(vector), y: b.splat(kind).dot(vector), z: c.splat(kind).dot(vector) }
    }
}
