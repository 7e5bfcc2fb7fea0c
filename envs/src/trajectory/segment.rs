//! A stretch of consecutive transitions of one episode.

use serde::{Deserialize, Serialize};

/// A segment that owns its numbers; what feedback ledgers keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// `[len, obs]`: the observation before each action.
    pub obs: Vec<f32>,
    /// `[len, act]`.
    pub actions: Vec<f32>,
    /// `[len]`: gold reward of each transition; for scripted teachers and audits only.
    pub gold: Vec<f32>,
    /// `[len, F]`: named reward terms of each transition, in the order of
    /// [`EnvSpec::factors`](crate::EnvSpec::factors); for teachers that compute. Empty where they were
    /// not kept, as in a segment that was read from a file.
    pub factors: Vec<f32>,
    /// `[obs]`: the observation that the last transition led to. Empty where it was not kept.
    pub final_obs: Vec<f32>,
    /// Whether the last transition ended its episode because of the state that it led to.
    pub terminated: bool,
    /// Number of transitions.
    pub len: usize,
}

impl Segment {
    /// The same segment, borrowed.
    pub fn view(&self) -> SegmentView<'_> {
        SegmentView {
            obs: &self.obs,
            actions: &self.actions,
            gold: &self.gold,
            factors: &self.factors,
            final_obs: &self.final_obs,
            terminated: self.terminated,
            len: self.len,
        }
    }

    /// Sum of the gold rewards.
    pub fn gold_return(&self) -> f32 {
        self.view().gold_return()
    }

    /// Whether the segment has no transitions.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A segment inside a [`TrajectoryStore`](crate::TrajectoryStore) or a [`Segment`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SegmentView<'a> {
    /// `[len, obs]`: the observation before each action.
    pub obs: &'a [f32],
    /// `[len, act]`.
    pub actions: &'a [f32],
    /// `[len]`: gold reward of each transition; for scripted teachers and audits only.
    pub gold: &'a [f32],
    /// `[len, F]`: named reward terms of each transition; empty where they were not kept.
    pub factors: &'a [f32],
    /// `[obs]`: the observation that the last transition led to; empty where it was not kept.
    pub final_obs: &'a [f32],
    /// Whether the last transition ended its episode because of the state that it led to.
    pub terminated: bool,
    /// Number of transitions.
    pub len: usize,
}

impl SegmentView<'_> {
    /// Sum of the gold rewards.
    pub fn gold_return(&self) -> f32 {
        self.gold.iter().sum()
    }

    /// A copy that outlives the store.
    pub fn to_segment(self) -> Segment {
        Segment {
            obs: self.obs.to_vec(),
            actions: self.actions.to_vec(),
            gold: self.gold.to_vec(),
            factors: self.factors.to_vec(),
            final_obs: self.final_obs.to_vec(),
            terminated: self.terminated,
            len: self.len,
        }
    }
}

/// Where a segment lies in a [`TrajectoryStore`](crate::TrajectoryStore). It stays valid until its
/// episode is dropped, and never points to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentRef {
    /// Number of the episode, from 0 in the order in which episodes began.
    pub episode: u64,
    /// First transition within the episode.
    pub start: usize,
    /// Number of transitions.
    pub len: usize,
    pub(super) slot: usize,
}
