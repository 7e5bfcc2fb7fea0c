//! Which points the sun reaches.
//!
//! A point is in shadow where the ray from it to the sun enters a solid. Few solids can be in the way of
//! a given point: seen from the sun, each covers a stadium, and a grid over the plane across the sun's
//! direction lists for every cell the solids that may cover it.

use super::{
    bounds::Stadium,
    lanes::{Lanes, Mask},
    solid::{Form, Solid},
    vector::Vec3,
};

/// Cells along each side of the grid.
const CELLS: usize = 48;
/// Casters per word of a cell's list.
const WORD: usize = u64::BITS as usize;
/// A ray that enters a solid within this distance of its start, as a fraction of the solid's size, starts
/// on the surface.
const TOUCHING: f32 = 1e-4;

/// The grid of a frame.
pub(super) struct Shadows {
    sun: Vec3<f32>,
    /// Unit vectors across the sun's direction.
    across: [Vec3<f32>; 2],
    /// Of the grid's first corner, metres along `across`.
    low: [f32; 2],
    /// Cells per metre.
    scale: f32,
    casters: Vec<Caster>,
    /// Words per cell.
    words: usize,
    /// One bit per caster.
    cells: Vec<u64>,
}

struct Caster {
    /// Place in the list of solids.
    solid: usize,
    /// The sun's direction in the solid's frame.
    own_sun: Vec3<f32>,
    /// Ends of its axis along `across`, and radius, metres.
    outline: ([f32; 2], [f32; 2], f32),
}

impl Shadows {
    /// For a sun in this direction, a unit vector that is not vertical.
    pub(super) fn new(sun: Vec3<f32>) -> Self {
        let u = sun.cross(Vec3::new(0.0, 0.0, 1.0)).normalized();
        let across = [u, u.cross(sun)];
        Self { sun, across, low: [0.0; 2], scale: 1.0, casters: Vec::new(), words: 0, cells: Vec::new() }
    }

    /// Lists the casters of a frame: opaque solids of bounded extent. Meshes have a
    /// [`ShadowMap`](super::shadow_map::ShadowMap).
    pub(super) fn gather(&mut self, solids: &[Solid]) {
        self.casters.clear();
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for (place, solid) in solids.iter().enumerate() {
            let Some((a, b, radius)) = solid.enclosure else { continue };
            if solid.alpha < 1.0 || matches!(solid.form, Form::Mesh(_)) {
                continue;
            }
            let outline = (self.seen(a), self.seen(b), radius);
            for axis in 0..2 {
                low[axis] = low[axis].min(outline.0[axis].min(outline.1[axis]) - radius);
                high[axis] = high[axis].max(outline.0[axis].max(outline.1[axis]) + radius);
            }
            self.casters.push(Caster { solid: place, own_sun: solid.to_own.times(self.sun), outline });
        }
        self.low = low;
        self.scale = CELLS as f32 / (high[0] - low[0]).max(high[1] - low[1]);
        self.words = self.casters.len().div_ceil(WORD);
        self.cells.clear();
        self.cells.resize(CELLS * CELLS * self.words, 0);
        for (number, caster) in self.casters.iter().enumerate() {
            let (from, to, radius) = caster.outline;
            let cell = |[u, v]: [f32; 2]| [(u - low[0]) * self.scale, (v - low[1]) * self.scale];
            // Stadiums count grid points; a cell reaches one further than its own.
            let stadium = Stadium { from: cell(from), to: cell(to), radius: radius * self.scale + 1.0 };
            let Some((first, last)) = stadium.rows(CELLS) else { continue };
            for row in first..=last {
                let Some((left, right)) = stadium.columns(row as f32, row as f32 + 1.0, CELLS) else {
                    continue;
                };
                for column in left..=right {
                    let at = (row * CELLS + column) * self.words;
                    self.cells[at + number / WORD] |= 1 << (number % WORD);
                }
            }
        }
    }

    /// Where a point is seen from the sun.
    fn seen(&self, point: Vec3<f32>) -> [f32; 2] {
        [point.dot(self.across[0]), point.dot(self.across[1])]
    }

    /// Which of the points in `lit`, at `depth` on the rays through the pixels `x` of row `y` and at
    /// `point` in the world, are in shadow. No solid shades itself, as all are convex: what faces away
    /// from the sun is not in `lit`.
    #[inline(always)]
    pub(super) fn cast<F: Lanes>(
        &self,
        solids: &[Solid],
        lit: F::Mask,
        (x, y, depth): (F, F, F),
        point: Vec3<F>,
        own: F,
    ) -> F::Mask {
        let zero = x.splat(0.0);
        let mut shadow = zero.lt(zero);
        if self.casters.is_empty() {
            return shadow;
        }
        let (u, v) = (self.cell(0, point), self.cell(1, point));
        let end = x.splat(CELLS as f32);
        let lit = lit & !u.lt(zero) & u.lt(end) & !v.lt(zero) & v.lt(end);
        if !lit.any() {
            return shadow;
        }
        let (left, right) = range(u, lit);
        let (top, bottom) = range(v, lit);
        for word in 0..self.words {
            let mut near = 0;
            for row in top..=bottom {
                for column in left..=right {
                    near |= self.cells[(row * CELLS + column) * self.words + word];
                }
            }
            while near != 0 {
                let caster = &self.casters[word * WORD + near.trailing_zeros() as usize];
                near &= near - 1;
                let solid = &solids[caster.solid];
                let (origin, direction) = solid.own_ray(x, y);
                let t = solid.entry(origin + direction * depth, caster.own_sun.splat(x));
                let other = !own.eq(x.splat(caster.solid as f32));
                shadow = shadow | (x.splat(TOUCHING).lt(t) & t.lt(x.splat(f32::INFINITY)) & other & lit);
            }
        }
        shadow
    }

    /// Where points are along an axis of the grid, in cells.
    #[inline(always)]
    fn cell<F: Lanes>(&self, axis: usize, point: Vec3<F>) -> F {
        let kind = point.x;
        let along = point.dot(self.across[axis].splat(kind)) - kind.splat(self.low[axis]);
        along * kind.splat(self.scale)
    }
}

/// First and last cell of the lanes where the mask holds; all of them are within the grid.
#[inline(always)]
fn range<F: Lanes>(at: F, mask: F::Mask) -> (usize, usize) {
    let mut cells = [0.0; 8];
    at.store(&mut cells);
    let (mut low, mut high) = (f32::INFINITY, 0.0f32);
    let mut bits = mask.bits();
    while bits != 0 {
        let cell = cells[bits.trailing_zeros() as usize];
        bits &= bits - 1;
        (low, high) = (low.min(cell), high.max(cell));
    }
    (low as usize, high as usize)
}
