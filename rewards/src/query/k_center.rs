//! Pairs that cover what can be asked.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::SegmentRef;

use super::{
    MostUncertain, QueryContext, QuerySelector, Uncertainty,
    uniform::{draw_pair, query},
};
use crate::{RewardError, feedback::Query};

/// Greedy k-center selection (Sener and Savarese 2018, Algorithm 1; Lee et al. 2021, "B-Pref", section
/// 3.2): of `large_batch` uniform candidates per query, asks again and again the one that is furthest
/// from everything asked before, answered pairs included.
///
/// A pair is the point of its observations and actions, step by step; components are divided by their
/// standard deviation over the candidates, so that units do not choose.
#[derive(Clone, Copy, Debug)]
pub struct KCenter {
    /// Environment steps per segment.
    pub segment: usize,
    /// Candidates per query.
    pub large_batch: usize,
    /// Where given, only the more uncertain half of the candidates takes part.
    pub among: Option<Uncertainty>,
}

impl QuerySelector for KCenter {
    fn select(
        &self,
        context: &QueryContext<'_>,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Query>, RewardError> {
        let candidates = self.candidates(context, count, rng)?;
        let mut points: Vec<Vec<f32>> = candidates.iter().map(|pair| point(context, *pair)).collect();
        let scale = inverse_deviations(&points, context.answered.width());
        points.iter_mut().for_each(|point| rescale(point, &scale));

        let mut nearest = vec![f32::INFINITY; points.len()];
        for at in 0..context.answered.len() {
            let mut centre = context.answered.pair(at).0.to_vec();
            rescale(&mut centre, &scale);
            approach(&mut nearest, &points, &centre);
        }
        let mut asked = Vec::with_capacity(count);
        for _ in 0..count.min(points.len()) {
            // The first of those that tie: without a centre yet, the first candidate.
            let furthest = (0..points.len()).rev().max_by(|a, b| nearest[*a].total_cmp(&nearest[*b]));
            let Some(chosen) = furthest else { break };
            asked.push(query(context, candidates[chosen]));
            let centre = points[chosen].clone();
            approach(&mut nearest, &points, &centre);
        }
        Ok(asked)
    }
}

impl KCenter {
    fn candidates(
        &self,
        context: &QueryContext<'_>,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<[SegmentRef; 2]>, RewardError> {
        let (segment, large_batch) = (self.segment, self.large_batch);
        let drawn = count * large_batch;
        match self.among {
            None => (0..drawn).map(|_| draw_pair(context.store, segment, rng)).collect(),
            Some(uncertainty) => {
                let ranking = MostUncertain { segment, large_batch, uncertainty };
                let mut candidates = ranking.ranked(context, drawn, rng)?;
                candidates.truncate((drawn / 2).max(count));
                Ok(candidates)
            }
        }
    }
}

/// `[2, segment, obs + act]`, as answered pairs are stored.
fn point(context: &QueryContext<'_>, pair: [SegmentRef; 2]) -> Vec<f32> {
    let mut point = Vec::new();
    for segment in pair.map(|segment| context.view(segment)) {
        let (observation, action) = (segment.obs.len() / segment.len, segment.actions.len() / segment.len);
        for step in 0..segment.len {
            point.extend(&segment.obs[step * observation..][..observation]);
            point.extend(&segment.actions[step * action..][..action]);
        }
    }
    point
}

/// One over the standard deviation of each of `width` components over all steps of all points; zero
/// for components that never change.
fn inverse_deviations(points: &[Vec<f32>], width: usize) -> Vec<f32> {
    let rows = || points.iter().flat_map(|point| point.chunks_exact(width));
    let n = rows().count().max(1) as f64;
    (0..width)
        .map(|component| {
            let values = || rows().map(|row| f64::from(row[component]));
            let mean = values().sum::<f64>() / n;
            let deviation = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
            if deviation > 1e-6 { (1.0 / deviation) as f32 } else { 0.0 }
        })
        .collect()
}

fn rescale(point: &mut [f32], scale: &[f32]) {
    for row in point.chunks_exact_mut(scale.len()) {
        row.iter_mut().zip(scale).for_each(|(x, scale)| *x *= scale);
    }
}

/// Lowers each point's squared distance to its nearest centre where `centre` is nearer.
fn approach(nearest: &mut [f32], points: &[Vec<f32>], centre: &[f32]) {
    for (nearest, point) in nearest.iter_mut().zip(points) {
        let distance: f32 = point.iter().zip(centre).map(|(a, b)| (a - b).powi(2)).sum();
        *nearest = nearest.min(distance);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            QueryConfig, SelectorKind,
            fixture::{FirstObservation, answer, line, nothing_answered},
        },
        *,
    };
    use rand::SeedableRng;

    fn starts(queries: &[Query]) -> Vec<[f32; 2]> {
        queries.iter().map(|query| [0, 1].map(|i| query.segments()[i].obs[0])).collect()
    }

    fn select(kind: SelectorKind, members: usize, count: usize, seed: u64) -> Vec<Query> {
        let (store, answered, model) = (line(), nothing_answered(), FirstObservation { members });
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let config = QueryConfig { segment: 5, selector: kind, ..QueryConfig::default() };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        config.selector().select(&context, count, &mut rng).unwrap()
    }

    /// Smallest distance between two of the pairs, in the plane of the two segments' starts.
    fn spread(queries: &[Query]) -> f32 {
        let starts = starts(queries);
        let distances = starts
            .iter()
            .enumerate()
            .flat_map(|(i, a)| starts[..i].iter().map(move |b| (a[0] - b[0]).hypot(a[1] - b[1])));
        distances.fold(f32::INFINITY, f32::min)
    }

    #[test]
    fn chosen_pairs_lie_further_apart_than_random_ones() {
        for seed in 0..5 {
            let covering = spread(&select(SelectorKind::KCenter, 2, 8, seed));
            let random = spread(&select(SelectorKind::Uniform, 2, 8, seed));
            // Eight points in the unit square: 0.35 apart at best, about 0.08 when thrown.
            assert!(covering > 0.25 && covering > random, "seed {seed}: {covering} and {random}");
        }
    }

    #[test]
    fn what_was_answered_is_not_asked_again() {
        let (store, mut answered, model) = (line(), nothing_answered(), FirstObservation { members: 1 });
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let selector = KCenter { segment: 5, large_batch: 200, among: None };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let corner = selector.select(&context, 2, &mut rng).unwrap().remove(1);
        let at = starts(std::slice::from_ref(&corner))[0];
        answered.push(&answer(corner)).unwrap();
        let context = QueryContext { store: &store, model: &model, answered: &answered };
        let asked = selector.select(&context, 1, &mut rng).unwrap();
        let next = starts(&asked)[0];
        assert!((at[0] - next[0]).hypot(at[1] - next[1]) > 0.8, "{at:?} then {next:?}");
    }

    #[test]
    fn only_the_uncertain_half_takes_part_in_a_mixture() {
        let chosen = |kind, members| starts(&select(kind, members, 10, 1));
        // Two members disagree by the first observation, uniform in [0, 0.95].
        assert!(chosen(SelectorKind::KCenterDisagreement, 2).iter().all(|[first, _]| *first > 0.35));
        assert!(chosen(SelectorKind::KCenter, 2).iter().any(|[first, _]| *first < 0.2));
        // One member is uncertain where both are near.
        let far = |[first, second]: &[f32; 2]| (first - second).abs() > 0.5;
        assert!(!chosen(SelectorKind::KCenterEntropy, 1).iter().any(far));
        assert!(chosen(SelectorKind::KCenter, 1).iter().any(far));
    }

    #[test]
    fn constant_components_do_not_count() {
        let scale = inverse_deviations(&[vec![1.0, 7.0, 3.0, 7.0]], 2);
        assert_eq!(scale, [1.0, 0.0]);
    }
}
