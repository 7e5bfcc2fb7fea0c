//! The denoising chain of a batch, as it was drawn.

/// Latents and log-probabilities of one walk from noise to chunks. Memory is kept between walks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// Number of chunks drawn together.
    pub rows: usize,
    /// Components of a chunk.
    pub width: usize,
    /// Steps of the sampler, K.
    pub steps: usize,
    /// `[K + 1, rows, width]`: from noise, a^K, to the chunks, a^0.
    pub latents: Vec<f32>,
    /// `[K, rows]`: log-probability of each step, summed over the chunk's components; 0 for a step without
    /// noise.
    pub log_probs: Vec<f32>,
    /// `[rows, width]`: the estimate of the clean chunk that the last step was made from.
    pub x0_hat: Vec<f32>,
    pub(super) noise: Vec<f32>,
    pub(super) scratch: Vec<f32>,
}

impl Chain {
    /// Makes room for a walk of `steps` steps, with the first latent still to be written.
    pub fn begin(&mut self, rows: usize, width: usize, steps: usize) -> &mut [f32] {
        (self.rows, self.width, self.steps) = (rows, width, steps);
        self.latents.resize((steps + 1) * rows * width, 0.0);
        self.log_probs.resize(steps * rows, 0.0);
        self.x0_hat.resize(rows * width, 0.0);
        self.noise.resize(rows * width, 0.0);
        &mut self.latents[..rows * width]
    }

    /// The latents `[rows, width]` after `done` steps.
    pub fn latent(&self, done: usize) -> &[f32] {
        let size = self.rows * self.width;
        &self.latents[done * size..][..size]
    }

    /// The chunks `[rows, width]` that the walk ended in.
    pub fn chunks(&self) -> &[f32] {
        self.latent(self.steps)
    }

    /// Replaces the latents after `done` steps by copies of those of the `ancestors` `[rows]`; what came
    /// before them stays, and belongs to the ancestors.
    pub(super) fn resample(&mut self, done: usize, ancestors: &[usize]) {
        let (size, width) = (self.rows * self.width, self.width);
        self.noise.copy_from_slice(&self.latents[done * size..][..size]);
        let rows = self.latents[done * size..][..size].chunks_exact_mut(width);
        for (row, ancestor) in rows.zip(ancestors) {
            row.copy_from_slice(&self.noise[ancestor * width..][..width]);
        }
    }
}
