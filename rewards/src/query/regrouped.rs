//! Pairs that a rule has chosen, asked as rankings or ratings.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{Origin, Segment};

use super::{QueryContext, QuerySelector};
use crate::{
    RewardError,
    feedback::{Ask, Query},
};

/// Takes the segments of pairs that another rule would ask about, the most interesting pairs first, and
/// asks for a ranking of each `shown` of them, or for a rating of each one.
pub struct Regrouped {
    /// Chooses the pairs.
    pub pairs: Box<dyn QuerySelector>,
    /// What is asked instead.
    pub ask: Ask,
    /// Segments per query.
    pub shown: usize,
}

impl QuerySelector for Regrouped {
    fn select(
        &self,
        context: &QueryContext<'_>,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError> {
        let pairs = self.pairs.select(context, (count * self.shown).div_ceil(2), rng)?;
        let segments: Vec<Segment> = pairs.iter().flat_map(|pair| pair.segments()).cloned().collect();
        let origins: Option<Vec<&[Origin]>> = pairs.iter().map(Query::origins).collect();
        let origins = origins.map(|pairs| pairs.concat());
        let version = context.model.version();
        let groups = segments.chunks_exact(self.shown).take(count).enumerate();
        Ok(groups
            .map(|(at, group)| {
                let query = match self.ask {
                    Ask::Rating { bins } => Query::rating(group[0].clone(), bins, version),
                    Ask::Comparison | Ask::Ranking => Query::ranking(group.to_vec(), version),
                };
                query.with_origins(origins.as_ref().map(|all| &all[at * self.shown..][..self.shown]))
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            AskKind, QueryConfig, SelectorKind,
            fixture::{FirstObservation, line, nothing_answered},
        },
        *,
    };
    use rand::SeedableRng;

    fn asked(ask: AskKind, ranked: usize, count: usize) -> Vec<Query> {
        let (store, answered, model) = (line(), nothing_answered(), FirstObservation { members: 1 });
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let selector = SelectorKind::Uniform;
        let config = QueryConfig { segment: 5, selector, ask, ranked, bins: 7, ..QueryConfig::default() };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        config.selector().select(&context, count, &mut rng).unwrap()
    }

    #[test]
    fn the_same_segments_are_asked_about_in_other_groups() {
        let pairs = asked(AskKind::Comparison, 4, 8);
        let segments = |queries: &[Query]| {
            queries.iter().flat_map(|query| query.segments()).cloned().collect::<Vec<_>>()
        };
        let rankings = asked(AskKind::Ranking, 4, 4);
        assert_eq!(rankings.len(), 4);
        assert!(rankings.iter().all(|query| query.ask() == Ask::Ranking && query.segments().len() == 4));
        assert_eq!(segments(&rankings), segments(&pairs));
        let ratings = asked(AskKind::Rating, 4, 16);
        assert!(ratings.iter().all(|query| query.ask() == Ask::Rating { bins: 7 }));
        assert_eq!(segments(&ratings), segments(&pairs));
    }

    #[test]
    fn odd_groups_are_whole() {
        assert!(asked(AskKind::Ranking, 3, 5).iter().all(|query| query.segments().len() == 3));
        assert_eq!(asked(AskKind::Ranking, 3, 5).len(), 5);
        assert_eq!(asked(AskKind::Rating, 4, 7).len(), 7);
    }

    #[test]
    fn queries_about_the_same_segments_in_another_form_are_others() {
        let [ranking] = &asked(AskKind::Ranking, 2, 1)[..] else { panic!("one was asked for") };
        let [pair] = &asked(AskKind::Comparison, 2, 1)[..] else { panic!("one was asked for") };
        assert_eq!(ranking.segments(), pair.segments());
        assert_ne!(ranking.id(), pair.id());
    }
}
