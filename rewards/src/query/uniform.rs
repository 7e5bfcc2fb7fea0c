//! Pairs of uniformly drawn segments.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{SegmentRef, TrajectoryStore};

use super::QuerySelector;
use crate::{RewardError, feedback::Query, reward_model::PreferenceModel};

/// Asks about pairs drawn uniformly from all stored segments.
#[derive(Clone, Copy, Debug)]
pub struct Uniform {
    /// Environment steps per segment.
    pub segment: usize,
}

impl QuerySelector for Uniform {
    fn select(
        &self,
        store: &TrajectoryStore,
        model: &dyn PreferenceModel,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError> {
        let pairs = (0..count).map(|_| draw_pair(store, self.segment, rng)).collect::<Result<Vec<_>, _>>()?;
        Ok(pairs.into_iter().map(|pair| query(store, pair, model.version())).collect())
    }
}

/// Two segments, each uniform among all stored ones; distinct when there are two.
pub(super) fn draw_pair(
    store: &TrajectoryStore,
    segment: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<[SegmentRef; 2], RewardError> {
    let mut draw = || {
        store.sample_segment(rng, segment).ok_or_else(|| {
            RewardError::NotEnoughData(format!(
                "no stored episode has {segment} steps; collect more before asking, or lower `segment`"
            ))
        })
    };
    let first = draw()?;
    let mut second = draw()?;
    while second == first && store.segments(segment) > 1 {
        second = draw()?;
    }
    Ok([first, second])
}

/// The query about two segments that were just drawn from `store`.
pub(super) fn query(store: &TrajectoryStore, pair: [SegmentRef; 2], model_version: u64) -> Query {
    let [first, second] =
        pair.map(|segment| store.segment(segment).expect("the store has not changed since it was drawn"));
    Query::new(first, second, model_version)
}
