//! A sentence as a reward: pictures in, numbers out, by the model that a configuration names.

use std::path::Path;

use serde::{Deserialize, Serialize};
use telos_envs::View;
use telos_nn::Device;

use super::{
    Clip, Contrast, ContrastConfig, Frames, GoalBaseline, GoalBaselineConfig, VisionLanguageModel, embedded,
};
use crate::{RewardError, error::require};

/// Which model of pictures and sentences.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipConfig {
    /// A directory with a CLIP, OpenCLIP or SigLIP model in Hugging Face's layout. Default none: the
    /// small model that comes with telos, which knows this simulator's world only.
    pub dir: Option<String>,
}

/// What is wanted, in sentences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SentenceConfig {
    /// Sentences that say what is wanted; the directions of several are averaged. Required.
    pub goal: Vec<String>,
    /// Sentences that are true of the scene whatever the robot does.
    pub baseline: Vec<String>,
    /// Strength of the projection on the line from baseline to goal, alpha, in [0, 1]; it needs a
    /// baseline. Default 0 (the cosine).
    pub projection: f32,
    /// Sentences that the goal must not be taken for. Given, the reward is the goal's share among all
    /// of them, and the projection is not used.
    pub others: Vec<String>,
    /// Temperature of that share. Default 0.1; CLIP's own, 0.01, saturates.
    pub temperature: f32,
    /// The model.
    pub clip: ClipConfig,
    /// The view, relative to that which shows the task.
    pub view: View,
    /// Environment steps from one picture of an episode to the next; steps between have the reward of
    /// the picture before. Its last state is always looked at. Default 1.
    pub every: usize,
    /// Whether rewards are deviations from what random actions look like, not cosines. Default true.
    pub standardise: bool,
}

impl Default for SentenceConfig {
    fn default() -> Self {
        Self {
            goal: Vec::new(),
            baseline: Vec::new(),
            projection: 0.0,
            others: Vec::new(),
            temperature: 0.1,
            clip: ClipConfig::default(),
            view: View::default(),
            every: 1,
            standardise: true,
        }
    }
}

impl SentenceConfig {
    /// # Errors
    /// When sentences are missing or a number is out of range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        require(self.every > 0, "every", self.every, "must be at least 1")?;
        if self.others.is_empty() {
            return self.goal_baseline().validate();
        }
        require(self.projection == 0.0, "projection", self.projection, "cannot be used with `others`")?;
        self.contrast().validate()
    }

    fn goal_baseline(&self) -> GoalBaselineConfig {
        let Self { goal, baseline, projection, .. } = self.clone();
        GoalBaselineConfig { goal, baseline, projection }
    }

    fn contrast(&self) -> ContrastConfig {
        let Self { goal, others, temperature, .. } = self.clone();
        ContrastConfig { goal, others, temperature }
    }
}

enum Score {
    Goal(GoalBaseline),
    Contrast(Contrast),
}

/// A model and the sentences it has read.
pub struct SentenceReward {
    model: Clip,
    score: Score,
    /// What is taken off the score, and what the rest is divided by.
    standard: [f32; 2],
}

impl SentenceReward {
    /// Opens the model and reads the sentences.
    ///
    /// # Errors
    /// When a file of the model is missing or wrong, or the sentences do not fit; the error names them.
    pub fn new(config: &SentenceConfig, device: &Device) -> Result<Self, RewardError> {
        config.validate()?;
        let model = embedded::open(config.clip.dir.as_deref().map(Path::new), device)?;
        let score = if config.others.is_empty() {
            Score::Goal(GoalBaseline::new(&config.goal_baseline(), &model)?)
        } else {
            Score::Contrast(Contrast::new(&config.contrast(), &model)?)
        };
        Ok(Self { model, score, standard: [0.0, 1.0] })
    }

    /// Pixels along each side of the pictures it sees.
    pub fn side(&self) -> usize {
        self.model.side()
    }

    /// From now on rewards are how many deviations of the scores of `frames` a score lies above their
    /// mean. Differences of cosines are small, and a learner's step sizes are not.
    ///
    /// # Errors
    /// When the pictures do not fit the model or it refuses.
    pub fn standardise(&mut self, frames: Frames<'_>) -> Result<(), RewardError> {
        self.standard = [0.0, 1.0];
        let scores = self.rewards(frames)?;
        let count = scores.len() as f32;
        let mean = scores.iter().sum::<f32>() / count;
        let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f32>() / count;
        // Pictures that are all alike say nothing of the scale.
        self.standard = [mean, variance.sqrt().max(1e-3)];
        Ok(())
    }

    /// The reward of each picture, `[count]`.
    ///
    /// # Errors
    /// When the pictures do not fit the model or it refuses.
    pub fn rewards(&self, frames: Frames<'_>) -> Result<Vec<f32>, RewardError> {
        let scores = match &self.score {
            Score::Goal(score) => score.rewards(&self.model, frames)?,
            Score::Contrast(score) => score.rewards(&self.model, frames)?,
        };
        let [mean, deviation] = self.standard;
        Ok(scores.into_iter().map(|score| (score - mean) / deviation).collect())
    }
}

/// How near a picture (`[side, side, 3]`, side that of the model) is to a sentence: the cosine of their
/// embeddings, in [-1, 1].
///
/// ```no_run
/// use telos_nn::Device;
/// use telos_rewards::vision::{self, VisionLanguageModel};
///
/// let model = vision::open(None, &Device::Cpu)?;
/// let rgb = vec![0; 3 * model.side() * model.side()];
/// let cosine = vision::similarity(&model, &rgb, "a pendulum standing upright")?;
/// assert!(cosine.abs() <= 1.0);
/// # Ok::<(), telos_rewards::RewardError>(())
/// ```
///
/// # Errors
/// When the picture does not fit the model, or it does not know a word.
pub fn similarity(model: &dyn VisionLanguageModel, rgb: &[u8], sentence: &str) -> Result<f32, RewardError> {
    let config = GoalBaselineConfig { goal: vec![sentence.into()], ..GoalBaselineConfig::default() };
    let rewards = GoalBaseline::new(&config, model)?.rewards(model, Frames::new(model.side(), rgb)?)?;
    crate::error::expect_len("pictures", rewards.len(), 1)?;
    Ok(rewards[0])
}
