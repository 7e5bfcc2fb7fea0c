//! Rocamonde et al. 2023, "Vision-Language Models are Zero-Shot Reward Models for Reinforcement
//! Learning", arXiv 2310.12921 (VLM-RM): how near a picture is to a sentence, along the line from what
//! is always true to what is wanted.
//!
//! R(s) = 1 - 1/2 |alpha proj_L(s) + (1 - alpha) s - g|^2   (equation 4)
//!
//! s is the embedding of the picture, g that of the goal ("a humanoid robot kneeling"), b that of the
//! baseline ("a humanoid robot"), all of length 1, and L the line through b and g. alpha = 0 is the cosine
//! of s and g; alpha = 1 looks at nothing but the way from b to g.

use serde::{Deserialize, Serialize};

use super::{
    Frames, VisionLanguageModel,
    embedding::{dot, mean_direction},
};
use crate::{RewardError, error::require};

/// The sentences, and how strictly the baseline is taken out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GoalBaselineConfig {
    /// Sentences that say what is wanted; the directions of several are averaged. Required.
    pub goal: Vec<String>,
    /// Sentences that describe the scene and are true whatever the robot does. Required if
    /// `projection` is positive.
    pub baseline: Vec<String>,
    /// Strength of the projection, alpha. Default 0; the paper uses 0.5 for the humanoid.
    pub projection: f32,
}

impl GoalBaselineConfig {
    /// # Errors
    /// When sentences are missing or the strength is out of range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let projection = self.projection;
        require((0.0..=1.0).contains(&projection), "projection", projection, "must be in [0, 1]")?;
        require(!self.goal.is_empty(), "goal", "[]", "give at least one sentence that says what is wanted")?;
        let baseline = projection == 0.0 || !self.baseline.is_empty();
        require(baseline, "baseline", "[]", "a projection needs a sentence for the scene without the goal")
    }
}

/// The reward of VLM-RM.
#[derive(Clone, Debug)]
pub struct GoalBaseline {
    /// alpha.
    projection: f32,
    /// g.
    goal: Vec<f32>,
    /// The unit vector from b to g; zero where there is no baseline.
    direction: Vec<f32>,
}

impl GoalBaseline {
    /// Embeds the sentences.
    ///
    /// # Errors
    /// When the configuration is wrong, goal and baseline are the same to the model, or it refuses.
    pub fn new(config: &GoalBaselineConfig, model: &dyn VisionLanguageModel) -> Result<Self, RewardError> {
        config.validate()?;
        let embed = |sentences: &[String]| -> Result<Vec<f32>, RewardError> {
            let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
            Ok(mean_direction(&model.embed_sentences(&sentences)?, model.dimensions()))
        };
        let goal = embed(&config.goal)?;
        if config.baseline.is_empty() {
            return Ok(Self { projection: 0.0, direction: vec![0.0; goal.len()], goal });
        }
        let baseline = embed(&config.baseline)?;
        let mut direction: Vec<f32> = goal.iter().zip(&baseline).map(|(g, b)| g - b).collect();
        let length = dot(&direction, &direction).sqrt();
        let reason = "the model cannot tell it from the goal; write another sentence";
        require(length > 1e-6, "baseline", config.baseline.join(" / "), reason)?;
        direction.iter_mut().for_each(|x| *x /= length);
        Ok(Self { projection: config.projection, goal, direction })
    }

    /// The reward of an embedded picture, at most 1.
    pub fn of_embedding(&self, state: &[f32]) -> f32 {
        let alpha = self.projection;
        let offset: Vec<f32> = state.iter().zip(&self.goal).map(|(s, g)| s - g).collect();
        // proj_L(s) - g = d (d . (s - g)), since L passes through g.
        let along = dot(&self.direction, &offset);
        let distance: f32 = offset
            .iter()
            .zip(&self.direction)
            .map(|(offset, d)| alpha * along * d + (1.0 - alpha) * offset)
            .map(|x| x * x)
            .sum();
        1.0 - 0.5 * distance
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
        Ok(embeddings.chunks_exact(model.dimensions()).map(|state| self.of_embedding(state)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::embedding::normalise, *};

    /// Sentences are their own embeddings: numbers.
    struct Spoken;

    impl VisionLanguageModel for Spoken {
        fn side(&self) -> usize {
            1
        }

        fn dimensions(&self) -> usize {
            3
        }

        fn embed_pictures(&self, frames: Frames<'_>) -> Result<Vec<f32>, RewardError> {
            let mut embeddings: Vec<f32> = frames.rgb.iter().map(|&x| f32::from(x)).collect();
            embeddings.chunks_exact_mut(3).for_each(normalise);
            Ok(embeddings)
        }

        fn embed_sentences(&self, sentences: &[&str]) -> Result<Vec<f32>, RewardError> {
            let mut embeddings = Vec::new();
            for sentence in sentences {
                let mut embedding: Vec<f32> = sentence.split(' ').map(|word| word.parse().unwrap()).collect();
                normalise(&mut embedding);
                embeddings.extend(embedding);
            }
            Ok(embeddings)
        }
    }

    fn reward(projection: f32, state: [u8; 3]) -> f32 {
        let config =
            GoalBaselineConfig { goal: vec!["1 2 3".into()], baseline: vec!["1 2 0".into()], projection };
        let reward = GoalBaseline::new(&config, &Spoken).unwrap();
        reward.rewards(&Spoken, Frames::new(1, &state).unwrap()).unwrap()[0]
    }

    #[test]
    fn without_a_projection_it_is_the_cosine() {
        let cosine = (1.0 * 3.0 + 2.0 * 1.0 + 3.0 * 4.0) / (14.0f32.sqrt() * 26.0f32.sqrt());
        assert!((reward(0.0, [3, 1, 4]) - cosine).abs() < 1e-6);
        assert!((reward(0.0, [1, 2, 3]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_full_projection_sees_only_the_way_from_the_baseline_to_the_goal() {
        // By the projection matrix of the paper's code: 1 - 1/2 |P (s - g)|^2 with P = d d^T / |d|^2.
        let unit = |mut x: [f32; 3]| {
            normalise(&mut x);
            x
        };
        let (g, b, s) = (unit([1.0, 2.0, 3.0]), unit([1.0, 2.0, 0.0]), unit([3.0, 1.0, 4.0]));
        let d: Vec<f32> = g.iter().zip(b).map(|(g, b)| g - b).collect();
        let along: f32 = d.iter().zip(s.iter().zip(g)).map(|(d, (s, g))| d * (s - g)).sum();
        let expected = 1.0 - 0.5 * along * along / dot(&d, &d);
        assert!((reward(1.0, [3, 1, 4]) - expected).abs() < 1e-6);
        // Half of either, before squaring: |P' (s - g)|^2 with P' = (P + I) / 2.
        let full: f32 = s.iter().zip(g).map(|(s, g)| (s - g) * (s - g)).sum();
        let square = along * along / dot(&d, &d);
        let half = 1.0 - 0.5 * (square + 0.25 * (full - square));
        assert!((reward(0.5, [3, 1, 4]) - half).abs() < 1e-6);
    }

    #[test]
    fn several_goals_are_averaged_and_wrong_sentences_are_refused() {
        let config = |goal: &[&str], baseline: &[&str], projection| GoalBaselineConfig {
            goal: goal.iter().map(|&s| s.into()).collect(),
            baseline: baseline.iter().map(|&s| s.into()).collect(),
            projection,
        };
        let two = GoalBaseline::new(&config(&["1 0 0", "0 2 0"], &[], 0.0), &Spoken).unwrap();
        assert!((two.of_embedding(&[0.5f32.sqrt(), 0.5f32.sqrt(), 0.0]) - 1.0).abs() < 1e-6);
        let error = |config| GoalBaseline::new(&config, &Spoken).unwrap_err().to_string();
        assert!(error(config(&[], &[], 0.0)).contains("`goal`"));
        assert!(error(config(&["1 0 0"], &[], 0.5)).contains("`baseline`"));
        assert!(error(config(&["1 0 0"], &["2 0 0"], 0.5)).contains("cannot tell"));
        assert!(error(config(&["1 0 0"], &["0 1 0"], 1.5)).contains("`projection`"));
        let error = Frames::new(2, &[0; 13]).unwrap_err().to_string();
        assert!(error.contains("pictures"), "{error}");
    }
}
