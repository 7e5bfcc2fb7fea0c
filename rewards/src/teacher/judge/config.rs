//! The keys of a judge.

use serde::{Deserialize, Serialize};

use crate::{
    RewardError,
    error::require,
    feedback::Ask,
    judge::{EndpointConfig, JudgeError},
};

/// What a judge is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgeMode {
    /// Which of two clips is nearer to the goal, in both orders (RL-VLM-F); only for comparisons.
    Pair,
    /// How likely is "yes" (ZYN).
    YesNo,
    /// Yes or no, in words and with examples (Kwon et al. 2023).
    Outcome,
    /// A critique, then a score from it (CLoud).
    Critique,
}

/// What a judge sees of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Rendered frames.
    Pictures,
    /// What the simulator says in words, for models that only read.
    Captions,
}

/// A clip in words, with the right answer about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What happened.
    pub outcome: String,
    /// Whether that is what was wanted.
    pub answer: bool,
}

/// A judge, and how it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JudgeConfig {
    /// Where the judge is, and what it may cost.
    pub endpoint: EndpointConfig,
    /// What is wanted, as in "the pole stands upright". Default: the task's own sentence.
    pub goal: Option<String>,
    /// `"pair"` (default), `"yes-no"`, `"outcome"` or `"critique"`. All but the first score each clip by
    /// itself; the clip with the better score is preferred, and equal scores are equal.
    pub mode: JudgeMode,
    /// `"pictures"` (default) or `"captions"`.
    pub show: Shown,
    /// States of a clip that are shown, spread evenly over it, the last one at its end. Default 1, the
    /// segment of RL-VLM-F.
    pub frames: usize,
    /// Width and height of a picture, pixels. Default 224, what most vision models reduce pictures to.
    pub pixels: usize,
    /// With `"yes-no"`, whose scores are averaged, and `"outcome"`, where the first counts: questions to be
    /// answered by yes or no. Default: whether the goal is achieved.
    pub questions: Vec<String>,
    /// With `"outcome"`: examples. Default none.
    pub examples: Vec<Example>,
    /// With `"critique"`: critiques to average over. Default 1.
    pub critiques: u32,
    /// With `"critique"`: temperature of the critiques. Default 0.7.
    pub temperature: f32,
    /// Questions that are asked at the same time; rate and budget are shared out among them. Default 4.
    pub connections: usize,
    /// Whether training waits for the answers, so that results do not depend on how fast they come, once
    /// the replies are cached. Default false.
    pub wait: bool,
    /// Directory of replies, which runs may share. Default: one in the run's own directory.
    pub cache: Option<String>,
}

impl Default for JudgeConfig {
    fn default() -> Self {
        Self {
            endpoint: EndpointConfig::default(),
            goal: None,
            mode: JudgeMode::Pair,
            show: Shown::Pictures,
            frames: 1,
            pixels: 224,
            questions: Vec::new(),
            examples: Vec::new(),
            critiques: 1,
            temperature: 0.7,
            connections: 4,
            wait: false,
            cache: None,
        }
    }
}

impl JudgeConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        self.endpoint.validate()?;
        let goal = self.goal.as_deref().unwrap_or("the task's own");
        require(!goal.trim().is_empty(), "goal", "\"\"", "say what is wanted, or leave the key out")?;
        require((1..=16).contains(&self.frames), "frames", self.frames, "must be from 1 to 16")?;
        require((16..=1024).contains(&self.pixels), "pixels", self.pixels, "must be from 16 to 1024")?;
        require((1..=64).contains(&self.critiques), "critiques", self.critiques, "must be from 1 to 64")?;
        let temperature = (0.0..=2.0).contains(&self.temperature);
        require(temperature, "temperature", self.temperature, "must be in [0, 2]")?;
        let spoken = self.questions.iter().all(|question| !question.trim().is_empty());
        require(spoken, "questions", "\"\"", "must all say something")?;
        let illustrated = self.examples.is_empty() || self.mode == JudgeMode::Outcome;
        require(illustrated, "examples", "given", "belongs to mode = \"outcome\"")?;
        require((1..=64).contains(&self.connections), "connections", self.connections, "must be from 1 to 64")
    }

    /// Whether a judge that is asked like this can answer it.
    pub(crate) fn answers(&self, ask: Ask) -> bool {
        match ask {
            Ask::Comparison => true,
            Ask::Rating { .. } => self.mode != JudgeMode::Pair,
            Ask::Ranking => false,
        }
    }

    /// What one of the connections may use, after `spent` has been spent.
    pub(super) fn share(&self, spent: f64) -> EndpointConfig {
        let count = self.connections as f64;
        EndpointConfig {
            requests_per_minute: self.endpoint.requests_per_minute.map(|rate| rate / count),
            budget: self.endpoint.budget.map(|budget| (budget - spent).max(0.0) / count),
            ..self.endpoint.clone()
        }
    }
}

/// Whether the run should stop for this: an answer without a verdict and a spent budget are no reason to.
pub(super) fn stops_training(error: &JudgeError) -> bool {
    !matches!(error, JudgeError::Unparsable { .. } | JudgeError::Exhausted { .. })
}
