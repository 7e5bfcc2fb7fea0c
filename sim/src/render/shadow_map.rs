//! Which points lie in the shadow of a mesh.
//!
//! A mesh has too many triangles to be tried for each point. Instead, all meshes are drawn once as the
//! sun sees them; a point is in shadow where one of them is nearer to the sun.

use super::{
    bounds::Stadium,
    camera::Rays,
    facets,
    lanes::{Lanes, Mask},
    layer::Layer,
    solid::{Form, Solid},
    vector::Vec3,
};
use crate::Camera;

/// How far away the sun is put, in radii of what it shines on: its light is parallel to within the 200th
/// part of a radian, and depths still have digits left.
const DISTANCE: f32 = 100.0;
/// A point counts as in shadow from this many texels behind what is nearest to the sun, and is moved by
/// as much along its normal, or triangles would shade themselves.
const MARGIN: f32 = 1.5;

/// What the sun sees of the meshes of a frame.
#[derive(Default)]
pub(super) struct ShadowMap {
    /// `None` in a frame without meshes.
    rays: Option<Rays>,
    layer: Layer,
    /// Side of a texel at the meshes, metres.
    texel: f32,
}

impl ShadowMap {
    /// Draws the opaque meshes of a frame, `side` texels wide, for a sun in this direction.
    #[inline(always)]
    pub(super) fn draw<F: Lanes>(
        &mut self,
        kind: F,
        solids: &[Solid],
        sun: Vec3<f32>,
        side: usize,
        corners: &mut Vec<Vec3<f32>>,
    ) {
        self.rays = None;
        let casts = |solid: &&Solid| matches!(solid.form, Form::Mesh(_)) && solid.alpha >= 1.0;
        let ends = || {
            let around = solids.iter().filter(casts).filter_map(|solid| solid.enclosure);
            around.flat_map(|(a, b, radius)| [(a, radius), (b, radius)])
        };
        let (sum, count) = ends().fold((Vec3::ZERO, 0.0), |(sum, count), (end, _)| (sum + end, count + 1.0));
        if count == 0.0 {
            return;
        }
        let middle = sum * (1.0 / count);
        let reach = ends().fold(0.0f32, |reach, (end, radius)| reach.max((end - middle).length() + radius));
        let eye = middle + sun * (reach * DISTANCE);
        let camera = Camera {
            eye: [eye.x, eye.y, eye.z],
            target: [middle.x, middle.y, middle.z],
            fovy: 2.0 * (1.01 / DISTANCE).atan().to_degrees(),
        };
        let Some(rays) = Rays::new(&camera, side, side) else { return };
        self.layer.clear(side, side);
        for solid in solids.iter().filter(casts) {
            let Form::Mesh(mesh) = &solid.form else { continue };
            facets::project(solid, mesh, &rays, corners);
            self.layer.draw_facets(kind, mesh.triangles(), corners, 0, &Stadium::EVERYWHERE, None);
        }
        self.texel = 2.0 * reach / side as f32;
        self.rays = Some(rays);
    }

    /// Whether the frame has no meshes.
    pub(super) fn is_empty(&self) -> bool {
        self.rays.is_none()
    }

    /// Which of the points in `lit` are in the shadow of a mesh.
    #[inline(always)]
    pub(super) fn cast<F: Lanes>(&self, lit: F::Mask, point: Vec3<F>, normal: Vec3<F>) -> F::Mask {
        let zero = point.x.splat(0.0);
        let mut hidden = [0.0; 8];
        if let Some(rays) = &self.rays {
            let margin = MARGIN * self.texel;
            let moved = point + normal * zero.splat(margin);
            let (mut x, mut y, mut z) = ([0.0; 8], [0.0; 8], [0.0; 8]);
            moved.x.store(&mut x);
            moved.y.store(&mut y);
            moved.z.store(&mut z);
            let mut bits = lit.bits();
            while bits != 0 {
                let lane = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let seen = rays.project(Vec3::new(x[lane], y[lane], z[lane]));
                let (column, row) = ((seen.x / seen.z).round(), (seen.y / seen.z).round());
                let (width, height) = (self.layer.width as f32, self.layer.height as f32);
                if (0.0..width).contains(&column) && (0.0..height).contains(&row) {
                    let at = row as usize * self.layer.stride + column as usize;
                    hidden[lane] = if self.layer.depth[at] < seen.z - margin { 1.0 } else { 0.0 };
                }
            }
        }
        zero.lt(zero.load(&hidden))
    }
}
