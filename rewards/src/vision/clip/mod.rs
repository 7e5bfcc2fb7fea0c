//! Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", arXiv
//! 2103.00020 (CLIP), its open reproduction OpenCLIP, and Zhai et al. 2023, "Sigmoid Loss for Language
//! Image Pre-Training", arXiv 2303.15343 (SigLIP).
//!
//! Two transformers, one over patches of a picture and one over the tokens of a sentence, end in one
//! space. The three families differ in how a tower is summed up and in a few constants, all of which are
//! read from the model's directory.

mod config;
mod contrastive;
mod sentences;
mod text_tower;
mod towers;
mod transformer;
mod vision_tower;
mod weights;

use std::path::Path;

use telos_nn::{Device, Tensor};
use tokenizers::Tokenizer;

use self::{
    config::ClipDescription, sentences::SentenceReader, text_tower::TextTower, transformer::unit_length,
    vision_tower::VisionTower, weights::WeightFiles,
};
pub use self::{
    contrastive::{ContrastiveConfig, ContrastiveTraining},
    towers::{TowerSize, TowersConfig},
};
use super::{Frames, VisionLanguageModel};
use crate::RewardError;

/// Pictures that go through the tower at a time: enough for efficient matrix products.
const PICTURES_AT_ONCE: usize = 64;

/// A model of the CLIP family.
pub struct Clip {
    vision: VisionTower,
    text: TextTower,
    sentences: SentenceReader,
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
        let described = ClipDescription::read(directory)?;
        let weights = WeightFiles::read(directory, device)?;
        let text = TextTower::new(&described, &weights)?;
        let sentences = SentenceReader::read(directory, &described, [text.longest(), text.vocabulary()])?;
        Ok(Self { vision: VisionTower::new(&described, &weights)?, text, sentences, device: device.clone() })
    }

    /// The model whose four files, of the names that [`open`](Self::open) says, have these contents:
    /// configuration, preprocessing, tokenizer and weights.
    ///
    /// # Errors
    /// As [`open`](Self::open); the error names the file as if it were in a directory `name`.
    pub fn from_contents(
        name: &str,
        [config, preprocessor, tokenizer]: [&str; 3],
        weights: &[u8],
        device: &Device,
    ) -> Result<Self, RewardError> {
        let directory = Path::new(name);
        let described = ClipDescription::of_texts(directory, config, preprocessor)?;
        let weights = WeightFiles::parse(&directory.join("model.safetensors"), weights, device)?;
        let text = TextTower::new(&described, &weights)?;
        let sentences = Tokenizer::from_bytes(tokenizer)
            .and_then(|tokenizer| {
                SentenceReader::of(tokenizer, &described, [text.longest(), text.vocabulary()])
            })
            .map_err(|error| RewardError::vision(&directory.join("tokenizer.json"), error.to_string()))?;
        Ok(Self { vision: VisionTower::new(&described, &weights)?, text, sentences, device: device.clone() })
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
        Self::numbers(&self.text.forward(self.sentences.tokens(sentences)?, &self.device)?)
    }
}
