//! What an environment looks like from outside: spaces, time step, horizon, named factors and goals.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A box of real numbers: one lower and one upper bound per component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoxSpace {
    /// Lower bounds; may be `-inf`.
    pub low: Vec<f32>,
    /// Upper bounds; may be `inf`.
    pub high: Vec<f32>,
}

impl BoxSpace {
    /// The same bounds in every one of `size` components.
    pub fn uniform(size: usize, low: f32, high: f32) -> Self {
        Self { low: vec![low; size], high: vec![high; size] }
    }

    /// All of R^size.
    pub fn unbounded(size: usize) -> Self {
        Self::uniform(size, f32::NEG_INFINITY, f32::INFINITY)
    }

    /// Number of components.
    pub fn size(&self) -> usize {
        self.low.len()
    }

    /// Whether every component of `point` lies within its bounds (NaN does not).
    pub fn contains(&self, point: &[f32]) -> bool {
        point.len() == self.size()
            && point.iter().zip(self.low.iter().zip(&self.high)).all(|(x, (low, high))| low <= x && x <= high)
    }
}

/// Where a goal-conditioned task keeps its goals: components of the observation.
///
/// Both ranges have the same length and unit, so that what was reached in one episode can stand in for
/// what was wanted (hindsight, Andrychowicz et al. 2017, arXiv 1707.01495): copy the achieved
/// components of a later observation over the desired ones, and ask
/// [`Env::goal_reward`](crate::Env::goal_reward) for the reward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalSpec {
    /// What the state amounts to.
    pub achieved: Range<usize>,
    /// What is asked for; constant within an episode.
    pub desired: Range<usize>,
}

/// The static description of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvSpec {
    /// The id that configurations name, such as `cheetah-run`.
    pub id: String,
    /// The task in one sentence, for people who label and for judges that read.
    pub task: String,
    /// Observation space.
    pub observation: BoxSpace,
    /// Action space; actions outside it are clamped by the environment.
    pub action: BoxSpace,
    /// Simulated seconds per environment step.
    pub dt: f32,
    /// Steps after which an episode is truncated. Fixed, because a horizon that depends on the
    /// state tells a reward learner about the reward.
    pub horizon: usize,
    /// Names of the terms that [`crate::Env::factors`] reports, each in [0, 1].
    pub factors: Vec<String>,
    /// Whether an episode can end before the horizon because of the state it is in.
    pub can_terminate: bool,
    /// Where the observation holds goals; `None` for tasks that always want the same.
    pub goal: Option<GoalSpec>,
}
