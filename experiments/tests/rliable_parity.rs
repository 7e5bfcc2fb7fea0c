//! `telos::statistics` computes what the Python package `rliable` does: equal point estimates, and
//! intervals within Monte-Carlo error. `experiments/peers/rliable_statistics.py` made the reference,
//! and checks it against the installed package.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde::Deserialize;
use telos::statistics::{
    Bootstrap, Scores, interquartile_mean, mean, median, optimality_gap, performance_profile,
    probability_of_improvement,
};

#[derive(Deserialize)]
struct Reference {
    resamples: usize,
    confidence: f64,
    thresholds: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// Scores of two methods: one list of runs per task.
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    mean: Estimate,
    median: Estimate,
    iqm: Estimate,
    optimality_gap: Estimate,
    probability_of_improvement: Estimate,
    profile: Estimate,
}

/// One or more numbers with the interval of each.
#[derive(Deserialize)]
struct Estimate {
    points: Vec<f64>,
    intervals: Vec<[f64; 2]>,
}

type Statistic<'a> = &'a dyn Fn(&Scores) -> f64;

impl Reference {
    fn read() -> Self {
        serde_json::from_str(include_str!("data/rliable.json")).unwrap()
    }

    /// Asserts that an end of `rliable` lies between the ends of a slightly wider and a slightly
    /// narrower interval. The share of resamples beyond an end is a binomial share in both programs,
    /// so they differ by four of its standard deviations; a distance between the ends themselves
    /// would depend on the scores, whose bootstrap has gaps when runs are few.
    fn assert_equal(
        &self,
        name: &str,
        expected: &Estimate,
        points: &[f64],
        intervals: impl Fn(&Bootstrap) -> Vec<[f64; 2]>,
    ) {
        let tail = (1.0 - self.confidence) / 2.0;
        let slack = 4.0 * (tail * (1.0 - tail) * 2.0 / self.resamples as f64).sqrt();
        let at = |confidence| {
            intervals(&Bootstrap { resamples: self.resamples, confidence, ..Bootstrap::default() })
        };
        let (wide, narrow) = (at(self.confidence + 2.0 * slack), at(self.confidence - 2.0 * slack));
        assert_eq!((points.len(), wide.len()), (expected.points.len(), expected.points.len()), "{name}");
        for (index, (point, [low, high])) in expected.points.iter().zip(&expected.intervals).enumerate() {
            assert!((points[index] - point).abs() < 1e-12, "{name}: {}, not {point}", points[index]);
            let (wide, narrow) = (wide[index], narrow[index]);
            // Sums of the same scores in another order differ in the last bits.
            let ordered = [(wide[0], *low), (*low, narrow[0]), (narrow[1], *high), (*high, wide[1])];
            let holds = ordered.iter().all(|(a, b)| *a <= b + 1e-12);
            assert!(holds, "{name}: [{low}, {high}] is not between {narrow:?} and {wide:?}");
        }
    }
}

#[test]
fn aggregates_equal_those_of_rliable() {
    let reference = Reference::read();
    for case in &reference.cases {
        let scores = Scores::new(case.x.clone()).unwrap();
        let gap = |scores: &Scores| optimality_gap(scores, 1.0);
        let statistics: [(&str, Statistic<'_>, &Estimate); 4] = [
            ("mean", &mean, &case.mean),
            ("median", &median, &case.median),
            ("iqm", &interquartile_mean, &case.iqm),
            ("optimality gap", &gap, &case.optimality_gap),
        ];
        for (name, statistic, expected) in statistics {
            let name = format!("{}, {name}", case.name);
            reference.assert_equal(&name, expected, &[statistic(&scores)], |bootstrap| {
                vec![bootstrap.interval(&scores, statistic)]
            });
        }
    }
}

#[test]
fn probability_of_improvement_equals_that_of_rliable() {
    let reference = Reference::read();
    for case in &reference.cases {
        let (x, y) = (Scores::new(case.x.clone()).unwrap(), Scores::new(case.y.clone()).unwrap());
        let point = probability_of_improvement(&x, &y);
        reference.assert_equal(&case.name, &case.probability_of_improvement, &[point], |bootstrap| {
            vec![bootstrap.interval_of_pair(&x, &y, probability_of_improvement)]
        });
    }
}

#[test]
fn profiles_equal_those_of_rliable() {
    let reference = Reference::read();
    for case in &reference.cases {
        let scores = Scores::new(case.x.clone()).unwrap();
        let profile = |scores: &Scores| performance_profile(scores, &reference.thresholds);
        reference.assert_equal(&case.name, &case.profile, &profile(&scores), |bootstrap| {
            bootstrap.intervals(&scores, profile)
        });
    }
}
