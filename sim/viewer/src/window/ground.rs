//! The checkered ground, as the renderer on the processor draws it.

use bevy::{
    asset::RenderAssetUsages,
    image::{ImageAddressMode, ImageFilterMode, ImageSampler, ImageSamplerDescriptor},
    math::Affine2,
    mesh::{Indices, PrimitiveTopology},
    prelude::*,
    render::render_resource::{Extent3d, TextureDimension, TextureFormat},
};

/// Half a side of what is drawn of the plane, metres; beyond, everything is haze.
const HALF: f32 = 400.0;
/// Pixels along two squares of the pattern.
const PIXELS: usize = 64;
/// Shade of the darker squares, as a share of the lighter ones', which are a little lighter than the plane's colour.
const DARK: f32 = 0.91 / 1.09;
/// How much lighter they are.
pub(super) const LIGHT: f32 = 1.09;

/// A square whose texture coordinates are metres.
pub(super) fn mesh() -> Mesh {
    let corners = [[-HALF, -HALF], [HALF, -HALF], [HALF, HALF], [-HALF, HALF]];
    let positions = corners.map(|[x, y]| [x, y, 0.0]).to_vec();
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::default())
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, vec![[0.0, 0.0, 1.0]; 4])
        .with_inserted_attribute(Mesh::ATTRIBUTE_UV_0, corners.to_vec())
        .with_inserted_indices(Indices::U32(vec![0, 1, 2, 0, 2, 3]))
}

/// Side of a square, metres, for a camera at this distance from what it looks at: the power of two that puts
/// roughly ten squares across the picture.
pub(super) fn square(distance: f32) -> f32 {
    (distance / 6.0).log2().round().exp2().clamp(1e-3, 1e3)
}

/// From metres to the pattern with squares of this side.
pub(super) fn uv_transform(square: f32) -> Affine2 {
    Affine2::from_scale(Vec2::splat(0.5 / square))
}

/// The point of the pattern's grid nearest to `target`, so that the plane can follow it unseen.
pub(super) fn snapped(target: Vec3, square: f32) -> Vec3 {
    let period = 2.0 * square;
    Vec3::new((target.x / period).round() * period, (target.y / period).round() * period, 0.0)
}

/// Two by two squares, with every smaller picture of them down to one pixel.
pub(super) fn pattern() -> Image {
    let mut level: Vec<f32> = (0..PIXELS * PIXELS)
        .map(|at| if (at / PIXELS < PIXELS / 2) == (at % PIXELS < PIXELS / 2) { 1.0 } else { DARK })
        .collect();
    let (mut data, mut side, mut levels) = (Vec::new(), PIXELS, 0);
    loop {
        data.extend(level.iter().flat_map(|shade| {
            let byte = (shade * 255.0).round() as u8;
            [byte, byte, byte, 255]
        }));
        levels += 1;
        if side == 1 {
            break;
        }
        let half = side / 2;
        let mean = |at: usize| {
            let (x, y) = (at % half * 2, at / half * 2);
            0.25 * (level[y * side + x]
                + level[y * side + x + 1]
                + level[(y + 1) * side + x]
                + level[(y + 1) * side + x + 1])
        };
        level = (0..half * half).map(mean).collect();
        side = half;
    }
    let extent = Extent3d { width: PIXELS as u32, height: PIXELS as u32, depth_or_array_layers: 1 };
    let format = TextureFormat::Rgba8UnormSrgb;
    let mut image = Image::new_uninit(extent, TextureDimension::D2, format, RenderAssetUsages::RENDER_WORLD);
    image.data = Some(data);
    image.texture_descriptor.mip_level_count = levels;
    image.sampler = ImageSampler::Descriptor(ImageSamplerDescriptor {
        address_mode_u: ImageAddressMode::Repeat,
        address_mode_v: ImageAddressMode::Repeat,
        mag_filter: ImageFilterMode::Linear,
        min_filter: ImageFilterMode::Linear,
        mipmap_filter: ImageFilterMode::Linear,
        anisotropy_clamp: 8,
        ..default()
    });
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_a_tenth_of_the_picture_and_the_plane_moves_by_whole_patterns() {
        assert_eq!((square(6.0), square(3.0), square(12.1)), (1.0, 0.5, 2.0));
        assert_eq!(snapped(Vec3::new(3.2, -0.9, 1.0), 0.5), Vec3::new(3.0, -1.0, 0.0));
    }

    #[test]
    fn the_pattern_averages_out() {
        let image = pattern();
        let data = image.data.unwrap();
        let mean = data[data.len() - 4];
        assert!((f32::from(mean) / 255.0 - 0.5 * (1.0 + DARK)).abs() < 0.01);
        assert_eq!(image.texture_descriptor.mip_level_count, 7);
    }
}
