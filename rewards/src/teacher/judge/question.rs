//! A query as a question for a judge.

use std::{cmp::Ordering, sync::Arc};

use telos_envs::{Env, Origin, Segment};
use telos_sim::render::{Image, RenderOptions, Renderer};

use super::{JudgeConfig, JudgeMode, Shown};
use crate::{
    feedback::{Ask, Choice, Query},
    judge::{
        CritiqueQuestion, Judge, JudgeError, OutcomeQuestion, PairQuestion, Part, Question, YesNoQuestion,
    },
    teacher::Stage,
};

/// A query whose clips are lived through again when it is asked, by whoever asks it: drawing them takes
/// no time of the run.
pub(super) struct ClipQuestion {
    pub(super) query: Arc<Query>,
    pub(super) stage: Stage,
    pub(super) config: Arc<JudgeConfig>,
    pub(super) goal: Arc<str>,
}

impl Question for ClipQuestion {
    type Verdict = Choice;

    fn ask(&self, judge: &mut dyn Judge) -> Result<Choice, JudgeError> {
        let mut clips = self.clips().map_err(|reason| JudgeError::Clip { reason })?;
        match (self.query.ask(), self.config.mode) {
            (Ask::Comparison, JudgeMode::Pair) => {
                let shown = [std::mem::take(&mut clips[0]), std::mem::take(&mut clips[1])];
                PairQuestion { goal: self.goal.to_string(), shown }.ask(judge)
            }
            (Ask::Rating { bins }, _) => {
                let score = self.score(clips.swap_remove(0), judge)?;
                Ok(Choice::Rating(1 + (score * f32::from(bins - 1)).round() as u8))
            }
            _ => {
                let second = self.score(clips.swap_remove(1), judge)?;
                let first = self.score(clips.swap_remove(0), judge)?;
                Ok(match first.total_cmp(&second) {
                    Ordering::Greater => Choice::First,
                    Ordering::Less => Choice::Second,
                    Ordering::Equal => Choice::Equal,
                })
            }
        }
    }
}

impl ClipQuestion {
    /// How well a clip achieves the goal, in [0, 1].
    fn score(&self, clip: Vec<Part>, judge: &mut dyn Judge) -> Result<f32, JudgeError> {
        let (config, goal) = (&self.config, self.goal.to_string());
        let mut questions = config.questions.clone();
        if questions.is_empty() {
            questions.push(format!("Is this achieved: {goal}?"));
        }
        match config.mode {
            JudgeMode::YesNo => YesNoQuestion { about: clip, questions }.ask(judge),
            JudgeMode::Outcome => {
                let question = OutcomeQuestion {
                    task: format!("A robot is to do this: {goal}."),
                    examples: config.examples.iter().map(|e| (e.outcome.clone(), e.answer)).collect(),
                    outcome: clip,
                    question: questions.swap_remove(0),
                };
                Ok(if question.ask(judge)? { 1.0 } else { 0.0 })
            }
            JudgeMode::Critique | JudgeMode::Pair => {
                let (critiques, temperature) = (config.critiques, config.temperature);
                CritiqueQuestion { about: clip, goal, critiques, temperature }.ask(judge)
            }
        }
    }

    /// What is shown of each segment.
    fn clips(&self) -> Result<Vec<Vec<Part>>, String> {
        let mut env = self.stage.env().map_err(|error| error.to_string())?;
        let origins = self.query.origins().ok_or("its origin was not recorded")?;
        let segments = self.query.segments().iter().zip(origins);
        segments.map(|(segment, origin)| self.clip(env.as_mut(), segment, origin)).collect()
    }

    fn clip(&self, env: &mut dyn Env, segment: &Segment, origin: &Origin) -> Result<Vec<Part>, String> {
        let JudgeConfig { show, frames, pixels, .. } = *self.config;
        let mut renderer =
            Renderer::new(pixels, pixels, RenderOptions::default()).map_err(|error| error.to_string())?;
        let mut image = Image::new();
        let shown: Vec<usize> = (1..=frames).map(|frame| segment.len * frame / frames).collect();
        let mut parts = Vec::new();
        origin.relive_segment(env, self.stage.seed(), segment, |state, env| {
            if !shown.contains(&state) {
                return Ok(());
            }
            let seconds = state as f32 * env.spec().dt;
            match show {
                Shown::Captions => {
                    let (caption, diagnosis) = (env.caption(), env.diagnosis());
                    parts.push(Part::Text(format!("After {seconds:.1} s: {caption}; {diagnosis}")));
                }
                Shown::Pictures => {
                    renderer.render(&env.scene().ok_or("the environment shows nothing")?, &mut image);
                    if frames > 1 {
                        parts.push(Part::Text(format!("After {seconds:.1} s:")));
                    }
                    parts.push(Part::picture(&image)?);
                }
            }
            Ok(())
        })?;
        Ok(parts)
    }
}
