//! What says how good a chunk is: gold, a critic, a reward model or a check of collisions.

use telos_nn::{NnError, Tensor};

use crate::AgentError;

/// Scores chunks; need not be differentiable.
pub trait ChunkScore {
    /// Writes the scores `[rows]` of chunks `[rows, width]` for observations `[rows, obs]`.
    ///
    /// # Errors
    /// When whoever scores cannot.
    fn score(&mut self, obs: &[f32], chunks: &[f32], scores: &mut [f32]) -> Result<(), AgentError>;
}

impl<F: FnMut(&[f32], &[f32], &mut [f32]) -> Result<(), AgentError>> ChunkScore for F {
    fn score(&mut self, obs: &[f32], chunks: &[f32], scores: &mut [f32]) -> Result<(), AgentError> {
        self(obs, chunks, scores)
    }
}

/// Rewards chunks differentiably.
pub trait ChunkReward {
    /// Rewards `[b]` of chunks `[b, width]` for observations `[b, obs]`.
    ///
    /// # Errors
    /// When shapes differ.
    fn reward(&self, obs: &Tensor, chunks: &Tensor) -> Result<Tensor, NnError>;
}

impl<F: Fn(&Tensor, &Tensor) -> Result<Tensor, NnError>> ChunkReward for F {
    fn reward(&self, obs: &Tensor, chunks: &Tensor) -> Result<Tensor, NnError> {
        self(obs, chunks)
    }
}
