//! MAP-Elites: Mouret and Clune 2015, "Illuminating search spaces by mapping elites"
//! (arXiv 1504.04909), one batch of children per generation.

use std::collections::BTreeMap;

use rand::RngExt;

use super::{Ancestor, Evaluated, Proposal, Search};

/// Mutations of elites drawn uniformly, with replacement.
pub(super) fn propose(search: &Search<'_>) -> Vec<Proposal> {
    let elites: Vec<(Ancestor, &Evaluated)> = elites(search).into_values().collect();
    if elites.is_empty() {
        return Vec::new();
    }
    let mut rng = search.rng();
    (0..search.config.settings)
        .map(|_| {
            let (place, parent) = elites[rng.random_range(0..elites.len())];
            search.child(place, parent, &mut rng)
        })
        .collect()
}

/// The best setting of every cell that has one; of equals, the first.
fn elites<'a>(search: &'a Search<'_>) -> BTreeMap<Vec<usize>, (Ancestor, &'a Evaluated)> {
    let mut elites: BTreeMap<Vec<usize>, (Ancestor, &Evaluated)> = BTreeMap::new();
    for (place, evaluated) in search.evaluated() {
        let Some(score) = evaluated.score else { continue };
        let cell = cell(&search.config.cells, &evaluated.descriptor);
        let best = elites.get(&cell).and_then(|(_, elite)| elite.score);
        if best.is_none_or(|best| score > best) {
            elites.insert(cell, (place, evaluated));
        }
    }
    elites
}

/// The cell of a behaviour; what lies outside belongs to the cells at the rim.
fn cell(cells: &[(f64, f64, usize)], descriptor: &[f64]) -> Vec<usize> {
    let index = |((low, high, count), x): (&(f64, f64, usize), &f64)| {
        (((x - low) / (high - low) * *count as f64).max(0.0) as usize).min(count - 1)
    };
    cells.iter().zip(descriptor).map(index).collect()
}
