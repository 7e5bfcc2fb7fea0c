//! The best against the worst of many.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::SegmentRef;

use super::{
    QueryContext, QuerySelector,
    uniform::{draw, query},
};
use crate::{RewardError, feedback::Query};

/// Draws `n` uniform segments for each query and asks about the one of highest and the one of lowest
/// predicted return, in random order (Pace et al. 2024, "West-of-N", arXiv 2401.12086, equation 5,
/// where the pair is labelled by the model itself; here a teacher is asked).
///
/// The more the model knows, the clearer these pairs are: answers are less noisy, and teach less about
/// close calls.
#[derive(Clone, Copy, Debug)]
pub struct BestWorst {
    /// Environment steps per segment.
    pub segment: usize,
    /// Segments per query, at least 2.
    pub n: usize,
}

impl QuerySelector for BestWorst {
    fn select(
        &self,
        context: &QueryContext<'_>,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError> {
        (0..count).map(|_| Ok(query(context, self.extremes(context, rng)?))).collect()
    }
}

impl BestWorst {
    fn extremes(
        &self,
        context: &QueryContext<'_>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<[SegmentRef; 2], RewardError> {
        // The first is at once the yardstick: its advantage over itself is zero.
        let yardstick = draw(context.store, self.segment, rng)?;
        let (mut best, mut worst) = ((0.0, yardstick), (0.0, yardstick));
        let mut best_is_later = false;
        for _ in 1..self.n.max(2) {
            let segment = draw(context.store, self.segment, rng)?;
            let advantage = context.model.logit(context.view(segment), context.view(yardstick))?;
            if advantage > best.0 {
                (best, best_is_later) = ((advantage, segment), true);
            } else if advantage <= worst.0 {
                (worst, best_is_later) = ((advantage, segment), false);
            }
        }
        // The order of drawing is random, so a teacher who prefers one side gains nothing by it.
        Ok(if best_is_later { [worst.1, best.1] } else { [best.1, worst.1] })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::fixture::{FirstObservation, line, nothing_answered},
        *,
    };
    use rand::SeedableRng;

    #[test]
    fn extremes_are_asked_in_either_order() {
        let (store, answered) = (line(), nothing_answered());
        let model = FirstObservation { members: 1 };
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let asked = BestWorst { segment: 5, n: 32 }.select(&context, 50, &mut rng).unwrap();
        let mut first_is_best = 0;
        for query in &asked {
            let [first, second] = query.pair().unwrap().map(|segment| segment.obs[0]);
            assert!((first - second).abs() > 0.6, "{first} and {second}");
            first_is_best += usize::from(first > second);
        }
        assert!((12..=38).contains(&first_is_best), "{first_is_best} of 50");
    }
}
