//! Pictures of 8-bit colours.

/// A picture: rows from the top, each of `width` pixels, each of three bytes red, green, blue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Image {
    /// An image without pixels; [`Renderer::render`](super::Renderer::render) gives it a size.
    pub fn new() -> Self {
        Self::default()
    }

    /// The picture of `rgb`, rows from the top, three bytes per pixel.
    ///
    /// # Errors
    /// When there are not `width * height * 3` bytes.
    pub fn from_rgb(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, String> {
        if rgb.len() != width * height * 3 {
            return Err(format!("{} bytes are no picture of {width}x{height} pixels", rgb.len()));
        }
        Ok(Self { width, height, rgb })
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All bytes, `height * width * 3` of them.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Red, green and blue of the pixel in column `x` and row `y`, both from the top left.
    ///
    /// # Panics
    /// When the pixel is outside.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "pixel ({x}, {y}) of {}x{}", self.width, self.height);
        let at = (y * self.width + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Gives the image a size; what its pixels are then is left open.
    pub(super) fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.rgb.resize(width * height * 3, 0);
    }

    pub(super) fn fill(&mut self, colour: [u8; 3]) {
        self.rgb.as_chunks_mut::<3>().0.fill(colour);
    }

    /// The bytes of a row.
    pub(super) fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.rgb[y * self.width * 3..][..self.width * 3]
    }

    /// Becomes the average of the `factor` x `factor` samples of each pixel.
    pub(super) fn average(&mut self, samples: &Self, factor: usize) {
        self.resize(samples.width / factor, samples.height / factor);
        let area = (factor * factor) as u32;
        for y in 0..self.height {
            for x in 0..self.width {
                let mut sum = [area / 2; 3];
                for row in 0..factor {
                    let at = ((y * factor + row) * samples.width + x * factor) * 3;
                    for sample in samples.rgb[at..at + 3 * factor].as_chunks::<3>().0 {
                        (0..3).for_each(|channel| sum[channel] += u32::from(sample[channel]));
                    }
                }
                let at = (y * self.width + x) * 3;
                self.rgb[at..at + 3].copy_from_slice(&sum.map(|sum| (sum / area) as u8));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn a_picture_has_three_bytes_per_pixel() {
        let image = Image::from_rgb(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(image.pixel(1, 0), [4, 5, 6]);
        assert!(Image::from_rgb(2, 2, vec![0; 6]).unwrap_err().contains("2x2"));
    }

    #[test]
    fn samples_are_averaged_and_rounded() {
        let mut samples = Image::new();
        samples.resize(4, 2);
        samples.row_mut(0).copy_from_slice(&[0, 1, 255, 0, 2, 255, 9, 9, 9, 9, 9, 9]);
        samples.row_mut(1).copy_from_slice(&[0, 1, 255, 2, 2, 255, 9, 9, 9, 9, 9, 9]);
        let mut image = Image::new();
        image.average(&samples, 2);
        assert_eq!((image.width(), image.height()), (2, 1));
        assert_eq!((image.pixel(0, 0), image.pixel(1, 0)), ([1, 2, 255], [9, 9, 9]));
    }
}
