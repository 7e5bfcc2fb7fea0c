//! The tower over the tokens of a sentence.

use telos_nn::{Device, Tensor};

use super::{
    config::{ClipDescription, Family},
    sentences::Tokens,
    transformer::{Affine, Norm, Transformer},
    weights::WeightFiles,
};
use crate::RewardError;

/// Added to the scores of tokens that must not be seen.
const HIDDEN: f32 = f32::MIN;

pub(super) struct TextTower {
    family: Family,
    tokens: Tensor,
    positions: Tensor,
    transformer: Transformer,
    after: Norm,
    projection: Affine,
}

impl TextTower {
    pub(super) fn new(described: &ClipDescription, weights: &WeightFiles) -> Result<Self, RewardError> {
        let (family, config) = (described.family(), described.text()?);
        let projection = match family {
            Family::Clip => Affine::new("text_projection", weights)?,
            Family::Siglip => Affine::new("text_model.head", weights)?,
        };
        Ok(Self {
            family,
            tokens: weights.get::<2>("text_model.embeddings.token_embedding.weight")?,
            positions: weights.get::<2>("text_model.embeddings.position_embedding.weight")?,
            transformer: Transformer::new("text_model", config, weights)?,
            after: Norm::new("text_model.final_layer_norm", config.norm_epsilon, weights)?,
            projection,
        })
    }

    /// Number of different tokens.
    pub(super) fn vocabulary(&self) -> usize {
        self.tokens.dims()[0]
    }

    /// Tokens of the longest sentence.
    pub(super) fn longest(&self) -> usize {
        self.positions.dims()[0]
    }

    /// `[sentences, dimensions]`, not yet of length 1.
    pub(super) fn forward(&self, sentences: Tokens, device: &Device) -> Result<Tensor, RewardError> {
        let Tokens { ids, count, length, summary_at } = sentences;
        let flat = Tensor::from_vec(ids, count * length, device)?;
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
