//! How well the view fits a sentence, in the eyes of a vision-language model.

use std::path::Path;

use telos::{
    device::DeviceChoice,
    rewards::vision::{self, Frames, VisionLanguageModel},
    sim::{
        Scene,
        render::{Image, RenderOptions, Renderer},
    },
};

use crate::ViewerError;

/// A model and a sentence.
pub struct Similarity {
    model: Box<dyn VisionLanguageModel>,
    /// What the person is typing.
    pub draft: String,
    sentence: String,
    embedding: Vec<f32>,
    renderer: Renderer,
    image: Image,
    score: Option<f32>,
}

impl Similarity {
    /// The model in `directory`, by default telos's own, with a sentence to begin with; it may be empty.
    ///
    /// # Errors
    /// When there is no such model, or it cannot read the sentence.
    pub fn open(directory: Option<&Path>, sentence: &str) -> Result<Self, ViewerError> {
        let device = DeviceChoice::Cpu.open()?;
        Self::new(Box::new(vision::open(directory, &device)?), sentence)
    }

    /// As [`open`](Self::open), with a model at hand.
    ///
    /// # Errors
    /// When it cannot read the sentence.
    pub fn new(model: Box<dyn VisionLanguageModel>, sentence: &str) -> Result<Self, ViewerError> {
        let options = RenderOptions { shadows: true, supersampling: 1 };
        let renderer = Renderer::new(model.side(), model.side(), options)?;
        let mut similarity = Self {
            model,
            draft: sentence.to_owned(),
            sentence: String::new(),
            embedding: Vec::new(),
            renderer,
            image: Image::new(),
            score: None,
        };
        similarity.ask()?;
        Ok(similarity)
    }

    /// Takes over what was typed.
    ///
    /// # Errors
    /// When the model cannot read it; the old sentence stays.
    pub fn ask(&mut self) -> Result<(), ViewerError> {
        let draft = self.draft.trim();
        if draft == self.sentence {
            return Ok(());
        }
        let embedding = if draft.is_empty() { Vec::new() } else { self.model.embed_sentences(&[draft])? };
        (self.sentence, self.embedding, self.score) = (draft.to_owned(), embedding, None);
        Ok(())
    }

    /// The sentence in force; empty where there is none.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Looks at a scene.
    ///
    /// # Errors
    /// When the model fails.
    pub fn look(&mut self, scene: &Scene) -> Result<(), ViewerError> {
        if self.embedding.is_empty() {
            return Ok(());
        }
        self.renderer.render(scene, &mut self.image);
        let picture = self.model.embed_pictures(Frames::new(self.model.side(), self.image.rgb())?)?;
        self.score = Some(picture.iter().zip(&self.embedding).map(|(a, b)| a * b).sum());
        Ok(())
    }

    /// Cosine of the angle between the last look and the sentence.
    pub fn score(&self) -> Option<f32> {
        self.score
    }
}

#[cfg(test)]
mod tests {
    use telos::{envs::registry, rewards::RewardError};

    use super::*;

    /// Sees how much red there is, and reads whether "red" is there.
    struct Red;

    impl VisionLanguageModel for Red {
        fn side(&self) -> usize {
            8
        }
        fn dimensions(&self) -> usize {
            2
        }
        fn embed_pictures(&self, frames: Frames<'_>) -> Result<Vec<f32>, RewardError> {
            let red = frames.rgb.iter().step_by(3).map(|red| f32::from(*red) / 255.0).sum::<f32>() / 64.0;
            Ok(vec![red, (1.0 - red * red).sqrt()])
        }
        fn embed_sentences(&self, sentences: &[&str]) -> Result<Vec<f32>, RewardError> {
            Ok(sentences
                .iter()
                .flat_map(|text| if text.contains("red") { [1.0, 0.0] } else { [0.0, 1.0] })
                .collect())
        }
    }

    #[test]
    fn the_embedded_model_reads_what_it_was_trained_on() {
        let mut env = registry::make("pendulum-swingup").unwrap();
        env.reset(0, &mut vec![0.0; env.spec().observation.size()]);
        let scene = env.scene().unwrap();
        let mut similarity = Similarity::open(None, "a pendulum hanging down").unwrap();
        similarity.look(&scene).unwrap();
        let hanging = similarity.score().unwrap();
        similarity.draft = "a cheetah lying on its back".into();
        similarity.ask().unwrap();
        similarity.look(&scene).unwrap();
        let other = similarity.score().unwrap();
        assert!(hanging > other + 0.1, "{hanging} and {other}");
    }

    #[test]
    fn the_view_is_compared_with_what_was_typed() {
        let mut env = registry::make("reacher").unwrap();
        env.reset(0, &mut vec![0.0; env.spec().observation.size()]);
        let scene = env.scene().unwrap();
        let mut similarity = Similarity::new(Box::new(Red), "").unwrap();
        similarity.look(&scene).unwrap();
        assert_eq!(similarity.score(), None, "nothing was asked");
        similarity.draft = "it is red ".into();
        similarity.ask().unwrap();
        similarity.look(&scene).unwrap();
        let red = similarity.score().unwrap();
        similarity.draft = "it is dark".into();
        similarity.ask().unwrap();
        assert_eq!((similarity.sentence(), similarity.score()), ("it is dark", None));
        similarity.look(&scene).unwrap();
        let dark = similarity.score().unwrap();
        assert!((red * red + dark * dark - 1.0).abs() < 1e-5, "{red} {dark}");
    }
}
