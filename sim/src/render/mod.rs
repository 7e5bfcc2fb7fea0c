//! Pictures of [`Scene`](crate::Scene)s, drawn on the processor by casting one ray per pixel at analytic
//! shapes.
//!
//! Every shape is brought into a frame in which it has unit size (`solid`), and the rays of the picture
//! are brought there too, which costs little because they are linear in column and row (`camera`). Only
//! the pixels that a shape can cover are tried (`bounds`), eight at a time (`lanes`). What is nearest is
//! kept in a `layer`, from which the colours follow (`shading`); shadows need a second ray, tried
//! against the few shapes that may be in the way (`shadows`), or a look at what the sun sees
//! (`shadow_map`).

mod bounds;
mod camera;
mod facets;
mod floor;
mod frame;
mod image;
mod lanes;
mod layer;
mod renderer;
mod shading;
mod shadow_map;
mod shadows;
mod sky;
mod solid;
mod vector;

pub use image::Image;
pub use renderer::{RenderOptions, Renderer, render_batch};
pub use shading::SUN;
