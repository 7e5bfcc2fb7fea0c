//! Best-of-n: draw n chunks, act by the one that scores best (Nakano et al. 2021, "WebGPT", arXiv
//! 2112.09332, section 3.2). Against its policy the choice has a KL divergence of at most
//! log n - (n - 1) / n.

use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Chain, ChunkScore, GenerativePolicy};
use crate::AgentError;

/// Draws and chooses; keeps its memory.
#[derive(Debug)]
pub struct BestOfN {
    n: usize,
    chain: Chain,
    obs: Vec<f32>,
    scores: Vec<f32>,
}

impl BestOfN {
    /// Among `n` chunks, at least 1.
    ///
    /// # Errors
    /// When `n` is 0.
    pub fn new(n: usize) -> Result<Self, AgentError> {
        crate::error::require(n > 0, "steering.n", &n, "use at least 1")?;
        Ok(Self { n, chain: Chain::default(), obs: Vec::new(), scores: Vec::new() })
    }

    /// Writes the best chunk `[rows, width]` for each of the observations `[rows, obs]`; the first where
    /// several score alike.
    ///
    /// # Errors
    /// When a slice has another length, or a score cannot be had.
    pub fn choose(
        &mut self,
        policy: &dyn GenerativePolicy,
        obs: &[f32],
        score: &mut dyn ChunkScore,
        rng: &mut Xoshiro256PlusPlus,
        chunks: &mut [f32],
    ) -> Result<(), AgentError> {
        let (shape, n) = (policy.shape(), self.n);
        let rows = chunks.len() / shape.width();
        AgentError::check_length("obs", obs.len(), rows * shape.obs)?;
        repeat_rows(obs, shape.obs, n, &mut self.obs);
        policy.sample_chain(&self.obs, rows * n, rng, &mut self.chain)?;
        self.scores.resize(rows * n, 0.0);
        score.score(&self.obs, self.chain.chunks(), &mut self.scores)?;
        let groups = self.scores.chunks_exact(n).zip(self.chain.chunks().chunks_exact(n * shape.width()));
        for ((scores, drawn), chunk) in groups.zip(chunks.chunks_exact_mut(shape.width())) {
            let best = (1..n).fold(0, |best, i| if scores[i] > scores[best] { i } else { best });
            chunk.copy_from_slice(&drawn[best * shape.width()..][..shape.width()]);
        }
        Ok(())
    }
}

/// Each row `n` times, one after the other.
pub(super) fn repeat_rows(rows: &[f32], width: usize, n: usize, out: &mut Vec<f32>) {
    out.clear();
    for row in rows.chunks_exact(width) {
        (0..n).for_each(|_| out.extend_from_slice(row));
    }
}
