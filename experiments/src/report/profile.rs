//! Performance profiles of groups as a chart.

use crate::statistics::{Bootstrap, Scores, performance_profile};

use super::figure::{Figure, Line, LineChart, Point};

/// Points of a profile.
const POINTS: usize = 100;

/// The share of runs above each score, one line for each group: its look, label and scores. `None`
/// when no group has more than one score, whose profile would be a single step.
pub(super) fn figure(name: &str, x: &str, groups: &[(usize, &str, &Scores)]) -> Option<Figure> {
    if groups.iter().all(|(_, _, scores)| scores.count() < 2) {
        return None;
    }
    let all = || groups.iter().flat_map(|(_, _, scores)| scores.pooled());
    let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
    // A little beyond both ends, so that the profiles begin at 1 and end at 0.
    let (low, high) = (low - 0.1 * (high - low), high + 0.1 * (high - low));
    let threshold = |k: usize| low + (high - low) * k as f64 / POINTS as f64;
    let thresholds: Vec<f64> = (0..=POINTS).map(threshold).collect();
    let line = |(series, label, scores): &(usize, &str, &Scores)| {
        let profile = |scores: &Scores| performance_profile(scores, &thresholds);
        let points =
            thresholds.iter().zip(profile(scores)).zip(Bootstrap::default().intervals(scores, profile));
        let points = points.map(|((x, y), interval)| Point { x: *x, y, interval: Some(interval) });
        Line { label: (*label).to_owned(), series: *series, points: points.collect(), runs: Vec::new() }
    };
    let lines: Vec<Line> = groups.iter().map(line).collect();
    let chart = LineChart {
        name,
        title: "Performance profile",
        description: "Share of runs above each score, with pointwise 95% stratified bootstrap intervals. A profile \
                      above another everywhere is better everywhere.",
        x,
        y: "share of runs above it",
        wide: true,
        zero: true,
        lines: &lines,
        marks: &[],
    };
    Some(chart.draw())
}
