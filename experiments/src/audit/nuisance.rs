//! What part of a gain is a nuisance's (Singhal et al. 2023, "A Long Way to Go: Investigating Length
//! Correlations in RLHF", arXiv 2310.03716): the authors split the gain of a policy that a reward model
//! chose into what answers of the same length gained and what longer answers gained. Segments have one
//! length; the nuisance here is effort, the sum of the squared actions.

use telos_envs::Segment;

/// Strata of equal size.
const STRATA: usize = 10;

/// The sum of the squared actions of each segment.
pub(super) fn efforts(segments: &[Segment]) -> Vec<f64> {
    let effort = |segment: &Segment| segment.actions.iter().map(|&a| f64::from(a) * f64::from(a)).sum();
    segments.iter().map(effort).collect()
}

/// A gain in gold and its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gain {
    pub(super) all: f64,
    /// From better candidates at the same nuisance.
    pub(super) within: f64,
    /// From candidates with more or less of the nuisance.
    pub(super) shift: f64,
}

/// The gain of choosing candidates with probabilities `chances` in place of uniformly.
pub(super) fn gain(chances: &[f64], gold: &[f64], nuisance: &[f64]) -> Gain {
    let mut order: Vec<usize> = (0..nuisance.len()).collect();
    order.sort_by(|a, b| nuisance[*a].total_cmp(&nuisance[*b]));
    let total = order.len() as f64;
    let prior = gold.iter().sum::<f64>() / total;
    let all = chances.iter().zip(gold).map(|(chance, gold)| chance * gold).sum::<f64>() - prior;
    let strata = order.chunks(order.len().div_ceil(STRATA));
    let shift = strata.map(|stratum| {
        let chosen: f64 = stratum.iter().map(|&at| chances[at]).sum();
        let mean = stratum.iter().map(|&at| gold[at]).sum::<f64>() / stratum.len() as f64;
        (chosen - stratum.len() as f64 / total) * mean
    });
    let shift = shift.sum();
    Gain { all, within: all - shift, shift }
}

/// Pearson's correlation.
pub(super) fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let moment = |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum()
    };
    moment(x, mx, y, my) / (moment(x, mx, x, mx) * moment(y, my, y, my)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choosing_by_the_nuisance_gains_by_shift_and_choosing_at_random_nothing() {
        let nuisance: Vec<f64> = (0..100).map(f64::from).collect();
        // Gold follows the nuisance's stratum, and within it nothing.
        let gold: Vec<f64> = nuisance.iter().map(|x| (x / 10.0).floor()).collect();
        let mut chances = vec![0.0; 100];
        chances[95] = 1.0;
        let found = gain(&chances, &gold, &nuisance);
        assert!((found.all - 4.5).abs() < 1e-12 && (found.shift - 4.5).abs() < 1e-12, "{found:?}");
        let uniform = gain(&[0.01; 100], &gold, &nuisance);
        assert!(uniform.all.abs() < 1e-12 && uniform.shift.abs() < 1e-12);
        // Gold that the nuisance does not tell is gained within.
        let alternating: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let found = gain(&chances, &alternating, &nuisance);
        assert!((found.within - 0.5).abs() < 1e-12 && found.shift.abs() < 1e-12, "{found:?}");
        assert!((correlation(&nuisance, &nuisance) - 1.0).abs() < 1e-12);
    }
}
