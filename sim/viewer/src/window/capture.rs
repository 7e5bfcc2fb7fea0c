//! Pictures of the window as PNG files.

use std::path::{Path, PathBuf};

use bevy::{prelude::*, render::view::screenshot::ScreenshotCaptured};
use telos::{checkpoint::atomic_write, sim::render, video::encode_png};

use super::Canvas;
use crate::{Viewer, ViewerError};

/// Pictures that were asked for.
#[derive(Resource, Default, Debug)]
pub struct Pictures {
    wanted: Vec<PathBuf>,
    pending: usize,
    written: Vec<PathBuf>,
}

impl Pictures {
    /// Asks for a picture of the next frame.
    pub fn ask(&mut self, path: PathBuf) {
        self.wanted.push(path);
        self.pending += 1;
    }

    /// Pictures that are not written yet.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Pictures that were written, in order.
    pub fn written(&self) -> &[PathBuf] {
        &self.written
    }
}

/// Takes the pictures that were asked for: one per frame, for a canvas gives no more.
pub(super) fn take(mut commands: Commands, mut pictures: ResMut<Pictures>, canvas: Res<Canvas>) {
    if pictures.wanted.is_empty() {
        return;
    }
    let path = pictures.wanted.remove(0);
    commands.spawn(canvas.screenshot()).observe(
        move |shot: On<ScreenshotCaptured>,
              mut pictures: ResMut<Pictures>,
              mut viewer: NonSendMut<Viewer>| {
            pictures.pending -= 1;
            match write(&shot.image, &path) {
                Ok(()) => pictures.written.push(path.clone()),
                Err(error) => {
                    viewer.exit_code = error.exit_code();
                    viewer.report(&error);
                }
            }
        },
    );
}

fn write(image: &Image, path: &Path) -> Result<(), ViewerError> {
    let refused = |reason: String| telos::TelosError::Encoding { path: path.to_owned(), reason };
    let rgb = image.clone().try_into_dynamic().map_err(|error| refused(error.to_string()))?.to_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let picture = render::Image::from_rgb(width, height, rgb.into_raw()).map_err(refused)?;
    let bytes = encode_png(&picture).map_err(|error| refused(error.to_string()))?;
    atomic_write(path, &bytes).map_err(telos::TelosError::from)?;
    Ok(())
}
