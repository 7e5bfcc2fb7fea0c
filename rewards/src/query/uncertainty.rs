//! The pairs about which an ensemble is least certain.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::SegmentRef;

use super::{
    QueryContext, QuerySelector,
    uniform::{draw_pair, query},
};
use crate::{RewardError, feedback::Query};

/// How uncertain an ensemble is about a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertainty {
    /// Standard deviation, over the members, of the probability that the first segment is preferred
    /// (Christiano et al. 2017, section 2.2.4): what more data would settle.
    Disagreement,
    /// Entropy of the members' mean probability (Lee et al. 2021, "B-Pref", section 3.2): also high
    /// where all members agree that it is a toss-up.
    Entropy,
}

impl Uncertainty {
    /// Of the members' logits.
    fn of(self, logits: &[f32]) -> f32 {
        let probability = |logit: &f32| 1.0 / (1.0 + (-logit).exp());
        let mean = logits.iter().map(probability).sum::<f32>() / logits.len() as f32;
        match self {
            Self::Disagreement => {
                let squares: f32 = logits.iter().map(|logit| (probability(logit) - mean).powi(2)).sum();
                (squares / logits.len() as f32).sqrt()
            }
            Self::Entropy => {
                let surprise = |p: f32| if p > 0.0 { -p * p.ln() } else { 0.0 };
                surprise(mean) + surprise(1.0 - mean)
            }
        }
    }
}

/// Draws `large_batch` uniform candidates per query and asks the most uncertain ones (Lee et al. 2021,
/// "PEBBLE", section 4.2).
#[derive(Clone, Copy, Debug)]
pub struct MostUncertain {
    /// Environment steps per segment.
    pub segment: usize,
    /// Candidates per query.
    pub large_batch: usize,
    /// What counts as uncertain.
    pub uncertainty: Uncertainty,
}

impl QuerySelector for MostUncertain {
    fn select(
        &self,
        context: &QueryContext<'_>,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError> {
        let mut candidates = self.ranked(context, count * self.large_batch, rng)?;
        candidates.truncate(count);
        Ok(candidates.into_iter().map(|pair| query(context, pair)).collect())
    }
}

impl MostUncertain {
    /// This many uniform candidates, the most uncertain first.
    pub(super) fn ranked(
        &self,
        context: &QueryContext<'_>,
        candidates: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<[SegmentRef; 2]>, RewardError> {
        let mut logits = vec![0.0; context.model.members()];
        let mut scored = Vec::with_capacity(candidates);
        for _ in 0..candidates {
            let pair = draw_pair(context.store, self.segment, rng)?;
            let [first, second] = pair.map(|segment| context.view(segment));
            context.model.member_logits(first, second, &mut logits)?;
            scored.push((self.uncertainty.of(&logits), pair));
        }
        // Stable, so candidates that tie stay in the order in which they were drawn.
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        Ok(scored.into_iter().map(|(_, pair)| pair).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            QueryConfig, SelectorKind, Uniform,
            fixture::{FirstObservation, line, nothing_answered},
        },
        *,
    };
    use crate::reward_model::PreferenceModel;
    use rand::SeedableRng;

    fn first(query: &Query) -> f32 {
        query.segments()[0].obs[0]
    }

    #[test]
    fn the_most_disputed_candidates_are_asked() {
        // Two members whose logits are the first observation and its negative.
        let (store, answered, model) = (line(), nothing_answered(), FirstObservation { members: 2 });
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let selector = QueryConfig { segment: 5, ..QueryConfig::default() };
        assert_eq!(selector.selector, SelectorKind::Disagreement);
        let asked = selector.selector().select(&context, 8, &mut rng).unwrap();
        assert_eq!(asked.len(), 8);
        assert!(asked.windows(2).all(|pair| first(&pair[0]) >= first(&pair[1])), "sorted by disagreement");
        // The best tenth of 80 uniform starts lies in the last fifth with overwhelming probability.
        let version = model.version();
        assert!(asked.iter().all(|query| first(query) > 0.75 && query.model_version() == version));
    }

    #[test]
    fn entropy_asks_what_is_a_toss_up() {
        let (store, answered, model) = (line(), nothing_answered(), FirstObservation { members: 1 });
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let selector = QueryConfig { segment: 5, selector: SelectorKind::Entropy, ..QueryConfig::default() };
        let asked = selector.selector().select(&context, 8, &mut rng).unwrap();
        // One member: the entropy falls with the distance of the two first observations.
        let second = |query: &Query| query.segments()[1].obs[0];
        assert!(asked.iter().all(|query| (first(query) - second(query)).abs() < 0.2));
    }

    #[test]
    fn uncertainty_of_known_ensembles() {
        let close = |found: f32, expected: f32| assert!((found - expected).abs() < 1e-6, "{found}");
        let sure = [40.0, -40.0];
        close(Uncertainty::Disagreement.of(&sure), 0.5);
        close(Uncertainty::Entropy.of(&sure), 2f32.ln());
        close(Uncertainty::Disagreement.of(&[0.0, 0.0]), 0.0);
        close(Uncertainty::Entropy.of(&[0.0, 0.0]), 2f32.ln());
        close(Uncertainty::Entropy.of(&[200.0, 200.0]), 0.0);
    }

    #[test]
    fn one_candidate_per_query_is_uniform_choice() {
        let (store, answered, model) = (line(), nothing_answered(), FirstObservation { members: 2 });
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let draw = |selector: &dyn QuerySelector| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
            let asked = selector.select(&context, 30, &mut rng).unwrap();
            let mut ids: Vec<_> = asked.iter().map(Query::id).collect();
            ids.sort_unstable();
            ids
        };
        let uniform = draw(&Uniform { segment: 5 });
        let one = MostUncertain { segment: 5, large_batch: 1, uncertainty: Uncertainty::Disagreement };
        assert_eq!(draw(&one), uniform);
        assert!(uniform.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
