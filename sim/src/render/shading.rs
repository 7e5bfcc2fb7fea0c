//! The colour of what is seen.

use super::{
    floor,
    frame::Frame,
    lanes::{Lanes, Mask},
    layer::Layer,
    sky,
    solid::{Form, Solid},
    vector::Vec3,
};

/// Direction to the sun, a unit vector. It stands to the left behind a camera that looks along y.
pub const SUN: [f32; 3] = [-0.384_110_6, -0.512_147_5, 0.768_221_3];
/// Light from everywhere, with as much more from above as less from below.
const AMBIENT: f32 = 0.42;
const FROM_ABOVE: f32 = 0.10;
/// Light from the camera, so that what lies in shadow keeps its form.
const FROM_CAMERA: f32 = 0.16;
const FROM_SUN: f32 = 0.52;
/// Strength of the highlight.
const GLOSS: f32 = 0.14;

impl Frame<'_> {
    /// Colours, in [0, 1], of the pixels `x` of row `y`, whose packet begins at `at` in the layer.
    #[inline(always)]
    pub(super) fn shade<F: Lanes>(&self, layer: &Layer, at: usize, x: F, y: F) -> Vec3<F> {
        let (zero, one) = (x.splat(0.0), x.splat(1.0));
        let rays = self.rays;
        let direction = rays.corner.splat(x) + rays.down.splat(x) * y + rays.right.splat(x) * x;
        let length = direction.length();
        let sky = sky::colour(direction.z / length);
        let seen = x.load(&layer.solid[at..]);
        let hit = !seen.lt(zero);
        if !hit.any() {
            return sky;
        }
        let depth = x.load(&layer.depth[at..]);
        let mut normal = Vec3::new(zero, zero, one);
        let (mut base, mut haze) = (Vec3::ZERO.splat(x), zero);
        let mut pending = hit.bits();
        while pending != 0 {
            let place = layer.solid[at + pending.trailing_zeros() as usize];
            let here = seen.eq(x.splat(place));
            pending &= !here.bits();
            let solid = &self.solids[place as usize];
            let (origin, own_direction) = solid.own_ray(x, y);
            let point = origin + own_direction * depth;
            let mut colour = solid.rgb.splat(x);
            let facing = match &solid.form {
                Form::Mesh(_) => {
                    let facing = facet_normals(solid, x, &layer.facet[at..], here);
                    facing.or(facing.dot(direction).lt(zero), -facing)
                }
                _ => solid.normal(point),
            };
            if let Form::Plane = solid.form {
                colour = colour * self.pattern(solid, depth, point, own_direction);
                haze = sky::haze(depth * depth * length * length).or(here, haze);
            }
            normal = facing.or(here, normal);
            base = colour.or(here, base);
        }
        let to_eye = direction * (-one / length);
        let sun = Vec3::from(SUN).splat(x);
        let incidence = normal.dot(sun);
        let mut lit = hit & zero.lt(incidence);
        if let Some(shadows) = self.shadows
            && lit.any()
        {
            let point = rays.eye.splat(x) + direction * depth;
            lit = lit & !shadows.cast(self.solids, lit, (x, y, depth), point, seen);
            if !self.shadow_map.is_empty() {
                lit = lit & !self.shadow_map.cast(lit, point, normal);
            }
        }
        let sunlight = incidence.or(lit, zero);
        let light = x.splat(AMBIENT)
            + x.splat(FROM_ABOVE) * normal.z
            + x.splat(FROM_CAMERA) * normal.dot(to_eye).max(zero)
            + x.splat(FROM_SUN) * sunlight;
        let halfway = (to_eye + sun).normalized();
        let shine = normal.dot(halfway).max(zero);
        let shine = shine * shine * shine * shine;
        let shine = shine * shine * shine * shine;
        let shine = (shine * shine * x.splat(GLOSS)).or(lit, zero);
        let surface = base * light + Vec3::new(shine, shine, shine) * (one - haze);
        let surface = surface + (sky::HORIZON.splat(x) - surface) * haze;
        surface.or(hit, sky)
    }

    /// The pattern of a plane at points in its frame.
    #[inline(always)]
    fn pattern<F: Lanes>(&self, solid: &Solid, depth: F, point: Vec3<F>, direction: Vec3<F>) -> F {
        let squares = depth.splat(1.0 / self.square);
        let depth = depth * squares;
        let (right, down) = solid.own_steps();
        floor::checker(
            [point.x * squares, point.y * squares],
            floor::drift(depth, direction, right.splat(depth)),
            floor::drift(depth, direction, down.splat(depth)),
        )
    }
}

/// Unit normals, in the world, of the triangles of a mesh where the mask holds.
#[inline(always)]
fn facet_normals<F: Lanes>(solid: &Solid, kind: F, facets: &[f32], here: F::Mask) -> Vec3<F> {
    let (mut x, mut y, mut z) = ([0.0; 8], [0.0; 8], [1.0; 8]);
    let mut bits = here.bits();
    while bits != 0 {
        let lane = bits.trailing_zeros() as usize;
        bits &= bits - 1;
        let normal = solid.facet_normal(facets[lane] as usize);
        (x[lane], y[lane], z[lane]) = (normal.x, normal.y, normal.z);
    }
    Vec3::new(kind.load(&x), kind.load(&y), kind.load(&z))
}
