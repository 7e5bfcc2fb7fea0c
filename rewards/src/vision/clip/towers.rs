//! A model of the CLIP family before training: its sizes, its first weights, its files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use serde_json::json;
use telos_checkpoint::atomic_write;
use telos_nn::{Device, Tensor, weights::half_safetensors};

use crate::{RewardError, error::require};

/// The sizes of one tower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TowerSize {
    /// Numbers of a token.
    pub width: usize,
    /// Layers of attention and feed-forward network.
    pub layers: usize,
    /// Heads of attention; they divide the width.
    pub heads: usize,
    /// Numbers between the two layers of a feed-forward network.
    pub inner: usize,
}

/// The sizes of both towers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TowersConfig {
    /// Pixels along each side of a picture.
    pub side: usize,
    /// Pixels along each side of a patch; it divides the picture's.
    pub patch: usize,
    /// The tower over patches.
    pub vision: TowerSize,
    /// The tower over words.
    pub text: TowerSize,
    /// Numbers of an embedding.
    pub dimensions: usize,
    /// Words of the longest sentence, with a start and an end.
    pub longest: usize,
}

impl Default for TowersConfig {
    /// Small enough to see some thousands of pictures per second on one core.
    fn default() -> Self {
        Self {
            side: 64,
            patch: 16,
            vision: TowerSize { width: 96, layers: 3, heads: 3, inner: 192 },
            text: TowerSize { width: 64, layers: 2, heads: 2, inner: 128 },
            dimensions: 64,
            longest: 24,
        }
    }
}

/// Ids of the tokens around every sentence.
const START: usize = 0;
const END: usize = 1;

impl TowersConfig {
    /// # Errors
    /// When sizes do not fit each other; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let Self { side, patch, vision, text, dimensions, longest } = *self;
        require(patch > 0 && side.is_multiple_of(patch) && side > 0, "patch", patch, "must divide `side`")?;
        for tower in [vision, text] {
            let divides = tower.heads > 0 && tower.width.is_multiple_of(tower.heads);
            require(divides && tower.width > 0, "heads", tower.heads, "must divide `width`")?;
            require(tower.inner > 0, "inner", tower.inner, "must be positive")?;
        }
        require(dimensions > 0, "dimensions", dimensions, "must be positive")?;
        require(longest > 2, "longest", longest, "must have room for a word between start and end")
    }

    /// The contents of `config.json`.
    pub(super) fn description(&self, words: usize) -> String {
        let tower = |size: TowerSize, kind: &str| {
            json!({
                "model_type": kind, "hidden_size": size.width, "intermediate_size": size.inner,
                "num_hidden_layers": size.layers, "num_attention_heads": size.heads,
                "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "projection_dim": self.dimensions,
            })
        };
        let mut text = tower(self.text, "clip_text_model");
        text["vocab_size"] = json!(words + 2);
        text["max_position_embeddings"] = json!(self.longest);
        text["bos_token_id"] = json!(START);
        text["eos_token_id"] = json!(END);
        text["pad_token_id"] = json!(END);
        let mut vision = tower(self.vision, "clip_vision_model");
        vision["image_size"] = json!(self.side);
        vision["patch_size"] = json!(self.patch);
        let model = json!({
            "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": self.dimensions,
            "text_config": text, "vision_config": vision,
        });
        format!("{model:#}\n")
    }

    /// The contents of `preprocessor_config.json`: pictures are drawn in the right size and only scaled
    /// to -1 to 1.
    pub(super) fn preprocessing(&self) -> String {
        let size = json!({"height": self.side, "width": self.side});
        let processing = json!({
            "image_processor_type": "CLIPImageProcessor", "do_resize": false, "do_center_crop": false,
            "do_rescale": true, "rescale_factor": 1.0 / 255.0, "do_normalize": true,
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": size, "crop_size": size,
        });
        format!("{processing:#}\n")
    }

    /// First weights by their names in Hugging Face's files, for a vocabulary of `words`.
    pub(super) fn first_weights(
        &self,
        words: usize,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<BTreeMap<String, Tensor>, RewardError> {
        let mut drawn = Drawn { tensors: BTreeMap::new(), rng, device };
        let patches = (self.side / self.patch).pow(2);
        let (seen, read) = (self.vision.width, self.text.width);
        let inputs = 3 * self.patch * self.patch;
        let scale = (inputs as f32).sqrt().recip();
        let kernel = [seen, 3, self.patch, self.patch];
        drawn.normal("vision_model.embeddings.patch_embedding.weight", &kernel, scale)?;
        drawn.normal("vision_model.embeddings.class_embedding", &[seen], 0.1)?;
        drawn.normal("vision_model.embeddings.position_embedding.weight", &[patches + 1, seen], 0.1)?;
        drawn.normal("text_model.embeddings.token_embedding.weight", &[words + 2, read], 0.1)?;
        drawn.normal("text_model.embeddings.position_embedding.weight", &[self.longest, read], 0.05)?;
        drawn.norm("vision_model.pre_layrnorm", seen)?;
        drawn.norm("vision_model.post_layernorm", seen)?;
        drawn.norm("text_model.final_layer_norm", read)?;
        drawn.layers("vision_model", self.vision)?;
        drawn.layers("text_model", self.text)?;
        for (name, width) in [("visual_projection", seen), ("text_projection", read)] {
            let scale = (width as f32).sqrt().recip();
            drawn.normal(&format!("{name}.weight"), &[self.dimensions, width], scale)?;
        }
        // The logarithm of the inverse temperature; that of CLIP is 0.07 in the beginning.
        drawn.constant("logit_scale", &[], (1.0f32 / 0.07).ln())?;
        Ok(drawn.tensors)
    }
}

/// Weights in the making.
struct Drawn<'a> {
    tensors: BTreeMap<String, Tensor>,
    rng: &'a mut Xoshiro256PlusPlus,
    device: &'a Device,
}

impl Drawn<'_> {
    fn normal(&mut self, name: &str, shape: &[usize], deviation: f32) -> Result<(), RewardError> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|_| {
                // Box and Muller.
                let (radius, angle): (f32, f32) =
                    (self.rng.random_range(f32::MIN_POSITIVE..1.0), self.rng.random_range(0.0..1.0));
                deviation * (-2.0 * radius.ln()).sqrt() * (std::f32::consts::TAU * angle).cos()
            })
            .collect();
        self.tensors.insert(name.into(), Tensor::from_vec(values, shape, self.device)?);
        Ok(())
    }

    fn constant(&mut self, name: &str, shape: &[usize], value: f32) -> Result<(), RewardError> {
        let values = vec![value; shape.iter().product()];
        self.tensors.insert(name.into(), Tensor::from_vec(values, shape, self.device)?);
        Ok(())
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<(), RewardError> {
        self.constant(&format!("{name}.weight"), &[width], 1.0)?;
        self.constant(&format!("{name}.bias"), &[width], 0.0)
    }

    fn affine(&mut self, name: &str, outputs: usize, inputs: usize, gain: f32) -> Result<(), RewardError> {
        self.normal(&format!("{name}.weight"), &[outputs, inputs], gain / (inputs as f32).sqrt())?;
        self.constant(&format!("{name}.bias"), &[outputs], 0.0)
    }

    fn layers(&mut self, tower: &str, size: TowerSize) -> Result<(), RewardError> {
        // What is added to the tokens is scaled down with the depth, as in GPT-2.
        let residual = ((2 * size.layers) as f32).sqrt().recip();
        for layer in 0..size.layers {
            let name = |part: &str| format!("{tower}.encoder.layers.{layer}.{part}");
            self.norm(&name("layer_norm1"), size.width)?;
            self.norm(&name("layer_norm2"), size.width)?;
            for part in ["q_proj", "k_proj", "v_proj"] {
                self.affine(&name(&format!("self_attn.{part}")), size.width, size.width, 1.0)?;
            }
            self.affine(&name("self_attn.out_proj"), size.width, size.width, residual)?;
            self.affine(&name("mlp.fc1"), size.inner, size.width, 1.0)?;
            self.affine(&name("mlp.fc2"), size.width, size.inner, residual)?;
        }
        Ok(())
    }
}

/// The contents of a `tokenizer.json` that splits sentences into these words and knows no others.
pub(super) fn word_tokenizer(words: &BTreeSet<String>) -> String {
    let (start, end) = ("<start>", "<end>");
    let special = |id: usize, content: &str| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let around = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let token = |id: usize, name: &str| json!({"id": name, "ids": [id], "tokens": [name]});
    let known = [start, end].into_iter().chain(words.iter().map(String::as_str));
    let vocabulary: BTreeMap<&str, usize> = known.enumerate().map(|(id, word)| (word, id)).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(START, start), special(END, end)],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [around(start), sequence("A"), around(end)],
            "pair": [around(start), sequence("A"), sequence("B"), around(end)],
            "special_tokens": {start: token(START, start), end: token(END, end)},
        },
        "decoder": null,
        // It is in no vocabulary: an unknown word is an error.
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unknown>"},
    });
    format!("{tokenizer:#}\n")
}

/// Writes the four files of a model to `directory`, weights in half precision.
pub(super) fn write_files(
    directory: &Path,
    [config, preprocessor, tokenizer]: [&str; 3],
    weights: &BTreeMap<String, Tensor>,
) -> Result<(), RewardError> {
    fs::create_dir_all(directory).map_err(RewardError::io(directory))?;
    let files = [
        ("config.json", config.as_bytes()),
        ("preprocessor_config.json", preprocessor.as_bytes()),
        ("tokenizer.json", tokenizer.as_bytes()),
        ("model.safetensors", &half_safetensors(weights)?),
    ];
    for (name, contents) in files {
        atomic_write(&directory.join(name), contents)?;
    }
    Ok(())
}
