//! A metric over training, over the runs of a group.

use std::collections::BTreeMap;

use crate::statistics::{Bootstrap, Scores, interquartile_mean};

use super::figure::{Line, Point};

/// Runs that an interval needs at least: of two the bootstrap knows next to nothing.
const RUNS_FOR_INTERVAL: usize = 3;

/// The interquartile mean over runs at each step, with its interval, and the runs behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Curve {
    /// Steps ascending.
    pub(super) points: Vec<CurvePoint>,
    /// The curves of the single runs.
    pub(super) runs: Vec<Vec<(u64, f64)>>,
}

/// What is known at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CurvePoint {
    pub(super) step: u64,
    pub(super) iqm: f64,
    /// 95% stratified bootstrap interval, of three runs or more.
    pub(super) interval: Option<[f64; 2]>,
    /// Runs that have a number at this step.
    pub(super) runs: usize,
}

impl Curve {
    /// The curve of single runs' curves.
    pub(super) fn of(runs: Vec<Vec<(u64, f64)>>) -> Self {
        let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for (step, value) in runs.iter().flatten() {
            at.entry(*step).or_default().push(*value);
        }
        let point = |(step, values): (u64, Vec<f64>)| {
            let runs = values.len();
            let scores = Scores::of_one_task(values)?;
            let interval = (runs >= RUNS_FOR_INTERVAL)
                .then(|| Bootstrap::default().interval(&scores, interquartile_mean));
            Some(CurvePoint { step, iqm: interquartile_mean(&scores), interval, runs })
        };
        Self { points: at.into_iter().filter_map(point).collect(), runs }
    }

    /// The curve as a line of a chart.
    pub(super) fn line(&self, label: &str, series: usize) -> Line {
        let point =
            |point: &CurvePoint| Point { x: point.step as f64, y: point.iqm, interval: point.interval };
        let run = |run: &Vec<(u64, f64)>| run.iter().map(|(step, value)| (*step as f64, *value)).collect();
        Line {
            label: label.to_owned(),
            series,
            points: self.points.iter().map(point).collect(),
            runs: if self.runs.len() > 1 { self.runs.iter().map(run).collect() } else { Vec::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_stopped_early_counts_up_to_there() {
        let curve = Curve::of(vec![vec![(10, 1.0), (20, 4.0)], vec![(10, 3.0)], vec![(10, 2.0), (20, 6.0)]]);
        let steps: Vec<(u64, f64, usize)> =
            curve.points.iter().map(|point| (point.step, point.iqm, point.runs)).collect();
        assert_eq!(steps, [(10, 2.0, 3), (20, 5.0, 2)]);
        assert!(curve.points[0].interval.is_some() && curve.points[1].interval.is_none());
    }
}
