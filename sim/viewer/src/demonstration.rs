//! Steering a robot by keys, and keeping what was done as a dataset.

use std::path::{Path, PathBuf};

use telos::envs::{
    BoxSpace, Env, EnvSpec,
    dataset::{DatasetInfo, DatasetWriter, Episode},
};

use crate::ViewerError;

/// Keys that raise and lower each component of an action, from the first on.
pub const KEYS: [[char; 2]; 8] =
    [['Q', 'A'], ['W', 'S'], ['E', 'D'], ['R', 'F'], ['T', 'G'], ['Y', 'H'], ['U', 'J'], ['I', 'K']];

/// The action that these keys ask for: each held key takes its component to the end of its range, both or none
/// leave it in the middle. Components beyond the last pair of keys stay in the middle.
pub fn action_of(space: &BoxSpace, is_held: impl Fn(char) -> bool) -> Vec<f32> {
    let component = |(index, (low, high)): (usize, (&f32, &f32))| {
        let middle = 0.5 * low + 0.5 * high;
        let Some([up, down]) = KEYS.get(index) else { return middle };
        match (is_held(*up), is_held(*down)) {
            (true, false) => *high,
            (false, true) => *low,
            _ => middle,
        }
    };
    space.low.iter().zip(&space.high).enumerate().map(component).collect()
}

/// Episodes that a person steered.
pub struct Demonstrations {
    place: PathBuf,
    writer: Option<DatasetWriter>,
    episode: Episode,
    recording: bool,
    kept: usize,
}

impl Demonstrations {
    /// A dataset that will appear at `place`, of environments of this spec.
    ///
    /// # Errors
    /// When the place is taken or cannot be written.
    pub fn create(place: &Path, env: &dyn Env) -> Result<Self, ViewerError> {
        let info =
            DatasetInfo::of(env.spec(), env.success().is_some(), "demonstrated by hand in telos-viewer");
        let writer = Some(DatasetWriter::create(place, info)?);
        Ok(Self { place: place.to_owned(), writer, episode: Episode::default(), recording: false, kept: 0 })
    }

    /// Where the dataset will appear.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Whether steps are recorded now.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// Steps of the episode that is recorded.
    pub fn steps(&self) -> usize {
        self.episode.rewards.len()
    }

    /// Episodes that were kept.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Whether the dataset has been written.
    pub fn is_finished(&self) -> bool {
        self.writer.is_none()
    }

    /// Begins an episode with the observation after a reset.
    pub fn begin(&mut self, obs: &[f32]) {
        self.episode.clear();
        self.episode.obs.extend_from_slice(obs);
        self.recording = !self.is_finished();
    }

    /// Appends a step that ended in the present state of `env`.
    pub fn push(&mut self, env: &dyn Env, action: &[f32], reward: f32, obs: &[f32]) {
        if !self.recording {
            return;
        }
        let EnvSpec { action: space, factors, .. } = env.spec();
        // What the environment made of it, so that a recorded action is within its bounds.
        let clamped = action.iter().zip(space.low.iter().zip(&space.high));
        self.episode.actions.extend(clamped.map(|(x, (low, high))| x.clamp(*low, *high)));
        self.episode.rewards.push(reward);
        self.episode.obs.extend_from_slice(obs);
        let start = self.episode.factors.len();
        self.episode.factors.resize(start + factors.len(), 0.0);
        env.factors(&mut self.episode.factors[start..]);
        self.episode.success.extend(env.success());
    }

    /// Keeps the episode, which began with a reset by `seed`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&mut self, seed: u64, terminated: bool) -> Result<(), ViewerError> {
        self.recording = false;
        self.episode.terminated = terminated;
        if let Some(writer) = self.writer.as_mut().filter(|_| !self.episode.rewards.is_empty()) {
            writer.push_seeded(self.episode.view(), seed)?;
            self.kept += 1;
        }
        self.episode.clear();
        Ok(())
    }

    /// Drops the episode.
    pub fn discard(&mut self) {
        self.recording = false;
        self.episode.clear();
    }

    /// Makes the dataset appear, if there is an episode to keep; whether it did.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self) -> Result<bool, ViewerError> {
        match self.writer.take() {
            Some(writer) if self.kept > 0 => writer.finish().map(|_| true).map_err(ViewerError::from),
            _ => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use telos::envs::{dataset::Dataset, registry};

    use super::*;

    #[test]
    fn held_keys_take_components_to_the_ends_of_their_ranges() {
        let space = BoxSpace { low: vec![-1.0, 0.0, -2.0], high: vec![1.0, 1.0, 2.0] };
        assert_eq!(action_of(&space, |_| false), [0.0, 0.5, 0.0]);
        assert_eq!(action_of(&space, |key| "QSED".contains(key)), [1.0, 0.0, 0.0]);
        let wide = BoxSpace::uniform(KEYS.len() + 3, -1.0, 1.0);
        assert_eq!(action_of(&wide, |_| true), vec![0.0; KEYS.len() + 3]);
    }

    #[test]
    fn kept_episodes_are_a_dataset_that_plays_again() {
        let scratch = tempfile::tempdir().unwrap();
        let place = scratch.path().join("demonstrations");
        let mut env = registry::make("reacher").unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        let mut kept = Demonstrations::create(&place, env.as_ref()).unwrap();
        for (seed, keep) in [(4, true), (5, false), (6, true)] {
            env.reset(seed, &mut obs);
            kept.begin(&obs);
            for _ in 0..7 {
                let reward = env.step(&[3.0, -0.25], &mut obs).reward;
                kept.push(env.as_ref(), &[3.0, -0.25], reward, &obs);
            }
            if keep { kept.keep(seed, false).unwrap() } else { kept.discard() }
        }
        assert!(kept.finish().unwrap() && !kept.finish().unwrap());
        let dataset = Dataset::open(&place).unwrap();
        assert_eq!((dataset.episodes().len(), dataset.steps(), dataset.seed(1)), (2, 14, Some(6)));
        assert_eq!(dataset.episode(0).actions[..2], [1.0, -0.25]);
        env.reset(6, &mut obs);
        assert_eq!(dataset.episode(1).obs[..obs.len()], obs);
        let error = Demonstrations::create(&place, env.as_ref()).err().unwrap();
        assert!(error.to_string().contains("exists"), "{error}");
    }

    #[test]
    fn nothing_kept_is_no_dataset() {
        let scratch = tempfile::tempdir().unwrap();
        let place = scratch.path().join("none");
        let env = registry::make("reacher").unwrap();
        let mut none = Demonstrations::create(&place, env.as_ref()).unwrap();
        none.begin(&[0.0; 6]);
        none.keep(0, false).unwrap();
        assert!(!none.finish().unwrap() && !place.exists());
    }
}
