//! One picture: solids into layers, layers into colours.

use super::{
    bounds::Stadium,
    camera::Rays,
    facets,
    image::Image,
    lanes::{Lanes, Mask},
    layer::Layer,
    shading::SUN,
    shadow_map::ShadowMap,
    shadows::Shadows,
    solid::{Form, Solid},
    vector::Vec3,
};

/// Everything that a picture is drawn from and into.
pub(super) struct Frame<'a> {
    pub(super) rays: &'a Rays,
    pub(super) solids: &'a [Solid],
    /// `None` for a picture without shadows.
    pub(super) shadows: Option<&'a Shadows>,
    /// Filled by [`draw`](Self::draw) where there are shadows.
    pub(super) shadow_map: &'a mut ShadowMap,
    /// Side of a floor's squares, metres.
    pub(super) square: f32,
    /// What hides what is behind it.
    pub(super) opaque: &'a mut Layer,
    /// The nearest of what is translucent.
    pub(super) veil: &'a mut Layer,
    /// Memory for the corners of a mesh.
    pub(super) corners: &'a mut Vec<Vec3<f32>>,
    pub(super) image: &'a mut Image,
}

impl Frame<'_> {
    /// Draws the frame with lanes of this kind.
    #[inline(always)]
    pub(super) fn draw<F: Lanes>(&mut self, kind: F) {
        let (width, height) = (self.image.width(), self.image.height());
        self.opaque.clear(width, height);
        self.draw_layer(kind, false);
        if self.shadows.is_some() {
            let side = (2 * width.max(height)).clamp(128, 1024);
            self.shadow_map.draw(kind, self.solids, Vec3::from(SUN), side, self.corners);
        }
        let translucent = self.solids.iter().any(|solid| solid.alpha < 1.0);
        if translucent {
            self.veil.clear(width, height);
            self.draw_layer(kind, true);
        }
        for y in 0..height {
            let mut x = 0;
            while x < width {
                let at = y * self.opaque.stride + x;
                let (column, row) = (kind.places() + kind.splat(x as f32), kind.splat(y as f32));
                let mut colour = self.shade(self.opaque, at, column, row);
                if translucent && !kind.load(&self.veil.solid[at..]).lt(kind.splat(0.0)).all() {
                    let veil = self.shade(self.veil, at, column, row);
                    let alpha = self.veil_alpha(kind, at);
                    colour = colour + (veil - colour) * alpha;
                }
                store_colours(colour, &mut self.image.row_mut(y)[3 * x..]);
                x += F::COUNT;
            }
        }
    }

    #[inline(always)]
    fn draw_layer<F: Lanes>(&mut self, kind: F, translucent: bool) {
        let (layer, before) =
            if translucent { (&mut *self.veil, Some(&*self.opaque)) } else { (&mut *self.opaque, None) };
        for (place, solid) in self.solids.iter().enumerate() {
            if (solid.alpha < 1.0) != translucent {
                continue;
            }
            let bounds =
                solid.enclosure.map_or(Stadium::EVERYWHERE, |around| Stadium::around(self.rays, around));
            if let Form::Mesh(mesh) = &solid.form {
                facets::project(solid, mesh, self.rays, self.corners);
                layer.draw_facets(kind, mesh.triangles(), self.corners, place, &bounds, before);
            } else {
                layer.draw(kind, solid, place, &bounds, before);
            }
        }
    }

    /// How much the translucent layer hides of what is behind it.
    #[inline(always)]
    fn veil_alpha<F: Lanes>(&self, kind: F, at: usize) -> F {
        let mut alpha = [0.0; 8];
        for (alpha, place) in alpha.iter_mut().zip(&self.veil.solid[at..at + F::COUNT]) {
            *alpha = if *place < 0.0 { 0.0 } else { self.solids[*place as usize].alpha };
        }
        kind.load(&alpha)
    }
}

/// Adding this to a small number leaves the nearest whole number in the low bits.
const WHOLE: f32 = 8_388_608.0;

/// Writes colours in [0, 1] as bytes, as many pixels as there is room for.
#[inline(always)]
fn store_colours<F: Lanes>(colour: Vec3<F>, to: &mut [u8]) {
    let kind = colour.x;
    let mut channels = [[0.0; 8]; 3];
    for (channel, value) in channels.iter_mut().zip([colour.x, colour.y, colour.z]) {
        let level = value.max(kind.splat(0.0)).min(kind.splat(1.0)) * kind.splat(255.0);
        (level + kind.splat(WHOLE)).store(channel);
    }
    let [red, green, blue] = channels;
    for (lane, pixel) in to.as_chunks_mut::<3>().0.iter_mut().take(F::COUNT).enumerate() {
        *pixel = [red[lane], green[lane], blue[lane]].map(|level| level.to_bits() as u8);
    }
}
