//! Sparse rewards: Paolo, Coninx, Doncieux and Laflaquiere 2021, "Sparse Reward Exploration via
//! Novelty Search and Emitters" (SERENE, arXiv 2102.03140), one generation where the paper has a
//! chunk of its budget.
//!
//! Generations of even number explore by [`novelty`] search, blind to the score. Those of odd number
//! exploit: every explored setting whose score lies above `rewarding` becomes an emitter, a
//! covariance matrix adaptation that starts there, and the emitters share the generation, `emitter`
//! settings each, until they are stale. Without emitters there is only exploration. With `latent`,
//! behaviours are learned, which is STAX (Paolo et al. 2024).

use super::{Evaluated, Proposal, Search, cma_es, cma_es::CmaEs, novelty};
use crate::TelosError;

/// Generations without a better score after which an emitter ends.
const PATIENCE: usize = 5;

/// A search around one rewarding setting.
struct Emitter {
    strategy: CmaEs,
    best: f64,
    stale: usize,
}

/// The next generation.
///
/// # Errors
/// When behaviours cannot be learned.
pub(super) fn propose(search: &Search<'_>) -> Result<Vec<Proposal>, TelosError> {
    let emitters = replay(search);
    let active = active(search, search.history.len(), &emitters);
    if active.is_empty() {
        return novelty::propose(search);
    }
    let mut rng = search.rng();
    let points =
        active.iter().flat_map(|index| emitters[*index].strategy.ask(search.config.emitter, &mut rng));
    Ok(points.map(|point| search.point(&point)).collect())
}

/// The emitters as everything so far has left them; they are a function of it.
fn replay(search: &Search<'_>) -> Vec<Emitter> {
    let mut emitters: Vec<Emitter> = Vec::new();
    for (generation, evaluated) in search.history.iter().enumerate() {
        let active = active(search, generation, &emitters);
        if active.is_empty() {
            emitters.extend(evaluated.iter().filter_map(|one| Emitter::at(search, one)));
        }
        for (index, emitted) in active.into_iter().zip(evaluated.chunks(search.config.emitter)) {
            emitters[index].learn(search, emitted);
        }
    }
    emitters
}

/// The emitters that a generation belongs to; none for a generation of exploration.
fn active(search: &Search<'_>, generation: usize, emitters: &[Emitter]) -> Vec<usize> {
    let room = (search.config.settings / search.config.emitter).max(1);
    let alive = (0..emitters.len()).filter(|index| emitters[*index].stale < PATIENCE);
    if generation % 2 == 1 { alive.take(room).collect() } else { Vec::new() }
}

impl Emitter {
    /// An emitter at an explored setting, if it is a rewarding one.
    fn at(search: &Search<'_>, found: &Evaluated) -> Option<Self> {
        let best = found.score.filter(|score| *score > search.rewarding)?;
        let (point, _) = cma_es::points(search, std::iter::once(found)).pop()?;
        Some(Self { strategy: CmaEs::new(point, search.config.sigma), best, stale: 0 })
    }

    fn learn(&mut self, search: &Search<'_>, emitted: &[Evaluated]) {
        let points = cma_es::points(search, emitted.iter());
        let best = points.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
        self.stale = if best > self.best { 0 } else { self.stale + 1 };
        self.best = self.best.max(best);
        self.strategy.tell(&points);
    }
}
