//! Pairs of uniformly drawn segments.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{SegmentRef, TrajectoryStore};

use super::{QueryContext, QuerySelector};
use crate::{RewardError, feedback::Query};

/// Asks about pairs drawn uniformly from all stored segments.
#[derive(Clone, Copy, Debug)]
pub struct Uniform {
    /// Environment steps per segment.
    pub segment: usize,
}

impl QuerySelector for Uniform {
    fn select(
        &self,
        context: &QueryContext<'_>,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError> {
        (0..count).map(|_| Ok(query(context, draw_pair(context.store, self.segment, rng)?))).collect()
    }
}

/// A segment, uniform among all stored ones.
pub(super) fn draw(
    store: &TrajectoryStore,
    segment: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<SegmentRef, RewardError> {
    store.sample_segment(rng, segment).ok_or_else(|| {
        RewardError::NotEnoughData(format!(
            "no stored episode has {segment} steps; collect more before asking, or lower `segment`"
        ))
    })
}

/// Two segments, each uniform among all stored ones; distinct when there are two.
pub(super) fn draw_pair(
    store: &TrajectoryStore,
    segment: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<[SegmentRef; 2], RewardError> {
    let first = draw(store, segment, rng)?;
    let mut second = draw(store, segment, rng)?;
    while second == first && store.segments(segment) > 1 {
        second = draw(store, segment, rng)?;
    }
    Ok([first, second])
}

/// The query about two segments that were just drawn.
pub(super) fn query(context: &QueryContext<'_>, pair: [SegmentRef; 2]) -> Query {
    let [first, second] = pair
        .map(|segment| context.store.segment(segment).expect("the store has not changed since it was drawn"));
    let origins = context.store.origin(pair[0]).zip(context.store.origin(pair[1]));
    Query::new(first, second, context.model.version()).with_origins(origins.map(<[_; 2]>::from))
}

#[cfg(test)]
mod tests {
    use super::{
        super::fixture::{FirstObservation, line, nothing_answered},
        *,
    };
    use rand::SeedableRng;

    #[test]
    fn too_short_episodes_are_an_error_with_advice() {
        let (store, answered, model) = (line(), nothing_answered(), FirstObservation { members: 1 });
        assert_eq!(store.segments(5), 96);
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let error = Uniform { segment: 101 }.select(&context, 1, &mut rng).unwrap_err().to_string();
        assert!(error.contains("101 steps"), "{error}");
    }
}
