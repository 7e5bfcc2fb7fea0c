//! What a model's directory says about it.
//!
//! Files of recent versions of `transformers` leave out what equals its defaults, so those defaults are
//! part of the format.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

use super::transformer::Gelu;
use crate::RewardError;

/// How a tower is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// A class token and the end of the sentence, each with a projection.
    Clip,
    /// A learned query and the last token.
    Siglip,
}

/// The sizes of one tower that its weights do not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct TowerConfig {
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) gelu: Gelu,
    pub(super) norm_epsilon: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawTower {
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    image_size: Option<usize>,
    patch_size: Option<usize>,
    eos_token_id: Option<u32>,
    pad_token_id: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct RawModel {
    model_type: String,
    #[serde(default)]
    text_config: RawTower,
    #[serde(default)]
    vision_config: RawTower,
}

#[derive(Debug, Deserialize)]
struct RawPreprocessor {
    #[serde(default)]
    image_mean: Option<[f32; 3]>,
    #[serde(default)]
    image_std: Option<[f32; 3]>,
    #[serde(default)]
    rescale_factor: Option<f32>,
}

/// The contents of `config.json` and `preprocessor_config.json`.
pub(super) struct ClipDescription {
    family: Family,
    model: RawModel,
    preprocessor: RawPreprocessor,
    /// Where `config.json` is.
    config: PathBuf,
}

impl ClipDescription {
    pub(super) fn read(directory: &Path) -> Result<Self, RewardError> {
        if !directory.is_dir() {
            let reason = "is no directory; give one that holds a CLIP model in Hugging Face's layout";
            return Err(RewardError::vision(directory, reason));
        }
        let config = directory.join("config.json");
        let preprocessor = directory.join("preprocessor_config.json");
        Self::of(read_json(&config)?, config, || read_json(&preprocessor))
    }

    /// The contents of both files; errors name the first as in `directory`.
    pub(super) fn of_texts(directory: &Path, config: &str, preprocessor: &str) -> Result<Self, RewardError> {
        let parse = |name: &str| directory.join(name);
        let model = parse_json(&parse("config.json"), config)?;
        Self::of(model, parse("config.json"), || parse_json(&parse("preprocessor_config.json"), preprocessor))
    }

    fn of(
        model: RawModel,
        config: PathBuf,
        preprocessor: impl FnOnce() -> Result<RawPreprocessor, RewardError>,
    ) -> Result<Self, RewardError> {
        let family = match model.model_type.as_str() {
            "clip" => Family::Clip,
            "siglip" => Family::Siglip,
            other => {
                let reason = format!("`model_type` is `{other}`; telos reads `clip` and `siglip`");
                return Err(RewardError::vision(&config, reason));
            }
        };
        Ok(Self { family, model, preprocessor: preprocessor()?, config })
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }

    pub(super) fn vision(&self) -> Result<TowerConfig, RewardError> {
        self.tower(&self.model.vision_config, "vision_config", 12)
    }

    pub(super) fn text(&self) -> Result<TowerConfig, RewardError> {
        self.tower(&self.model.text_config, "text_config", if self.family == Family::Clip { 8 } else { 12 })
    }

    fn tower(&self, raw: &RawTower, section: &str, heads: usize) -> Result<TowerConfig, RewardError> {
        let (act, epsilon) = match self.family {
            Family::Clip => ("quick_gelu", 1e-5),
            Family::Siglip => ("gelu_pytorch_tanh", 1e-6),
        };
        let act = raw.hidden_act.as_deref().unwrap_or(act);
        let gelu = Gelu::named(act).ok_or_else(|| {
            let reason = format!("`{section}.hidden_act` is `{act}`; telos knows {}", Gelu::NAMES);
            RewardError::vision(&self.config, reason)
        })?;
        Ok(TowerConfig {
            layers: raw.num_hidden_layers.unwrap_or(12),
            heads: raw.num_attention_heads.unwrap_or(heads),
            gelu,
            norm_epsilon: raw.layer_norm_eps.unwrap_or(epsilon),
        })
    }

    /// Pixels along each side of a picture and of a patch.
    pub(super) fn picture_and_patch(&self) -> Result<(usize, usize), RewardError> {
        let raw = &self.model.vision_config;
        let patch = raw.patch_size.unwrap_or(if self.family == Family::Clip { 32 } else { 16 });
        let side = raw.image_size.unwrap_or(224);
        if patch == 0 || side < patch {
            let reason = format!("pictures of {side} pixels have no patches of {patch}");
            return Err(RewardError::vision(&self.config, reason));
        }
        Ok((side, patch))
    }

    /// Factor and term, by channel, that turn the values 0 to 255 into what the tower expects.
    pub(super) fn normalisation(&self) -> [[f32; 2]; 3] {
        let raw = &self.preprocessor;
        // The means and deviations of CLIP's training data, and SigLIP's range from -1 to 1.
        let (mean, std) = match self.family {
            Family::Clip => {
                ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1])
            }
            Family::Siglip => ([0.5; 3], [0.5; 3]),
        };
        let (mean, std) = (raw.image_mean.unwrap_or(mean), raw.image_std.unwrap_or(std));
        let scale = raw.rescale_factor.unwrap_or(1.0 / 255.0);
        std::array::from_fn(|channel| [scale / std[channel], -mean[channel] / std[channel]])
    }

    /// The token that ends a sentence. Files older than the constant say 2 and mean the largest id.
    pub(super) fn end_of_sentence(&self) -> Option<u32> {
        Some(self.model.text_config.eos_token_id.unwrap_or(49407)).filter(|&id| id != 2)
    }

    /// The token that fills up short sentences.
    pub(super) fn padding(&self) -> u32 {
        self.model.text_config.pad_token_id.unwrap_or(1)
    }
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RewardError> {
    let text = fs::read_to_string(path).map_err(|error| {
        RewardError::vision(path, format!("{error}; get this file from where the model came from"))
    })?;
    parse_json(path, &text)
}

fn parse_json<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, RewardError> {
    serde_json::from_str(text).map_err(|error| RewardError::vision(path, error.to_string()))
}
