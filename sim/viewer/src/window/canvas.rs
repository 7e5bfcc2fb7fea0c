//! What is drawn on: a window, or a picture in memory.

use bevy::{
    camera::{ImageRenderTarget, RenderTarget},
    prelude::*,
    render::{
        render_resource::{TextureFormat, TextureUsages},
        view::screenshot::Screenshot,
    },
};

/// Where the camera draws.
#[derive(Resource, Clone, Debug)]
pub enum Canvas {
    /// The window.
    Window,
    /// A picture of this width and height.
    Image(Handle<Image>, (u32, u32)),
}

/// A picture in memory.
pub(super) fn image(world: &mut World, (width, height): (u32, u32)) -> Canvas {
    let mut image = Image::new_target_texture(width, height, TextureFormat::Rgba8UnormSrgb, None);
    image.texture_descriptor.usage |= TextureUsages::COPY_SRC;
    Canvas::Image(world.resource_mut::<Assets<Image>>().add(image), (width, height))
}

impl Canvas {
    /// As a camera's target.
    pub(super) fn target(&self) -> RenderTarget {
        match self {
            Self::Window => RenderTarget::default(),
            Self::Image(image, _) => RenderTarget::Image(ImageRenderTarget::from(image.clone())),
        }
    }

    /// A picture of what was drawn, panels included.
    pub(super) fn screenshot(&self) -> Screenshot {
        match self {
            Self::Window => Screenshot::primary_window(),
            Self::Image(image, _) => Screenshot::image(image.clone()),
        }
    }
}
