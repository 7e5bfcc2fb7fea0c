//! Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", arXiv
//! 2103.00020 (CLIP), its open reproduction OpenCLIP, and Zhai et al. 2023, "Sigmoid Loss for Language
//! Image Pre-Training", arXiv 2303.15343 (SigLIP).
//!
//! Two transformers, one over patches of a picture and one over the tokens of a sentence, end in one
//! space. The three families differ in how a tower is summed up and in a few constants, all of which are
//! read from the model's directory.

mod config;
mod text_tower;
mod transformer;
mod vision_tower;
mod weights;

use std::path::Path;

use telos_nn::{Device, Tensor};

use self::{
    config::ClipDirectory, text_tower::TextTower, transformer::unit_length, vision_tower::VisionTower,
    weights::WeightFiles,
};
use super::{Frames, VisionLanguageModel};
use crate::RewardError;

/// Pictures that go through the tower at a time: enough for efficient matrix products.
const PICTURES_AT_ONCE: usize = 64;

/// A model of the CLIP family.
pub struct Clip {
    vision: VisionTower,
    text: TextTower,
    device: Device,
}

impl Clip {
    /// Reads a model from a directory in Hugging Face's layout: `config.json`,
    /// `preprocessor_config.json`, `tokenizer.json` and `model.safetensors` (or its shards with their
    /// index).
    ///
    /// # Errors
    /// When a file is missing, damaged, or of another kind of model; the error names it and says what to
    /// get.
    pub fn open(directory: &Path, device: &Device) -> Result<Self, RewardError> {
        let described = ClipDirectory::read(directory)?;
        let weights = WeightFiles::read(directory, device)?;
        let family = described.family();
        Ok(Self {
            vision: VisionTower::new(family, &described, &weights)?,
            text: TextTower::new(family, &described, &weights)?,
            device: device.clone(),
        })
    }

    /// `embeddings` `[count, dimensions]` as numbers.
    fn numbers(embeddings: &Tensor) -> Result<Vec<f32>, RewardError> {
        Ok(unit_length(embeddings)?.flatten_all()?.to_vec1()?)
    }
}

impl VisionLanguageModel for Clip {
    fn side(&self) -> usize {
        self.vision.side()
    }

    fn dimensions(&self) -> usize {
        self.vision.dimensions()
    }

    fn embed_pictures(&self, frames: Frames<'_>) -> Result<Vec<f32>, RewardError> {
        if frames.side != self.side() {
            let (what, expected) = ("pixels along the side of a picture", self.side());
            return Err(RewardError::Shape { what, expected, found: frames.side });
        }
        let mut embeddings = Vec::with_capacity(frames.count() * self.dimensions());
        for chunk in frames.rgb.chunks(PICTURES_AT_ONCE * frames.side * frames.side * 3) {
            let pictures = Frames { side: frames.side, rgb: chunk };
            embeddings.extend(Self::numbers(&self.vision.forward(pictures, &self.device)?)?);
        }
        Ok(embeddings)
    }

    fn embed_sentences(&self, sentences: &[&str]) -> Result<Vec<f32>, RewardError> {
        Self::numbers(&self.text.forward(sentences, &self.device)?)
    }
}
