//! Cumulative regret: what learning slowly costs.

/// The regret of a learning curve per step: how far it stayed below `reference` on average over all
/// steps from the first to the last (Nakamoto et al. 2023, "Cal-QL", arXiv 2303.05479, measure
/// fine-tuning by it). Two runs that end at the same score differ here when one got there sooner.
///
/// `curve` holds (step, score), steps ascending. A score stands for the steps since the one before
/// it, the first for those since step 0. Steps above the reference count as negative regret. `None`
/// for a curve without steps.
pub fn cumulative_regret(curve: &[(u64, f64)], reference: f64) -> Option<f64> {
    let last = curve.last()?.0;
    let mut before = 0;
    let mut total = 0.0;
    for &(step, score) in curve {
        total += (reference - score) * step.saturating_sub(before) as f64;
        before = step;
    }
    (last > 0).then(|| total / last as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_weighted_by_their_steps() {
        assert_eq!(cumulative_regret(&[(10, 0.0), (40, 1.0)], 1.0), Some(0.25));
        assert_eq!(cumulative_regret(&[(10, 2.0)], 1.0), Some(-1.0));
        assert_eq!(cumulative_regret(&[], 1.0), None);
        assert_eq!(cumulative_regret(&[(0, 3.0)], 1.0), None);
    }
}
