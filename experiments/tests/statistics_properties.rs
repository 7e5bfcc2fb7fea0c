//! Properties that the statistics have for all scores.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::{collection::vec, prelude::*};
use telos::statistics::{
    Bootstrap, LastAndBest, Scores, cumulative_regret, interquartile_mean, mean, median, optimality_gap,
    performance_profile, probability_of_improvement,
};

fn scores() -> impl Strategy<Value = Scores> {
    vec(vec(-10.0f64..10.0, 1..9), 1..5).prop_map(|tasks| Scores::new(tasks).unwrap())
}

/// Two methods on the same tasks, with any numbers of runs and many ties.
fn pair() -> impl Strategy<Value = (Scores, Scores)> {
    let runs = || vec((0i8..4).prop_map(f64::from), 1..7);
    vec((runs(), runs()), 1..5).prop_map(|tasks| {
        let (first, second) = tasks.into_iter().unzip();
        (Scores::new(first).unwrap(), Scores::new(second).unwrap())
    })
}

fn transformed(scores: &Scores, scale: f64, shift: f64) -> Scores {
    let task = |runs: &Vec<f64>| runs.iter().map(|score| scale * score + shift).collect();
    Scores::new(scores.tasks().iter().map(task).collect()).unwrap()
}

fn range(scores: &Scores) -> (f64, f64) {
    scores.pooled().fold((f64::MAX, f64::MIN), |(low, high), score| (low.min(score), high.max(score)))
}

const BOOTSTRAP: Bootstrap = Bootstrap { resamples: 200, confidence: 0.95, seed: 5 };

proptest! {
    #[test]
    fn locations_move_with_the_scores(scores in scores(), scale in 0.1f64..5.0, shift in -5.0f64..5.0) {
        for statistic in [mean, median, interquartile_mean] {
            let expected = scale * statistic(&scores) + shift;
            prop_assert!((statistic(&transformed(&scores, scale, shift)) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn locations_and_intervals_lie_within_the_scores(scores in scores()) {
        let (low, high) = range(&scores);
        let (low, high) = (low - 1e-9, high + 1e-9);
        for statistic in [mean, median, interquartile_mean] {
            prop_assert!((low..=high).contains(&statistic(&scores)));
            let interval = BOOTSTRAP.interval(&scores, statistic);
            prop_assert!(low <= interval[0] && interval[0] <= interval[1] && interval[1] <= high);
        }
    }

    #[test]
    fn the_order_of_runs_does_not_matter_to_point_estimates(scores in scores()) {
        let reversed: Vec<Vec<f64>> =
            scores.tasks().iter().map(|runs| runs.iter().rev().copied().collect()).collect();
        let reversed = Scores::new(reversed).unwrap();
        for statistic in [mean, median, interquartile_mean] {
            prop_assert!((statistic(&scores) - statistic(&reversed)).abs() < 1e-12);
        }
    }

    #[test]
    fn more_confidence_is_a_wider_interval(scores in scores()) {
        let wide = BOOTSTRAP.interval(&scores, mean);
        let narrow = Bootstrap { confidence: 0.5, ..BOOTSTRAP }.interval(&scores, mean);
        prop_assert!(wide[0] <= narrow[0] && narrow[1] <= wide[1]);
    }

    #[test]
    fn equal_seeds_give_equal_intervals(scores in scores(), seed in any::<u64>()) {
        let bootstrap = Bootstrap { seed, ..BOOTSTRAP };
        prop_assert_eq!(bootstrap.interval(&scores, mean), bootstrap.interval(&scores, mean));
    }

    #[test]
    fn one_of_two_improves_on_the_other((first, second) in pair()) {
        let there = probability_of_improvement(&first, &second);
        let back = probability_of_improvement(&second, &first);
        prop_assert!((0.0..=1.0).contains(&there));
        prop_assert!((there + back - 1.0).abs() < 1e-12);
        prop_assert_eq!(probability_of_improvement(&first, &first), 0.5);
    }

    #[test]
    fn a_profile_falls_from_one_to_zero(scores in scores()) {
        let (low, high) = range(&scores);
        let thresholds: Vec<f64> =
            (0..=20).map(|k| low - 1.0 + (high - low + 1.0) * f64::from(k) / 20.0).collect();
        let profile = performance_profile(&scores, &thresholds);
        prop_assert_eq!(profile[0], 1.0);
        prop_assert!(profile[20] <= 1.0 / scores.count() as f64 + 1e-12 || high - low < 1e-9);
        prop_assert!(profile.windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn the_gap_is_what_the_mean_lacks_where_nothing_exceeds_the_target(scores in scores()) {
        let (_, high) = range(&scores);
        let pooled = scores.pooled().sum::<f64>() / scores.count() as f64;
        prop_assert!((optimality_gap(&scores, high) - (high - pooled)).abs() < 1e-9);
        prop_assert!(optimality_gap(&scores, high - 1.0) >= -1e-9);
    }

    #[test]
    fn regret_lies_between_that_of_the_best_and_of_the_worst(
        points in vec((1u64..1000, -5.0f64..5.0), 1..10), reference in -5.0f64..5.0
    ) {
        let mut step = 0;
        let curve: Vec<(u64, f64)> = points.into_iter().map(|(gap, score)| { step += gap; (step, score) }).collect();
        let best = LastAndBest::of(&curve).unwrap().best;
        let worst = curve.iter().map(|point| point.1).fold(f64::MAX, f64::min);
        let regret = cumulative_regret(&curve, reference).unwrap();
        prop_assert!(reference - best - 1e-9 <= regret && regret <= reference - worst + 1e-9);
    }
}
