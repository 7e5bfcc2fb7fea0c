//! GIF: 256 colours per frame, chosen for each, plays anywhere.

use ::gif::{Encoder as GifEncoder, Frame, Repeat};
use telos_sim::render::Image;

use super::Encoder;

/// Speed of the search for a frame's colours, from 1 (best) to 30.
const SPEED: i32 = 10;

pub(super) struct Gif {
    encoder: GifEncoder<Vec<u8>>,
    /// Seconds per frame.
    interval: f32,
    frames: usize,
}

impl Gif {
    /// A GIF that repeats for ever, of frames of this size that last `interval` seconds each.
    pub(super) fn new(width: usize, height: usize, interval: f32) -> Result<Self, String> {
        let side = |pixels: usize| u16::try_from(pixels).map_err(|error| error.to_string());
        let mut encoder = GifEncoder::new(Vec::new(), side(width)?, side(height)?, &[])
            .map_err(|error| error.to_string())?;
        encoder.set_repeat(Repeat::Infinite).map_err(|error| error.to_string())?;
        Ok(Self { encoder, interval, frames: 0 })
    }
}

impl Encoder for Gif {
    fn push(&mut self, image: &Image) -> Result<(), String> {
        let (width, height) = (image.width() as u16, image.height() as u16);
        let mut frame = Frame::from_rgb_speed(width, height, image.rgb(), SPEED);
        // Delays are whole hundredths of a second; rounding the ends keeps the whole in time.
        let end = |frames: usize| (frames as f32 * self.interval * 100.0).round() as usize;
        frame.delay = (end(self.frames + 1) - end(self.frames)) as u16;
        self.frames += 1;
        self.encoder.write_frame(&frame).map_err(|error| error.to_string())
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, String> {
        self.encoder.into_inner().map_err(|error| error.to_string())
    }
}
