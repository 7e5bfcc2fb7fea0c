//! A recorded dataset: episodes that are played again once and can then be looked at in any order.

use std::path::Path;

use telos::{
    RunDirectory,
    envs::{
        Env,
        dataset::{Dataset, EpisodeView},
        registry,
    },
    sim::Scene,
};

use super::run_pilot::RunPilot;
use crate::{ViewerError, traces::Reading};

/// One episode as it looked.
struct Played {
    /// By state: one more than steps.
    scenes: Vec<Scene>,
    /// By step.
    readings: Vec<Reading>,
}

/// A dataset that is open, at one state of one of its episodes.
pub struct Recording {
    dataset: Dataset,
    env: Box<dyn Env>,
    /// A run whose reward model judges the episodes.
    judge: Option<RunPilot>,
    episode: usize,
    played: Played,
    at: usize,
}

impl Recording {
    /// The first episode of the dataset at `path`; `judge` is a run whose learned reward is shown beside the
    /// recorded one.
    ///
    /// # Errors
    /// When there is no dataset, its environment is not one of telos or of other sizes, it has no seeds, or an
    /// episode does not come out as it was recorded.
    pub fn open(path: &Path, judge: Option<RunDirectory>) -> Result<Self, ViewerError> {
        let dataset = Dataset::open(path)?;
        let wrong = |reason: String| ViewerError::input(path.display().to_string(), reason);
        let env = registry::make(&dataset.info().env)
            .map_err(|error| wrong(format!("its environment is none of telos: {error}")))?;
        if let Some(reason) = dataset.info().mismatch(env.spec()) {
            return Err(wrong(reason));
        }
        let judge = judge.map(RunPilot::open).transpose()?;
        if let Some(run) = &judge {
            let theirs = run.run().config().env.make()?;
            if let Some(reason) = dataset.info().mismatch(theirs.spec()) {
                return Err(wrong(format!("{}: {reason}", run.path().display())));
            }
        }
        let played = Played { scenes: Vec::new(), readings: Vec::new() };
        let mut recording = Self { dataset, env, judge, episode: 0, played, at: 0 };
        recording.select(0)?;
        Ok(recording)
    }

    /// The dataset.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Seconds per step.
    pub fn dt(&self) -> f32 {
        self.env.spec().dt
    }

    /// Number of the episode that is shown.
    pub fn episode(&self) -> usize {
        self.episode
    }

    /// The episode that is shown.
    pub fn view(&self) -> EpisodeView<'_> {
        self.dataset.episode(self.episode)
    }

    /// Shows the first state of another episode.
    ///
    /// # Errors
    /// When it does not come out as it was recorded.
    pub fn select(&mut self, episode: usize) -> Result<(), ViewerError> {
        let episode = episode.min(self.dataset.episodes().len().saturating_sub(1));
        self.played = self.play(episode)?;
        (self.episode, self.at) = (episode, 0);
        Ok(())
    }

    fn play(&mut self, episode: usize) -> Result<Played, ViewerError> {
        let wrong = |reason: &str| {
            let name = format!("episode {episode} of {}", self.dataset.path().display());
            ViewerError::input(name, reason)
        };
        let seed = self.dataset.seed(episode).ok_or_else(|| {
            wrong("the dataset has no seeds, so its episodes cannot be played again; record it with `telos collect`")
        })?;
        let view = self.dataset.episode(episode);
        let (o, a) = (self.dataset.info().obs_size, self.dataset.info().action_size());
        let mut obs = vec![0.0; o];
        let mut scenes = Vec::with_capacity(view.steps + 1);
        self.env.reset(seed, &mut obs);
        for (state, recorded) in view.obs.chunks_exact(o).enumerate() {
            if obs != recorded {
                return Err(wrong(
                    "played again it comes out otherwise; it was recorded in a wrapped environment, or by another \
                     telos",
                ));
            }
            scenes.push(self.env.scene().ok_or_else(|| wrong("its environment has no bodies to be drawn"))?);
            if let Some(action) = view.actions.chunks_exact(a).nth(state) {
                self.env.step(action, &mut obs);
            }
        }
        let mut readings = vec![Reading::default(); view.steps];
        if let Some(judge) = &mut self.judge {
            judge.read(&view.obs[..view.steps * o], view.actions, view.steps, &mut readings)?;
        }
        readings.iter_mut().zip(view.rewards).for_each(|(reading, reward)| reading.gold = *reward);
        Ok(Played { scenes, readings })
    }

    /// Number of the state that is shown, and of the last one.
    pub fn position(&self) -> (usize, usize) {
        (self.at, self.played.scenes.len().saturating_sub(1))
    }

    /// Shows another state of the episode.
    pub fn seek(&mut self, state: usize) {
        self.at = state.min(self.position().1);
    }

    /// Goes on by one step; from the end to the beginning.
    pub fn step(&mut self) {
        let (at, last) = self.position();
        self.at = if at >= last { 0 } else { at + 1 };
    }

    /// What is seen now.
    pub fn scene(&self) -> Scene {
        self.played.scenes[self.at].clone()
    }

    /// What was recorded and learned of each step up to the present state.
    pub fn readings(&self) -> &[Reading] {
        &self.played.readings[..self.at]
    }
}
