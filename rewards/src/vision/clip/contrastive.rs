//! Radford et al. 2021, arXiv 2103.00020 (CLIP), section 2.3: both towers learn that a picture and its
//! sentence belong together.
//!
//! l_ij = exp(t) cos(picture_i, sentence_j)
//! L = 1/2 mean_i H(p_i., softmax_j l_ij) + 1/2 mean_j H(p_.j, softmax_i l_ij)
//!
//! CLIP takes the sentence that a picture came with for its only true one, p = identity. Here many
//! pictures of a batch share a sentence, and who writes the sentences knows of which pictures each is
//! true; p is uniform over those (Yang et al. 2022, "Unified Contrastive Learning in
//! Image-Text-Label Space", arXiv 2204.03610, equation 3).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_nn::{Adam, AdamConfig, D, Device, Parameters, Tensor, Var};
use tokenizers::Tokenizer;

use super::{
    Clip,
    config::ClipDescription,
    sentences::SentenceReader,
    text_tower::TextTower,
    towers::{TowersConfig, word_tokenizer, write_files},
    transformer::unit_length,
    vision_tower::VisionTower,
    weights::WeightFiles,
};
use crate::{RewardError, error::require, vision::Frames};

/// The largest inverse temperature, that of CLIP.
const MAX_SCALE: f32 = 100.0;

/// How the towers are trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContrastiveConfig {
    /// Sizes.
    pub towers: TowersConfig,
    /// Updates of the whole training.
    pub steps: u64,
    /// Learning rate at its highest; it rises over the first 5 % of the steps and falls along a cosine.
    /// Default 1e-3.
    pub lr: f64,
}

impl Default for ContrastiveConfig {
    fn default() -> Self {
        Self { towers: TowersConfig::default(), steps: 2400, lr: 1e-3 }
    }
}

/// Both towers in training.
pub struct ContrastiveTraining {
    config: ContrastiveConfig,
    described: ClipDescription,
    sentences: SentenceReader,
    /// Contents of the files beside the weights.
    files: [String; 3],
    weights: BTreeMap<String, Var>,
    optimizer: Adam,
    step: u64,
    device: Device,
}

struct Weights<'a>(&'a BTreeMap<String, Var>);

impl Parameters for Weights<'_> {
    fn named(&self) -> Vec<(String, &Var)> {
        self.0.iter().map(|(name, var)| (name.clone(), var)).collect()
    }
}

impl ContrastiveTraining {
    /// Draws the first weights of a model that knows these words.
    ///
    /// # Errors
    /// When sizes do not fit each other.
    pub fn new(
        config: ContrastiveConfig,
        words: &BTreeSet<String>,
        seed: u64,
        device: &Device,
    ) -> Result<Self, RewardError> {
        let towers = config.towers;
        towers.validate()?;
        require(config.steps > 0, "steps", config.steps, "must be positive")?;
        require(!words.is_empty(), "words", 0, "a model needs a vocabulary")?;
        let files = [towers.description(words.len()), towers.preprocessing(), word_tokenizer(words)];
        let place = Path::new("the model in training");
        let described = ClipDescription::of_texts(place, &files[0], &files[1])?;
        let sentences = Tokenizer::from_bytes(&files[2])
            .and_then(|tokenizer| {
                SentenceReader::of(tokenizer, &described, [towers.longest, words.len() + 2])
            })
            .map_err(|error| RewardError::vision(place, error.to_string()))?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let weights = towers
            .first_weights(words.len(), &mut rng, device)?
            .into_iter()
            .map(|(name, tensor)| Ok((name, Var::from_tensor(&tensor)?)))
            .collect::<Result<BTreeMap<_, _>, RewardError>>()?;
        let adam = AdamConfig { max_grad_norm: Some(1.0), beta2: 0.98, ..AdamConfig::default() };
        let optimizer = Adam::new(&Weights(&weights), adam)?;
        Ok(Self { config, described, sentences, files, weights, optimizer, step: 0, device: device.clone() })
    }

    /// Updates taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// One update on pictures and as many sentences. `agree` (`[pictures, sentences]`) says which
    /// sentence is true of which picture; each is true of its own. Returns the loss before the update.
    ///
    /// # Errors
    /// When sizes differ, a word is unknown, or the loss is no longer finite.
    pub fn update(
        &mut self,
        frames: Frames<'_>,
        sentences: &[&str],
        agree: &[bool],
    ) -> Result<f32, RewardError> {
        let n = frames.count();
        crate::error::expect_len("sentences", sentences.len(), n)?;
        crate::error::expect_len("agreements", agree.len(), n * n)?;
        // Towers transpose their weights when they are made: every update needs new ones.
        let tracked =
            self.weights.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
        let tracked = WeightFiles::of("the model in training", tracked);
        let vision = VisionTower::new(&self.described, &tracked)?;
        let text = TextTower::new(&self.described, &tracked)?;
        let pictures = unit_length(&vision.forward(frames, &self.device)?)?;
        let sentences = unit_length(&text.forward(self.sentences.tokens(sentences)?, &self.device)?)?;
        let scale = tracked.get::<0>("logit_scale")?.exp()?.minimum(MAX_SCALE)?;
        let logits = pictures.matmul(&sentences.t()?)?.broadcast_mul(&scale)?;
        let truth = agree.iter().map(|&agree| f32::from(u8::from(agree))).collect();
        let truth = Tensor::from_vec::<_, f32>(truth, (n, n), &self.device)?;
        let by_picture = cross_entropy(&logits, &truth)?;
        let by_sentence = cross_entropy(&logits.t()?.contiguous()?, &truth.t()?.contiguous()?)?;
        let loss = ((by_picture + by_sentence)? * 0.5)?;
        self.optimizer.set_lr(self.learning_rate());
        self.optimizer.backward_step(&loss)?;
        self.step += 1;
        Ok(loss.to_scalar()?)
    }

    fn learning_rate(&self) -> f64 {
        let (done, all) = (self.step as f64, self.config.steps as f64);
        let rise = ((done + 1.0) / (0.05 * all)).min(1.0);
        let fall = 0.5 * (1.0 + (std::f64::consts::PI * (done / all).min(1.0)).cos());
        self.config.lr * rise * fall
    }

    /// The model as it is now.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn model(&self) -> Result<Clip, RewardError> {
        // Copies, or the next update would change them under the model.
        let copies = self
            .weights
            .iter()
            .map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?)))
            .collect::<Result<BTreeMap<_, _>, RewardError>>()?;
        let weights = WeightFiles::of("the trained model", copies);
        Ok(Clip {
            vision: VisionTower::new(&self.described, &weights)?,
            text: TextTower::new(&self.described, &weights)?,
            sentences: self.sentences.clone(),
            device: self.device.clone(),
        })
    }

    /// Writes the model to a directory in Hugging Face's layout, weights in half precision.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, directory: &Path) -> Result<(), RewardError> {
        let weights =
            self.weights.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
        write_files(directory, self.files.each_ref().map(String::as_str), &weights)
    }
}

/// Mean over rows of the cross entropy between `truth`, scaled to sum 1, and the softmax of `logits`.
fn cross_entropy(logits: &Tensor, truth: &Tensor) -> Result<Tensor, RewardError> {
    let share = truth.broadcast_div(&truth.sum_keepdim(D::Minus1)?)?;
    // The largest logit is only there for the exponential's range: no gradient belongs to it.
    let centred = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let log = centred.broadcast_sub(&centred.exp()?.sum_keepdim(D::Minus1)?.log()?)?;
    Ok((log * share)?.sum(D::Minus1)?.mean_all()?.neg()?)
}

#[cfg(test)]
mod tests {
    use super::{super::towers::TowerSize, *};
    use crate::vision::VisionLanguageModel;

    fn tiny() -> ContrastiveConfig {
        let tower = TowerSize { width: 16, layers: 1, heads: 2, inner: 16 };
        let towers =
            TowersConfig { side: 8, patch: 4, vision: tower, text: tower, dimensions: 8, longest: 8 };
        ContrastiveConfig { towers, steps: 60, lr: 3e-3 }
    }

    const COLOURS: [(&str, [u8; 3]); 3] =
        [("red", [200, 20, 20]), ("green", [20, 200, 20]), ("blue", [20, 20, 200])];

    fn trained(seed: u64) -> (ContrastiveTraining, [f32; 2]) {
        let words = ["a", "red", "green", "blue", "picture"].map(String::from).into();
        let mut training = ContrastiveTraining::new(tiny(), &words, seed, &Device::Cpu).unwrap();
        let mut losses = [0.0; 2];
        for step in 0..60 {
            let shown: Vec<usize> = (0..6).map(|at| (at + step) % 3).collect();
            let rgb: Vec<u8> = shown.iter().flat_map(|&at| COLOURS[at].1.repeat(64)).collect();
            let sentences: Vec<String> =
                shown.iter().map(|&at| format!("a {} picture", COLOURS[at].0)).collect();
            let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
            let agree: Vec<bool> = shown.iter().flat_map(|a| shown.iter().map(move |b| a == b)).collect();
            let loss = training.update(Frames::new(8, &rgb).unwrap(), &sentences, &agree).unwrap();
            losses[usize::from(step > 0)] = loss;
        }
        (training, losses)
    }

    #[test]
    fn towers_learn_which_sentence_belongs_to_which_picture_and_survive_their_file() {
        let (training, [first, last]) = trained(1);
        // Two of six sentences are true of each picture: the loss cannot fall below ln 2.
        let best = 2f32.ln();
        assert!(first > best + 0.5 && last < best + 0.05, "{first} {last}");
        let scratch = tempfile::tempdir().unwrap();
        training.write(scratch.path()).unwrap();
        let (before, after) = (training.model().unwrap(), Clip::open(scratch.path(), &Device::Cpu).unwrap());
        for (at, (_, colour)) in COLOURS.iter().enumerate() {
            let rgb = colour.repeat(64);
            let frames = Frames::new(8, &rgb).unwrap();
            let picture = after.embed_pictures(frames).unwrap();
            let sentences = after.embed_sentences(&COLOURS.map(|(name, _)| name)).unwrap();
            let scores: Vec<f32> = sentences
                .chunks(8)
                .map(|sentence| sentence.iter().zip(&picture).map(|(a, b)| a * b).sum())
                .collect();
            assert!((0..3).all(|other| other == at || scores[other] < scores[at]), "{at}: {scores:?}");
            let exact = before.embed_pictures(frames).unwrap();
            assert!(exact.iter().zip(&picture).all(|(a, b)| (a - b).abs() < 0.01));
        }
        let error = after.embed_sentences(&["a purple picture"]).unwrap_err().to_string();
        assert!(error.contains("`purple`") && error.contains("blue"), "{error}");
    }

    #[test]
    fn the_same_seed_trains_the_same_model() {
        let bytes = |seed| {
            let scratch = tempfile::tempdir().unwrap();
            trained(seed).0.write(scratch.path()).unwrap();
            std::fs::read(scratch.path().join("model.safetensors")).unwrap()
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn impossible_sizes_are_named() {
        let mut config = tiny();
        config.towers.patch = 3;
        let words = ["a".to_string()].into();
        let error = ContrastiveTraining::new(config, &words, 0, &Device::Cpu).err().unwrap().to_string();
        assert!(error.contains("`patch`"), "{error}");
    }
}
