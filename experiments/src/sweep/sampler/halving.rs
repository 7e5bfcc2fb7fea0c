//! Synchronous successive halving: Jamieson and Talwalkar 2016, "Non-stochastic Best Arm
//! Identification and Hyperparameter Optimization" (arXiv 1502.07943), Algorithm 1, keeping the
//! best `1 / eta` at each rung as Hyperband does (Li et al. 2018, arXiv 1603.06560).

use super::{Proposal, Search};

/// The best of the last rung, unchanged, for `eta` times the steps.
pub(super) fn propose(search: &Search<'_>) -> Vec<Proposal> {
    let ranked = search.ranked();
    let last = search.history.last().map_or(0, Vec::len);
    let kept = last / search.config.eta;
    ranked
        .into_iter()
        .take(kept)
        .map(|(place, evaluated)| Proposal {
            setting: evaluated.setting.clone(),
            steps: Some(evaluated.steps * search.config.eta as u64),
            parent: Some(place),
        })
        .collect()
}
