//! Kim et al. 2024, "Confidence-aware Reward Optimization for Fine-tuning Text-to-Image Models", arXiv
//! 2404.01863 (TextNorm): the reward of a sentence is how much better it fits than its alternatives.
//!
//! r(s, c) = exp(cos(s, c) / tau) / sum_c' exp(cos(s, c') / tau)   over the wanted and the other sentences
//!
//! A picture that is near to every sentence ("standing", "lying", "kneeling") no longer pays.

use serde::{Deserialize, Serialize};

use super::{
    Frames, VisionLanguageModel,
    embedding::{dot, mean_direction},
};
use crate::{RewardError, error::require};

/// The sentences, and how sharply they are told apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContrastConfig {
    /// What is wanted; the directions of several sentences are averaged. Required.
    pub goal: Vec<String>,
    /// What it must not be taken for. Required.
    pub others: Vec<String>,
    /// Temperature, tau. Default 0.01, the inverse of CLIP's own scale of logits.
    pub temperature: f32,
}

impl Default for ContrastConfig {
    fn default() -> Self {
        Self { goal: Vec::new(), others: Vec::new(), temperature: 0.01 }
    }
}

impl ContrastConfig {
    /// # Errors
    /// When sentences are missing or the temperature is out of range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(!self.goal.is_empty(), "goal", "[]", "give at least one sentence that says what is wanted")?;
        require(!self.others.is_empty(), "others", "[]", "give at least one sentence to tell it from")?;
        let temperature = self.temperature;
        require(temperature > 0.0 && temperature.is_finite(), "temperature", temperature, "must be positive")
    }
}

/// The contrastive reward.
#[derive(Clone, Debug)]
pub struct Contrast {
    temperature: f32,
    dimensions: usize,
    /// `[1 + others, dimensions]`: the goal first.
    sentences: Vec<f32>,
}

impl Contrast {
    /// Embeds the sentences.
    ///
    /// # Errors
    /// When the configuration is wrong or the model refuses.
    pub fn new(config: &ContrastConfig, model: &dyn VisionLanguageModel) -> Result<Self, RewardError> {
        config.validate()?;
        let embed = |sentences: &[String]| {
            model.embed_sentences(&sentences.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let mut sentences = mean_direction(&embed(&config.goal)?, model.dimensions());
        sentences.extend(embed(&config.others)?);
        Ok(Self { temperature: config.temperature, dimensions: model.dimensions(), sentences })
    }

    /// The reward of an embedded picture, in (0, 1).
    pub fn of_embedding(&self, state: &[f32]) -> f32 {
        let mut sentences = self.sentences.chunks_exact(self.dimensions);
        let goal = sentences.next().map_or(0.0, |goal| dot(state, goal));
        let others = sentences.map(|other| ((dot(state, other) - goal) / self.temperature).exp());
        1.0 / (1.0 + others.sum::<f32>())
    }

    /// The reward of each picture, `[count]`.
    ///
    /// # Errors
    /// When the pictures do not fit the model or it refuses.
    pub fn rewards(
        &self,
        model: &dyn VisionLanguageModel,
        frames: Frames<'_>,
    ) -> Result<Vec<f32>, RewardError> {
        let embeddings = model.embed_pictures(frames)?;
        Ok(embeddings.chunks_exact(self.dimensions).map(|state| self.of_embedding(state)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_softmax_over_the_sentences() {
        let contrast =
            Contrast { temperature: 0.5, dimensions: 2, sentences: vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8] };
        let state = [0.8f32, 0.6];
        let weights = [0.8f32, 0.6, 0.96].map(|cosine| (cosine / 0.5).exp());
        let expected = weights[0] / weights.iter().sum::<f32>();
        assert!((contrast.of_embedding(&state) - expected).abs() < 1e-6);
        // Cold and far apart: no overflow.
        let cold = Contrast { temperature: 1e-4, ..contrast };
        assert_eq!(cold.of_embedding(&[-1.0, 0.0]), 0.0);
        assert_eq!(cold.of_embedding(&[1.0, 0.0]), 1.0);
    }

    #[test]
    fn missing_sentences_are_named() {
        let config = ContrastConfig { goal: vec!["a robot".into()], ..ContrastConfig::default() };
        assert!(config.validate().unwrap_err().to_string().contains("`others`"));
        let config = ContrastConfig { temperature: 0.0, others: vec!["a dog".into()], ..config };
        assert!(config.validate().unwrap_err().to_string().contains("`temperature`"));
    }
}
