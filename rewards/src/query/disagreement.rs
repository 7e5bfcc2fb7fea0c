//! The pairs over which an ensemble disagrees.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::TrajectoryStore;

use super::{
    QuerySelector,
    uniform::{draw_pair, query},
};
use crate::{RewardError, feedback::Query, reward_model::PreferenceModel};

/// Draws `large_batch` uniform candidates per query and asks those with the largest standard
/// deviation, over the members, of the probability that the first segment is preferred (Christiano
/// et al. 2017; Lee et al. 2021, "PEBBLE", section 4.2).
#[derive(Clone, Copy, Debug)]
pub struct Disagreement {
    /// Environment steps per segment.
    pub segment: usize,
    /// Candidates per query.
    pub large_batch: usize,
}

impl QuerySelector for Disagreement {
    fn select(
        &self,
        store: &TrajectoryStore,
        model: &dyn PreferenceModel,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError> {
        let mut logits = vec![0.0; model.members()];
        let mut candidates = Vec::with_capacity(count * self.large_batch);
        for _ in 0..count * self.large_batch {
            let pair = draw_pair(store, self.segment, rng)?;
            let [first, second] = pair
                .map(|segment| store.view(segment).expect("the store has not changed since it was drawn"));
            model.member_logits(first, second, &mut logits)?;
            candidates.push((disagreement(&logits), pair));
        }
        // Stable, so candidates that tie are asked in the order in which they were drawn.
        candidates.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        candidates.truncate(count);
        Ok(candidates.into_iter().map(|(_, pair)| query(store, pair, model.version())).collect())
    }
}

/// Standard deviation over the members of `sigmoid(logit)`.
fn disagreement(logits: &[f32]) -> f32 {
    let probability = |logit: &f32| 1.0 / (1.0 + (-logit).exp());
    let mean = logits.iter().map(probability).sum::<f32>() / logits.len() as f32;
    let squares: f32 = logits.iter().map(|logit| (probability(logit) - mean).powi(2)).sum();
    (squares / logits.len() as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use telos_envs::{BoxSpace, EnvSpec, SegmentView, StepBatch};

    use super::*;

    /// Members disagree by the first observation of the first segment.
    struct Odd;

    impl PreferenceModel for Odd {
        fn members(&self) -> usize {
            2
        }
        fn version(&self) -> u64 {
            4
        }
        fn member_logits(
            &self,
            first: SegmentView<'_>,
            _: SegmentView<'_>,
            out: &mut [f32],
        ) -> Result<(), RewardError> {
            out.copy_from_slice(&[first.obs[0], -first.obs[0]]);
            Ok(())
        }
    }

    fn store() -> TrajectoryStore {
        let spec = EnvSpec {
            id: "line".into(),
            task: "Count.".into(),
            observation: BoxSpace::unbounded(1),
            action: BoxSpace::uniform(1, -1.0, 1.0),
            dt: 0.1,
            horizon: 100,
            factors: vec![],
            can_terminate: false,
        };
        let mut store = TrajectoryStore::new(&spec, 1, 4).unwrap();
        for step in 0..100 {
            let mut batch = StepBatch::new(1, &spec);
            batch.truncated[0] = step == 99;
            store.push(&[step as f32 / 100.0], &[0.0], &batch);
        }
        store
    }

    #[test]
    fn the_most_disputed_candidates_are_asked() {
        let store = store();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let selector = Disagreement { segment: 5, large_batch: 10 };
        let asked = selector.select(&store, &Odd, 8, &mut rng).unwrap();
        assert_eq!(asked.len(), 8);
        let first = |query: &Query| query.segments()[0].obs[0];
        assert!(asked.windows(2).all(|pair| first(&pair[0]) >= first(&pair[1])), "sorted by disagreement");
        // The best tenth of 80 uniform starts lies in the last fifth with overwhelming probability.
        assert!(asked.iter().all(|query| first(query) > 0.75 && query.model_version() == 4));
    }

    #[test]
    fn one_candidate_per_query_is_uniform_choice() {
        let (store, draw) = (store(), |selector: &dyn QuerySelector| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
            let mut ids: Vec<_> =
                selector.select(&self::store(), &Odd, 30, &mut rng).unwrap().iter().map(Query::id).collect();
            ids.sort_unstable();
            ids
        });
        assert_eq!(store.segments(5), 96);
        let uniform = draw(&super::super::Uniform { segment: 5 });
        assert_eq!(draw(&Disagreement { segment: 5, large_batch: 1 }), uniform);
        assert!(uniform.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn too_short_episodes_are_an_error_with_advice() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let selector = Disagreement { segment: 101, large_batch: 10 };
        let error = selector.select(&store(), &Odd, 1, &mut rng).unwrap_err().to_string();
        assert!(error.contains("101 steps"), "{error}");
    }
}
