//! What is seen first through each pixel.

use super::{
    bounds::Stadium,
    lanes::{Lanes, Mask},
    solid::Solid,
};

/// Rows are padded to a multiple of this many pixels, the most lanes there are.
const PACKET: usize = 8;

/// The columns of all packets that these columns touch. Whatever the lanes, whole packets are drawn, so that
/// bounds which rounding has moved leave out the same pixels everywhere.
#[inline(always)]
pub(super) fn packets((left, right): (usize, usize)) -> std::ops::Range<usize> {
    left / PACKET * PACKET..(right / PACKET + 1) * PACKET
}

/// For each pixel the nearest solid so far. Solids and facets are stored as `f32`, which holds whole
/// numbers up to 2^24, so that they take part in arithmetic on lanes.
#[derive(Default)]
pub(super) struct Layer {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Floats per row: the width, rounded up to whole packets.
    pub(super) stride: usize,
    /// Distance from the plane of the eye, metres; infinite for the sky.
    pub(super) depth: Vec<f32>,
    /// Place in the list of solids; `NOTHING` for the sky.
    pub(super) solid: Vec<f32>,
    /// The triangle, where the solid is a mesh.
    pub(super) facet: Vec<f32>,
}

/// Stands for the sky.
pub(super) const NOTHING: f32 = -1.0;

impl Layer {
    /// Empties the layer and gives it a size.
    pub(super) fn clear(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.stride = width.next_multiple_of(PACKET);
        let pixels = self.stride * height;
        for (values, empty) in
            [(&mut self.depth, f32::INFINITY), (&mut self.solid, NOTHING), (&mut self.facet, 0.0)]
        {
            values.clear();
            values.resize(pixels, empty);
        }
    }

    /// Draws what rays enter, where it is nearer than what is there, and nearer than `before`.
    #[inline(always)]
    pub(super) fn draw<F: Lanes>(
        &mut self,
        kind: F,
        solid: &Solid,
        place: usize,
        bounds: &Stadium,
        before: Option<&Self>,
    ) {
        let Some((top, bottom)) = bounds.rows(self.height) else { return };
        let place = kind.splat(place as f32);
        for y in top..=bottom {
            let row = y as f32;
            let Some(columns) = bounds.columns(row, row, self.width) else { continue };
            for x in packets(columns).step_by(F::COUNT) {
                let at = y * self.stride + x;
                let (origin, direction) =
                    solid.own_ray(kind.places() + kind.splat(x as f32), kind.splat(row));
                let t = solid.entry(origin, direction);
                let mut limit = kind.load(&self.depth[at..]);
                if let Some(before) = before {
                    limit = limit.min(kind.load(&before.depth[at..]));
                }
                let nearer = kind.splat(0.0).lt(t) & t.lt(limit);
                if nearer.any() {
                    self.put(at, nearer, t, place, kind.splat(0.0));
                }
            }
        }
    }

    /// Writes a packet where the mask holds.
    #[inline(always)]
    pub(super) fn put<F: Lanes>(&mut self, at: usize, mask: F::Mask, depth: F, solid: F, facet: F) {
        depth.or(mask, depth.load(&self.depth[at..])).store(&mut self.depth[at..]);
        solid.or(mask, depth.load(&self.solid[at..])).store(&mut self.solid[at..]);
        facet.or(mask, depth.load(&self.facet[at..])).store(&mut self.facet[at..]);
    }
}
