//! The tower over the patches of a picture.

use telos_nn::{Device, Tensor};

use super::{
    config::{ClipDescription, Family},
    transformer::{Affine, Attention, FeedForward, Norm, Transformer},
    weights::WeightFiles,
};
use crate::{RewardError, vision::Frames};

/// How the tokens of the patches become one vector.
enum Summary {
    /// CLIP: a token of its own, before the patches, then a projection.
    ClassToken { token: Tensor, before: Norm, projection: Affine },
    /// SigLIP: a learned query attends to the patches.
    Query { probe: Tensor, attention: Box<Attention>, norm: Norm, feed_forward: FeedForward },
}

pub(super) struct VisionTower {
    side: usize,
    patch: usize,
    /// Factor and term of each colour.
    normalisation: [[f32; 2]; 3],
    embedding: Affine,
    positions: Tensor,
    transformer: Transformer,
    after: Norm,
    summary: Summary,
}

impl VisionTower {
    pub(super) fn new(described: &ClipDescription, weights: &WeightFiles) -> Result<Self, RewardError> {
        let (family, config) = (described.family(), described.vision()?);
        let (side, patch) = described.picture_and_patch()?;
        let norm = |name: &str| Norm::new(&format!("vision_model.{name}"), config.norm_epsilon, weights);
        let name = "vision_model.embeddings.patch_embedding";
        // A convolution whose windows do not overlap is one product per patch.
        let kernel = weights.get::<4>(&format!("{name}.weight"))?;
        let (width, inputs) = (kernel.dims()[0], 3 * patch * patch);
        if kernel.elem_count() != width * inputs {
            let (found, reason) = (kernel.dims(), format!("patches of {patch} pixels and 3 colours"));
            return Err(
                weights.wrong(format!("`{name}.weight` has shape {found:?}; config.json says {reason}"))
            );
        }
        let bias = format!("{name}.bias");
        let bias = if weights.has(&bias) { Some(weights.get::<1>(&bias)?) } else { None };
        let positions = weights.get::<2>("vision_model.embeddings.position_embedding.weight")?;
        let patches = (side / patch).pow(2) + usize::from(family == Family::Clip);
        if positions.dims() != [patches, width] {
            let found = positions.dims();
            let reason = format!("there are {found:?} positions; pictures of {side} pixels need {patches}");
            return Err(weights.wrong(reason));
        }
        let summary = match family {
            Family::Clip => Summary::ClassToken {
                token: weights.get::<1>("vision_model.embeddings.class_embedding")?,
                // So spelt in every file of the family.
                before: norm("pre_layrnorm")?,
                projection: Affine::new("visual_projection", weights)?,
            },
            Family::Siglip => {
                let name = "vision_model.head.attention";
                let all = weights.get::<2>(&format!("{name}.in_proj_weight"))?.chunk(3, 0)?;
                let biases = weights.get::<1>(&format!("{name}.in_proj_bias"))?.chunk(3, 0)?;
                let part = |i: usize| Affine::of(all[i].clone(), Some(biases[i].clone()));
                let out = Affine::new(&format!("{name}.out_proj"), weights)?;
                let parts = [part(0)?, part(1)?, part(2)?, out];
                Summary::Query {
                    probe: weights.get::<3>("vision_model.head.probe")?,
                    attention: Box::new(Attention::of(parts, config.heads, name, weights)?),
                    norm: norm("head.layernorm")?,
                    feed_forward: FeedForward::new("vision_model.head.mlp", config.gelu, weights)?,
                }
            }
        };
        Ok(Self {
            side,
            patch,
            normalisation: described.normalisation(),
            embedding: Affine::of(kernel.reshape((width, inputs))?, bias)?,
            positions,
            transformer: Transformer::new("vision_model", config, weights)?,
            after: norm("post_layernorm")?,
            summary,
        })
    }

    pub(super) fn side(&self) -> usize {
        self.side
    }

    pub(super) fn dimensions(&self) -> usize {
        match &self.summary {
            Summary::ClassToken { projection, .. } => projection.outputs(),
            Summary::Query { probe, .. } => probe.dims()[2],
        }
    }

    /// The patches of each picture, `[count, patches, 3 * patch * patch]`: by colour, then row and column.
    fn patches(&self, frames: Frames<'_>, device: &Device) -> Result<Tensor, RewardError> {
        let (side, patch, across) = (self.side, self.patch, self.side / self.patch);
        let mut values = Vec::with_capacity(frames.count() * across * across * 3 * patch * patch);
        for picture in frames.rgb.chunks_exact(side * side * 3) {
            for place in 0..across * across {
                let (top, left) = (place / across * patch, place % across * patch);
                for (channel, [factor, term]) in self.normalisation.iter().enumerate() {
                    for row in 0..patch {
                        let start = ((top + row) * side + left) * 3 + channel;
                        let pixels = picture[start..].iter().step_by(3).take(patch);
                        values.extend(pixels.map(|&pixel| f32::from(pixel) * factor + term));
                    }
                }
            }
        }
        let shape = (frames.count(), across * across, 3 * patch * patch);
        Ok(Tensor::from_vec(values, shape, device)?)
    }

    /// `[count, dimensions]`, not yet of length 1.
    pub(super) fn forward(&self, frames: Frames<'_>, device: &Device) -> Result<Tensor, RewardError> {
        let patches = self.embedding.forward(&self.patches(frames, device)?)?;
        let count = frames.count();
        Ok(match &self.summary {
            Summary::ClassToken { token, before, projection } => {
                let token = token.broadcast_left((count, 1))?;
                let tokens = Tensor::cat(&[&token, &patches], 1)?.broadcast_add(&self.positions)?;
                let seen = self.transformer.forward(before.forward(&tokens)?, None)?;
                let class = seen.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?;
                projection.forward(&self.after.forward(&class)?)?
            }
            Summary::Query { probe, attention, norm, feed_forward } => {
                let seen = self.transformer.forward(patches.broadcast_add(&self.positions)?, None)?;
                let seen = self.after.forward(&seen)?;
                let probe = probe.repeat((count, 1, 1))?;
                let found = attention.forward(&probe, &seen, None)?;
                (&found + feed_forward.forward(&norm.forward(&found)?)?)?.squeeze(1)?
            }
        })
    }
}
