//! What a model of pictures and sentences can be asked.

use crate::RewardError;

/// Square pictures of one size, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    /// Pixels along each side.
    pub side: usize,
    /// `[count, side, side, 3]`: rows from the top, red, green and blue.
    pub rgb: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Pictures of `side` pixels.
    ///
    /// # Errors
    /// When `rgb` does not hold a whole number of them.
    pub fn new(side: usize, rgb: &'a [u8]) -> Result<Self, RewardError> {
        let one = side * side * 3;
        if one == 0 || !rgb.len().is_multiple_of(one) {
            return Err(RewardError::Shape { what: "pictures", expected: one.max(1), found: rgb.len() });
        }
        Ok(Self { side, rgb })
    }

    /// Number of pictures.
    pub fn count(&self) -> usize {
        self.rgb.len() / (self.side * self.side * 3)
    }
}

/// A model that puts pictures and sentences into one space.
pub trait VisionLanguageModel {
    /// Pixels along each side of the pictures it sees.
    fn side(&self) -> usize;

    /// Numbers of an embedding.
    fn dimensions(&self) -> usize;

    /// The embeddings of pictures, each of length 1: `[count, dimensions]`.
    ///
    /// # Errors
    /// When the pictures have another size than [`side`](Self::side), or the device refuses.
    fn embed_pictures(&self, frames: Frames<'_>) -> Result<Vec<f32>, RewardError>;

    /// The embeddings of sentences, each of length 1: `[count, dimensions]`.
    ///
    /// # Errors
    /// When a sentence cannot be split into tokens, or the device refuses.
    fn embed_sentences(&self, sentences: &[&str]) -> Result<Vec<f32>, RewardError>;
}
