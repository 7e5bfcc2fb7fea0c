//! Which of two clips is better? Questions of a run, played side by side, and their answers.

use std::time::Instant;

use telos::{
    RunDirectory,
    envs::{Env, Origin, Segment},
    label::{Annotator, LabelProgress, Pair},
    rewards::feedback::Choice,
    sim::{Camera, Scene},
};

use crate::{
    ViewerError,
    stage::{Exhibit, grid, overview},
};

/// The pair that is shown.
struct Shown {
    pair: Pair,
    /// By state, of each side.
    clips: [Vec<Scene>; 2],
    since: Instant,
}

/// A labelling at work.
pub struct Labelling {
    annotator: Annotator,
    env: Box<dyn Env>,
    seed: u64,
    name: String,
    shown: Option<Shown>,
    at: usize,
}

impl Labelling {
    /// The labelling of `run` by a person of this name.
    ///
    /// # Errors
    /// When the run asks nobody, a page has its labelling, or its first question cannot be shown.
    pub fn open(run: &RunDirectory, annotator: &str) -> Result<Self, ViewerError> {
        let (env, seed) = (run.config().env.make()?, run.config().seed);
        let name = run.path().display().to_string();
        let annotator = Annotator::open(run, annotator)?;
        let mut labelling = Self { annotator, env, seed, name, shown: None, at: 0 };
        labelling.look()?;
        Ok(labelling)
    }

    /// Looks for a question, where none is shown.
    ///
    /// # Errors
    /// When the next question cannot be shown.
    pub fn look(&mut self) -> Result<(), ViewerError> {
        if self.shown.is_some() {
            return Ok(());
        }
        let Some(pair) = self.annotator.next()? else { return Ok(()) };
        let origins = pair.query.origins().ok_or_else(|| {
            ViewerError::input(
                &self.name,
                format!("query {} was recorded without its origin", pair.query.id()),
            )
        })?;
        let segments = pair.query.segments();
        let [first, second] = [0, 1].map(|side| (segments.get(side), &origins[side]));
        let mut clip = |(segment, origin): (Option<&Segment>, &Origin)| match segment {
            Some(segment) => self.clip(segment, origin),
            None => Ok(Vec::new()),
        };
        let clips = [clip(first)?, clip(second)?];
        self.shown = Some(Shown { clips, pair, since: Instant::now() });
        self.at = 0;
        Ok(())
    }

    /// The states of a segment, which is lived through again. It shows what happened or nothing.
    fn clip(&mut self, segment: &Segment, origin: &Origin) -> Result<Vec<Scene>, ViewerError> {
        let size = self.env.spec().observation.size();
        let wrong = |reason: &str| ViewerError::input(&self.name, reason);
        let mut scenes = Vec::with_capacity(segment.len + 1);
        origin.relive(self.env.as_mut(), self.seed, |state, env, obs| {
            if segment.obs.chunks_exact(size).nth(state).is_some_and(|recorded| recorded != obs) {
                return Err(wrong("a clip went otherwise when it was recorded, perhaps on another machine"));
            }
            scenes.push(env.scene().ok_or_else(|| wrong("its environment has no bodies to be drawn"))?);
            Ok(())
        })?;
        Ok(scenes)
    }

    /// Stores the answer to the question that is shown, and shows the next. Without a question, nothing happens.
    ///
    /// # Errors
    /// When the answer cannot be stored or the next question not be shown.
    pub fn answer(&mut self, choice: Choice) -> Result<(), ViewerError> {
        let Some(shown) = self.shown.take() else { return Ok(()) };
        self.annotator.answer(&shown.pair, choice, shown.since.elapsed())?;
        self.look()
    }

    /// Takes back the last answer and shows its question again.
    ///
    /// # Errors
    /// When there is none, or the training has learned from it.
    pub fn undo(&mut self) -> Result<(), ViewerError> {
        self.annotator.undo()?;
        self.shown = None;
        self.look()
    }

    /// Seconds per state.
    pub fn dt(&self) -> f32 {
        self.env.spec().dt
    }

    /// The task in one sentence.
    pub fn task(&self) -> &str {
        &self.env.spec().task
    }

    /// Goes on by one state in both clips; from the end of the longer to the beginning.
    pub fn step(&mut self) {
        let (at, last) = self.position();
        self.at = if at >= last { 0 } else { at + 1 };
    }

    /// Shows another state of both clips.
    pub fn seek(&mut self, state: usize) {
        self.at = state.min(self.position().1);
    }

    /// Number of the state that is shown, and of the last one.
    pub fn position(&self) -> (usize, usize) {
        let longest = self.shown.iter().flat_map(|shown| &shown.clips).map(Vec::len).max();
        (self.at, longest.unwrap_or(0).saturating_sub(1))
    }

    /// Whether a question is shown.
    pub fn is_asking(&self) -> bool {
        self.shown.is_some()
    }

    /// How far it has come.
    pub fn progress(&self) -> LabelProgress {
        self.annotator.progress()
    }

    /// Both clips side by side, the first to the left, each with its own middle; and a view of both.
    pub fn exhibits(&self) -> (Vec<Exhibit>, Option<Camera>) {
        let Some(shown) = &self.shown else { return (Vec::new(), None) };
        let [Some(first), Some(second)] =
            [0, 1].map(|side| shown.clips[side].get(self.at).or(shown.clips[side].last()))
        else {
            return (Vec::new(), None);
        };
        // Robots that run have been at other places of the track; each is brought before the camera.
        let apart = grid(2, first)[1];
        let from_first: [f32; 3] =
            std::array::from_fn(|axis| first.camera.target[axis] - second.camera.target[axis]);
        let place = std::array::from_fn(|axis| apart[axis] + from_first[axis]);
        let view = overview(&first.camera, &[[0.0; 3], apart]);
        let exhibit = |scene: &Scene, place| Exhibit { scene: scene.clone(), place, opacity: 1.0 };
        (vec![exhibit(first, [0.0; 3]), exhibit(second, place)], Some(view))
    }
}
