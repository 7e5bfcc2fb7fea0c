//! The [`Renderer`]: scenes in, pictures, depths and segmentations out.

use super::{
    camera::Rays, floor, frame::Frame, image::Image, lanes, layer::Layer, shading::SUN,
    shadow_map::ShadowMap, shadows::Shadows, sky, solid::Solid, vector::Vec3,
};
use crate::{Scene, SimError};

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Whether the sun casts shadows.
    pub shadows: bool,
    /// Rays per pixel along each side: 1 for observations, 2 or 3 for smooth edges. At most 8.
    pub supersampling: usize,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { shadows: true, supersampling: 1 }
    }
}

/// The most pixels along a side of a picture, supersampling included.
const LARGEST: usize = 1 << 14;

/// Draws [`Scene`]s on the processor by casting rays at their shapes. It needs neither a graphics card
/// nor a window, and its pictures have the same bits on every machine and for every number of threads.
///
/// Memory is reused: after the first picture of a scene, further ones allocate nothing.
///
/// ```
/// use std::sync::Arc;
/// use telos_sim::{Camera, Model, World, assets, render::{Image, RenderOptions, Renderer}};
///
/// let world = World::new(Arc::new(Model::from_mjcf_str("walker", assets::WALKER)?));
/// let scene = world.scene(&Camera { eye: [0.0, -4.0, 1.4], target: [0.0, 0.0, 1.2], fovy: 45.0 });
/// let mut renderer = Renderer::new(64, 64, RenderOptions::default())?;
/// let mut image = Image::new();
/// renderer.render(&scene, &mut image);
/// assert_eq!(image.rgb().len(), 64 * 64 * 3);
/// let middle = renderer.segmentation().nth(32 * 64 + 32).flatten();
/// assert_eq!(middle.map(|geom| &*scene.geoms[geom].body), Some("torso"));
/// # Ok::<(), telos_sim::SimError>(())
/// ```
pub struct Renderer {
    width: usize,
    height: usize,
    options: RenderOptions,
    solids: Vec<Solid>,
    shadows: Shadows,
    shadow_map: ShadowMap,
    opaque: Layer,
    veil: Layer,
    corners: Vec<Vec3<f32>>,
    /// The picture before it is averaged.
    samples: Image,
}

impl Renderer {
    /// A renderer of pictures of this size, in pixels.
    ///
    /// # Errors
    /// When a side, or the supersampling, is zero or too large.
    pub fn new(width: usize, height: usize, options: RenderOptions) -> Result<Self, SimError> {
        let samples = options.supersampling;
        let sound = |side: usize| side > 0 && side.saturating_mul(samples) <= LARGEST;
        if !(sound(width) && sound(height) && (1..=8).contains(&samples)) {
            return Err(SimError::PictureSize { width, height, samples, largest: LARGEST });
        }
        Ok(Self {
            width,
            height,
            options,
            solids: Vec::new(),
            shadows: Shadows::new(Vec3::from(SUN)),
            shadow_map: ShadowMap::default(),
            opaque: Layer::default(),
            veil: Layer::default(),
            corners: Vec::new(),
            samples: Image::new(),
        })
    }

    /// Columns of its pictures.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of its pictures.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Draws a scene; the image takes on the renderer's size.
    ///
    /// Geoms whose pose is not finite are left out, as are all where the camera has no direction (it may
    /// follow a robot whose simulation has failed). A camera within a shape looks out of it. Of
    /// translucent geoms, only the nearest through each pixel is seen. Planes and translucent geoms
    /// cast no shadow.
    pub fn render(&mut self, scene: &Scene, image: &mut Image) {
        self.render_with(scene, image, lanes::draw);
    }

    fn render_with(&mut self, scene: &Scene, image: &mut Image, draw: impl Fn(&mut Frame<'_>)) {
        let factor = self.options.supersampling;
        let (width, height) = (self.width * factor, self.height * factor);
        let target = if factor == 1 { &mut *image } else { &mut self.samples };
        target.resize(width, height);
        self.solids.clear();
        if let Some(rays) = Rays::new(&scene.camera, width, height) {
            let geoms = scene.geoms.iter().enumerate();
            self.solids.extend(geoms.filter_map(|(index, geom)| Solid::new(geom, index, &rays)));
            if self.options.shadows {
                self.shadows.gather(&self.solids);
            }
            draw(&mut Frame {
                rays: &rays,
                solids: &self.solids,
                shadows: self.options.shadows.then_some(&self.shadows),
                shadow_map: &mut self.shadow_map,
                square: floor::square((Vec3::from(scene.camera.target) - rays.eye).length()),
                opaque: &mut self.opaque,
                veil: &mut self.veil,
                corners: &mut self.corners,
                image: target,
            });
        } else {
            self.opaque.clear(width, height);
            target.fill(sky::HORIZON_BYTES);
        }
        if factor > 1 {
            image.average(&self.samples, factor);
        }
    }

    /// Depths of the last picture, row by row from the top left: the distance, in metres, from the plane
    /// of the eye to what is opaque; infinite for the sky. With supersampling, at one ray near the middle
    /// of the pixel.
    pub fn depth(&self) -> impl Iterator<Item = f32> {
        self.middles().map(|at| self.opaque.depth[at])
    }

    /// What the pixels of the last picture show, in the order of [`depth`](Self::depth): the place in
    /// [`Scene::geoms`] of an opaque geom, which also tells its body, or `None` for the sky.
    pub fn segmentation(&self) -> impl Iterator<Item = Option<usize>> {
        self.middles().map(|at| {
            let place = self.opaque.solid[at];
            (place >= 0.0).then(|| self.solids[place as usize].geom)
        })
    }

    /// Places in the layers of one ray per pixel.
    fn middles(&self) -> impl Iterator<Item = usize> {
        let factor = self.options.supersampling;
        let drawn = self.opaque.width / factor;
        let rows = 0..self.opaque.height / factor;
        rows.flat_map(move |y| {
            (0..drawn).map(move |x| (y * factor + factor / 2) * self.opaque.stride + x * factor + factor / 2)
        })
    }
}

/// Draws many scenes, `images[i]` of `scenes[i]`, on one thread per renderer. The pictures do not depend on
/// how many there are.
///
/// # Panics
/// When there is no renderer, or not one image per scene.
pub fn render_batch(renderers: &mut [Renderer], scenes: &[Scene], images: &mut [Image]) {
    assert!(!renderers.is_empty(), "a batch needs a renderer");
    assert_eq!(scenes.len(), images.len(), "one image per scene");
    let share = scenes.len().div_ceil(renderers.len()).max(1);
    let work = |renderer: &mut Renderer, scenes: &[Scene], images: &mut [Image]| {
        for (scene, image) in scenes.iter().zip(images) {
            renderer.render(scene, image);
        }
    };
    std::thread::scope(|scope| {
        let mut shares = renderers.iter_mut().zip(scenes.chunks(share).zip(images.chunks_mut(share)));
        let own = shares.next();
        for (renderer, (scenes, images)) in shares {
            scope.spawn(move || work(renderer, scenes, images));
        }
        if let Some((renderer, (scenes, images))) = own {
            work(renderer, scenes, images);
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Camera, Mesh, SceneGeom, Shape};

    fn shape() -> impl Strategy<Value = Shape> {
        let size = || prop_oneof![8 => 0.05f32..1.5, 1 => 1e-9f32..2e4, 1 => any::<f32>()];
        let corner = || [-1.0f32..1.0, -1.0f32..1.0, -1.0f32..1.0];
        prop_oneof![
            size().prop_map(Shape::Sphere),
            (size(), size()).prop_map(|(radius, half)| Shape::Capsule(radius, half)),
            (size(), size()).prop_map(|(radius, half)| Shape::Cylinder(radius, half)),
            [size(), size(), size()].prop_map(Shape::Box),
            [size(), size(), size()].prop_map(Shape::Ellipsoid),
            Just(Shape::Plane),
            prop::collection::vec(corner(), 3..8).prop_map(|corners| {
                let triangles = (2..corners.len() as u32).map(|c| [0, c - 1, c]).collect();
                Shape::Mesh(Mesh::new(corners, triangles).unwrap())
            }),
        ]
    }

    fn geom() -> impl Strategy<Value = SceneGeom> {
        let place = || prop_oneof![20 => -3.0f32..3.0, 1 => -2e4f32..2e4, 1 => any::<f32>()];
        let turn = || prop_oneof![20 => -1.0f32..1.0, 1 => any::<f32>()];
        let colour = (0.0f32..1.0).prop_map(|level| [level, 0.5, 1.0 - level]);
        let alpha = prop_oneof![3 => Just(1.0f32), 1 => 0.0f32..1.0];
        (shape(), [place(), place(), place()], [turn(), turn(), turn(), turn()], colour, alpha).prop_map(
            |(shape, position, orientation, [r, g, b], alpha)| SceneGeom {
                body: "thing".into(),
                shape,
                position,
                orientation,
                rgba: [r, g, b, alpha],
            },
        )
    }

    fn scene() -> impl Strategy<Value = Scene> {
        let place = || prop_oneof![20 => -4.0f32..4.0, 1 => any::<f32>()];
        let camera = ([place(), place(), place()], [place(), place(), place()], 10.0f32..120.0);
        let camera = camera.prop_map(|(eye, target, fovy)| Camera { eye, target, fovy });
        (prop::collection::vec(geom(), 0..12), camera).prop_map(|(geoms, camera)| Scene { geoms, camera })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any scene at all is drawn, and the lanes of this machine give the bits that single numbers do.
        #[test]
        fn lanes_and_single_numbers_draw_the_same(scene in scene(), samples in 1usize..3, shadows in any::<bool>()) {
            let options = RenderOptions { shadows, supersampling: samples };
            let mut renderer = Renderer::new(37, 23, options).unwrap();
            let (mut wide, mut narrow) = (Image::new(), Image::new());
            renderer.render(&scene, &mut wide);
            let depths: Vec<u32> = renderer.depth().map(f32::to_bits).collect();
            let places: Vec<Option<usize>> = renderer.segmentation().collect();
            renderer.render_with(&scene, &mut narrow, |frame| frame.draw(0f32));
            prop_assert_eq!(wide, narrow);
            prop_assert_eq!(depths, renderer.depth().map(f32::to_bits).collect::<Vec<_>>());
            prop_assert_eq!(places, renderer.segmentation().collect::<Vec<_>>());
        }

        /// What lies outside the bounds of a solid is never hit.
        #[test]
        fn bounds_cut_nothing_off(scene in scene()) {
            let Some(rays) = Rays::new(&scene.camera, 37, 23) else { return Ok(()) };
            for (index, geom) in scene.geoms.iter().enumerate() {
                let Some(solid) = Solid::new(geom, index, &rays) else { continue };
                let Some(around) = solid.enclosure else { continue };
                let bounds = crate::render::bounds::Stadium::around(&rays, around);
                let rows = bounds.rows(23);
                for (x, y) in (0..23usize).flat_map(|y| (0..37usize).map(move |x| (x, y))) {
                    let columns = bounds.columns(y as f32, y as f32, 37);
                    let within = rows.is_some_and(|(top, bottom)| (top..=bottom).contains(&y))
                        && columns.is_some_and(|(left, right)| (left..=right).contains(&x));
                    let (origin, direction) = solid.own_ray(x as f32, y as f32);
                    let t = solid.entry(origin, direction);
                    prop_assert!(within || !(t > 0.0 && t < f32::INFINITY), "{:?} at {x} {y}: {t}", geom.shape);
                }
            }
        }
    }
}
