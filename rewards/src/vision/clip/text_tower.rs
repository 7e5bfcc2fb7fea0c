//! The tower over the tokens of a sentence.

use telos_nn::{Device, Tensor};
use tokenizers::{Tokenizer, TruncationParams};

use super::{
    config::{ClipDirectory, Family},
    transformer::{Affine, Norm, Transformer},
    weights::WeightFiles,
};
use crate::RewardError;

/// Added to the scores of tokens that must not be seen.
const HIDDEN: f32 = f32::MIN;

pub(super) struct TextTower {
    family: Family,
    tokenizer: Tokenizer,
    /// CLIP: the id that ends a sentence; none for the largest of the sentence.
    end: Option<u32>,
    padding: u32,
    tokens: Tensor,
    positions: Tensor,
    transformer: Transformer,
    after: Norm,
    projection: Affine,
}

impl TextTower {
    pub(super) fn new(
        family: Family,
        described: &ClipDirectory,
        weights: &WeightFiles,
    ) -> Result<Self, RewardError> {
        let config = described.text()?;
        let positions = weights.get::<2>("text_model.embeddings.position_embedding.weight")?;
        let wrong = |error: &dyn std::fmt::Display| {
            let reason = format!("{error}; get this file from where the model came from");
            RewardError::vision(&described.tokenizer, reason)
        };
        let mut tokenizer = Tokenizer::from_file(&described.tokenizer).map_err(|error| wrong(&error))?;
        let truncation = TruncationParams { max_length: positions.dims()[0], ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| wrong(&error))?;
        // Sentences are filled up here, as the family wants it.
        tokenizer.with_padding(None);
        let projection = match family {
            Family::Clip => Affine::new("text_projection", weights)?,
            Family::Siglip => Affine::new("text_model.head", weights)?,
        };
        Ok(Self {
            family,
            tokenizer,
            end: described.end_of_sentence(),
            padding: described.padding(),
            tokens: weights.get::<2>("text_model.embeddings.token_embedding.weight")?,
            positions,
            transformer: Transformer::new("text_model", config, weights)?,
            after: Norm::new("text_model.final_layer_norm", config.norm_epsilon, weights)?,
            projection,
        })
    }

    /// `[sentences, dimensions]`, not yet of length 1.
    pub(super) fn forward(&self, sentences: &[&str], device: &Device) -> Result<Tensor, RewardError> {
        let refused = |sentence: &str, reason: &str| RewardError::Sentence {
            sentence: sentence.into(),
            reason: reason.into(),
        };
        let mut ids = Vec::new();
        for sentence in sentences {
            let encoding = self
                .tokenizer
                .encode(*sentence, true)
                .map_err(|error| refused(sentence, &error.to_string()))?;
            if let Some(id) = encoding.get_ids().iter().find(|&&id| id as usize >= self.tokens.dims()[0]) {
                return Err(refused(sentence, &format!("token {id} is beyond the model's vocabulary")));
            }
            ids.push(encoding.get_ids().to_vec());
        }
        let length = match self.family {
            Family::Clip => ids.iter().map(Vec::len).max().unwrap_or(0),
            // Trained on sentences of full length, of whose last token it makes its summary.
            Family::Siglip => self.positions.dims()[0],
        };
        let mut summary_at = Vec::with_capacity(ids.len());
        for (row, (ids, sentence)) in ids.iter_mut().zip(sentences).enumerate() {
            let end = match (self.family, self.end) {
                (Family::Siglip, _) => Some(length - 1),
                (Family::Clip, Some(end)) => ids.iter().position(|&id| id == end),
                (Family::Clip, None) => (0..ids.len()).max_by_key(|&at| (ids[at], usize::MAX - at)),
            };
            let end =
                end.ok_or_else(|| refused(sentence, "its tokens have no end; tokenizer.json must add one"))?;
            summary_at.push((row * length + end) as u32);
            ids.resize(length, self.padding);
        }
        let count = sentences.len();
        let flat = Tensor::from_vec(ids.concat(), count * length, device)?;
        let words = self.tokens.index_select(&flat, 0)?.reshape((count, length, ()))?;
        let tokens = words.broadcast_add(&self.positions.narrow(0, 0, length)?)?;
        let mask = match self.family {
            Family::Clip => Some(before_only(length, device)?),
            Family::Siglip => None,
        };
        let read = self.after.forward(&self.transformer.forward(tokens, mask.as_ref())?)?;
        let at = Tensor::from_vec(summary_at, count, device)?;
        let summary = read.flatten(0, 1)?.index_select(&at, 0)?;
        Ok(self.projection.forward(&summary)?)
    }
}

/// `[length, length]`: what hides the tokens that come later.
fn before_only(length: usize, device: &Device) -> Result<Tensor, RewardError> {
    let mask = (0..length * length).map(|at| if at % length > at / length { HIDDEN } else { 0.0 });
    Ok(Tensor::from_vec(mask.collect::<Vec<f32>>(), (length, length), device)?)
}
