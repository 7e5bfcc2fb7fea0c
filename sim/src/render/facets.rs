//! The triangles of meshes, met by the rays of a picture.
//!
//! With the eye as origin, let a, b and c be the corners of a triangle. The ray of direction d passes
//! within it where `d·(b x c)`, `d·(c x a)` and `d·(a x b)` have one sign, and meets its plane, whose
//! normal is `n = (b - a) x (c - a)`, at `t = (n·a) / (n·d)`. In homogeneous pixels d is `(x, y, 1)`, so all
//! of these are linear functions of column and row. Two triangles at one edge share its function, so that
//! no ray slips between them, and corners behind the eye need no clipping.

use super::{
    bounds::{Stadium, clip},
    camera::Rays,
    lanes::{Lanes, Mask},
    layer::{Layer, packets},
    solid::Solid,
    vector::Vec3,
};
use crate::Mesh;

/// The corners of a mesh in homogeneous pixels.
pub(super) fn project(solid: &Solid, mesh: &Mesh, rays: &Rays, corners: &mut Vec<Vec3<f32>>) {
    // The own frame of a mesh is not scaled, so its map is a rotation, whose inverse is its transpose.
    let rotation = solid.to_own.transposed();
    corners.clear();
    let vertices = mesh.vertices().iter();
    corners.extend(vertices.map(|v| rays.project(solid.position + rotation.times(Vec3::from(*v)))));
}

impl Layer {
    /// Draws the triangles of a mesh, both sides of them, as [`Layer::draw`] draws a solid.
    #[inline(always)]
    pub(super) fn draw_facets<F: Lanes>(
        &mut self,
        kind: F,
        triangles: &[[u32; 3]],
        corners: &[Vec3<f32>],
        place: usize,
        bounds: &Stadium,
        before: Option<&Self>,
    ) {
        let Some((first_row, last_row)) = bounds.rows(self.height) else { return };
        let Some((first_column, last_column)) = bounds.columns(first_row as f32, last_row as f32, self.width)
        else {
            return;
        };
        let zero = kind.splat(0.0);
        for (number, triangle) in triangles.iter().enumerate() {
            let abc = triangle.map(|corner| corners[corner as usize]);
            let (mut top, mut bottom, mut left, mut right) = (first_row, last_row, first_column, last_column);
            if abc.iter().all(|corner| corner.z > 1e-3) {
                let [low_x, high_x] = extent(abc.map(|corner| corner.x / corner.z));
                let [low_y, high_y] = extent(abc.map(|corner| corner.y / corner.z));
                let Some(rows) = clip(low_y - 0.01, high_y + 0.01, last_row + 1) else { continue };
                let Some(columns) = clip(low_x - 0.01, high_x + 0.01, last_column + 1) else { continue };
                (top, bottom) = (rows.0.max(top), rows.1);
                (left, right) = (columns.0.max(left), columns.1);
            } else if abc.iter().all(|corner| corner.z <= 0.0) {
                continue;
            }
            let [a, b, c] = abc;
            let edges = [b.cross(c), c.cross(a), a.cross(b)];
            let normal = (b - a).cross(c - a);
            let offset = kind.splat(normal.dot(a));
            for y in top..=bottom {
                let row = kind.splat(y as f32);
                for x in packets((left, right)).step_by(F::COUNT) {
                    let at = y * self.stride + x;
                    let column = kind.places() + kind.splat(x as f32);
                    let [a, b, c] = [
                        linear(edges[0], column, row),
                        linear(edges[1], column, row),
                        linear(edges[2], column, row),
                    ];
                    let (least, most) = (a.min(b).min(c), a.max(b).max(c));
                    let t = offset / linear(normal, column, row);
                    let mut limit = kind.load(&self.depth[at..]);
                    if let Some(before) = before {
                        limit = limit.min(kind.load(&before.depth[at..]));
                    }
                    let within = !least.lt(zero) | !zero.lt(most);
                    let nearer = within & zero.lt(t) & t.lt(limit);
                    if nearer.any() {
                        self.put(at, nearer, t, kind.splat(place as f32), kind.splat(number as f32));
                    }
                }
            }
        }
    }
}

/// `coefficients · (x, y, 1)`.
#[inline(always)]
fn linear<F: Lanes>(coefficients: Vec3<f32>, x: F, y: F) -> F {
    let Vec3 { x: a, y: b, z: c } = coefficients.splat(x);
    a * x + (b * y + c)
}

/// The smallest and the largest of three.
fn extent([a, b, c]: [f32; 3]) -> [f32; 2] {
    [a.min(b).min(c), a.max(b).max(c)]
}
