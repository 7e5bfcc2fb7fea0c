//! Population-based training: Jaderberg et al. 2017 (arXiv 1711.09846), with truncation selection,
//! in step: all members train for as long between two selections.

use rand::RngExt;

use super::{Proposal, Search};

/// Every member goes on, but those of the lowest quantile: each of them becomes a member of the
/// highest, with its checkpoint, and its parameters mutated. A member that was given up is of the
/// lowest. Where the paper multiplies by 0.8 or 1.2, a mutation is a step on the unit interval of
/// the parameter, which is a factor for parameters on a logarithmic scale.
pub(super) fn propose(search: &Search<'_>) -> Vec<Proposal> {
    let ranked = search.ranked();
    let members = search.history.last().map_or(0, Vec::len);
    let share = ((members as f64 * search.config.quantile) as usize).max(1);
    let best = &ranked[..share.min(ranked.len())];
    if best.is_empty() {
        return Vec::new();
    }
    // Those above the lowest quantile survive, and so do the best however few there are.
    let survivors = ranked.len().min(members.saturating_sub(share)).max(best.len());
    let mut rng = search.rng();
    let interval = search.first_steps().expect("members go on from checkpoints");
    (0..members)
        .map(|member| match ranked[..survivors].iter().find(|(place, _)| place.setting == member) {
            Some((place, evaluated)) => Proposal {
                setting: evaluated.setting.clone(),
                steps: Some(evaluated.steps + interval),
                parent: Some(*place),
            },
            None => {
                let (place, parent) = best[rng.random_range(0..best.len())];
                search.child(place, parent, &mut rng)
            }
        })
        .collect()
}
