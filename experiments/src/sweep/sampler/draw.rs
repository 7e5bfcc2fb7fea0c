//! Settings that do not depend on each other.

use rand::RngExt;

use super::{Proposal, Search};
use crate::sweep::space::Setting;

/// Independent uniform draws.
pub(super) fn random(search: &Search<'_>) -> Vec<Proposal> {
    let mut rng = search.rng();
    let draw = |_| {
        let units: Vec<f64> = search.space.parameters.iter().map(|_| rng.random()).collect();
        search.space.at(|index| units[index])
    };
    (0..search.config.settings).map(draw).map(|setting| first(search, setting)).collect()
}

/// The first points of a scrambled Sobol sequence.
pub(super) fn sobol(search: &Search<'_>) -> Vec<Proposal> {
    // The sequence has 2^16 points and 256 dimensions; beyond, another scramble begins.
    let scramble = |index: u32, dimension: u32| {
        let fold = search.config.seed ^ (search.config.seed >> 32);
        (fold as u32).wrapping_add((index >> 16) * 7919 + (dimension >> 8) * 104_729)
    };
    let at = |index: u32, dimension: u32| {
        sobol_burley::sample(index & 0xffff, dimension & 0xff, scramble(index, dimension)).into()
    };
    let setting = |index| search.space.at(|dimension| at(index, dimension as u32));
    (0..search.config.settings as u32).map(|index| first(search, setting(index))).collect()
}

/// A setting of the first generation.
fn first(search: &Search<'_>, setting: Setting) -> Proposal {
    Proposal { setting, steps: search.first_steps(), parent: None }
}
