//! Still pictures.

use std::path::Path;

use telos_checkpoint::atomic_write;
use telos_envs::Env;
use telos_sim::render::{Image, Renderer};

use super::{SMOOTH, check_directory, encoding, extension, invisible};
use crate::TelosError;

/// Writes a picture of an environment's present state, of this width and height in pixels, as a PNG file.
///
/// # Errors
/// When the file has another extension or no directory, the size is impossible, the environment has
/// nothing to be drawn, or the system refuses.
pub fn picture(env: &dyn Env, width: usize, height: usize, path: &Path) -> Result<(), TelosError> {
    check_directory(path)?;
    if extension(path) != "png" {
        return Err(TelosError::Usage(format!("{}: a picture is a .png file; name one", path.display())));
    }
    let mut renderer = Renderer::new(width, height, SMOOTH)?;
    let mut image = Image::new();
    renderer.render(&env.scene().ok_or_else(|| invisible(env))?, &mut image);
    let bytes = encode_png(&image).map_err(|error| encoding(path, error.to_string()))?;
    Ok(atomic_write(path, &bytes)?)
}

/// An image as the bytes of a PNG file.
///
/// # Errors
/// When the image has no pixels.
pub fn encode_png(image: &Image) -> Result<Vec<u8>, png::EncodingError> {
    encode_rgb(image.rgb(), image.width(), image.height(), png::Compression::default())
}

/// Rows of red, green and blue, from the top, as the bytes of a PNG file.
pub(crate) fn encode_rgb(
    rgb: &[u8],
    width: usize,
    height: usize,
    compression: png::Compression,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(compression);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}
