//! Novelty search: Lehman and Stanley 2011, "Abandoning Objectives: Evolution through the Search
//! for Novelty Alone", Evolutionary Computation 19(2).
//!
//! The archive is everything that was ever evaluated; behaviours are the descriptors of the
//! results, each number divided by its spread over the archive so that units do not matter, or the
//! codes that an [`autoencoder`] learns of them. With those, parents are the most novel or the most
//! surprising, by a fair coin for each generation (TAXONS).

use rand::RngExt;

use super::{Ancestor, Evaluated, Proposal, Search, autoencoder, autoencoder::Codes};
use crate::TelosError;

/// Mutations of the most interesting settings so far, one of each, from the most interesting on.
///
/// # Errors
/// When behaviours cannot be learned.
pub(super) fn propose(search: &Search<'_>) -> Result<Vec<Proposal>, TelosError> {
    let mut rng = search.rng();
    let archive: Vec<(Ancestor, &Evaluated)> =
        search.evaluated().filter(|(_, evaluated)| evaluated.score.is_some()).collect();
    let mut behaviours = standardised(&archive);
    let mut surprise = None;
    if search.config.latent > 0 && !archive.is_empty() {
        let Codes { codes, errors } = autoencoder::encode(&behaviours, search.config.latent, &mut rng)?;
        behaviours = codes;
        surprise = rng.random::<bool>().then_some(errors);
    }
    let interest = |index| match &surprise {
        Some(errors) => errors[index],
        None => novelty(&behaviours, index, search.config.neighbours),
    };
    let mut parents: Vec<(f64, (Ancestor, &Evaluated))> =
        archive.iter().enumerate().map(|(index, one)| (interest(index), *one)).collect();
    parents.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Ok(parents
        .iter()
        .cycle()
        .take(if parents.is_empty() { 0 } else { search.config.settings })
        .map(|(_, (place, parent))| search.child(*place, parent, &mut rng))
        .collect())
}

/// Mean distance to the nearest neighbours, itself not counted.
fn novelty(behaviours: &[Vec<f64>], index: usize, neighbours: usize) -> f64 {
    let distance =
        |other: &[f64]| behaviours[index].iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let others = behaviours.iter().enumerate().filter(|(other, _)| *other != index);
    let mut distances: Vec<f64> = others.map(|(_, behaviour)| distance(behaviour)).collect();
    distances.sort_by(f64::total_cmp);
    distances.truncate(neighbours);
    distances.iter().sum::<f64>() / distances.len().max(1) as f64
}

fn standardised(archive: &[(Ancestor, &Evaluated)]) -> Vec<Vec<f64>> {
    let numbers = archive.first().map_or(0, |(_, evaluated)| evaluated.descriptor.len());
    let spread = |k: usize| {
        let column = archive.iter().map(|(_, evaluated)| evaluated.descriptor[k]);
        let (low, high) =
            column.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        if high > low { high - low } else { 1.0 }
    };
    let spreads: Vec<f64> = (0..numbers).map(spread).collect();
    let scale =
        |evaluated: &Evaluated| evaluated.descriptor.iter().zip(&spreads).map(|(x, s)| x / s).collect();
    archive.iter().map(|(_, evaluated)| scale(evaluated)).collect()
}
