//! Chunks as what a linear regression on the observation leaves of the actions, in [-1, 1]:
//!
//! x = (a - b - W s) / m,   (W, b) = argmin sum |a - b - W s|^2,   m = max |a - b - W s|
//!
//! over recorded chunks a, whose last step is repeated beyond the end of an episode, and the normalised observations s
//! before them, with m for each component. Where actions are places to move to, most of their variance is where the
//! robot is already, and what matters is a few millimetres around it. Chi et al. 2024, "Universal Manipulation
//! Interface", arXiv 2402.10329, therefore measure actions from the present pose of the gripper; here, data say what to
//! measure them from.

use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::dataset::Dataset;

use super::ChunkShape;
use crate::{ActionRange, ObservationNormalizer};

/// Added to the mean square of each input, as a share of it and as a number, for those that never move or depend on
/// others.
const RIDGE: f64 = 1e-6;
/// The least m: an action that observations predict exactly would divide by zero.
const LEAST_SPAN: f32 = 1e-3;

/// The regression, and what it leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct ResidualActions {
    shape: ChunkShape,
    /// `[width, obs + 1]`: W and b of each component.
    weights: Vec<f32>,
    /// `[width]`: m.
    span: Vec<f32>,
}

impl ResidualActions {
    /// Leaves actions as they are, until values are loaded.
    pub fn identity(shape: ChunkShape) -> Self {
        let weights = vec![0.0; shape.width() * (shape.obs + 1)];
        Self { shape, weights, span: vec![1.0; shape.width()] }
    }

    /// The regression over all chunks of a dataset with these sizes.
    ///
    /// # Panics
    /// When the sizes are not those of the dataset.
    pub fn fit(
        dataset: &Dataset,
        normalizer: &ObservationNormalizer,
        range: &ActionRange,
        shape: ChunkShape,
    ) -> Self {
        let inputs = shape.obs + 1;
        assert_eq!((dataset.info().obs_size, range.size()), (shape.obs, shape.act), "sizes of the data");
        let mut products = vec![0.0; inputs * inputs];
        let mut weights = vec![0.0; shape.width() * inputs];
        let mut count = 0.0;
        for_each_chunk(dataset, normalizer, range, shape, |input, chunk| {
            add_outer(input, input, &mut products);
            add_outer(chunk, input, &mut weights);
            count += 1.0;
        });
        (0..inputs).map(|i| i * inputs + i).for_each(|i| products[i] += RIDGE * (products[i] + count));
        solve(&mut products, inputs, &mut weights);
        let weights = weights.iter().map(|w| *w as f32).collect();
        let mut residual = Self { weights, ..Self::identity(shape) };
        let mut span = vec![LEAST_SPAN; shape.width()];
        for_each_chunk(dataset, normalizer, range, shape, |input, chunk| {
            residual.from_actions(&input[..shape.obs], chunk);
            span.iter_mut().zip(chunk).for_each(|(most, x)| *most = most.max(x.abs()));
        });
        residual.span = span;
        residual
    }

    /// Turns actions `[rows, width]` in [-1, 1] into what is left of them, in place, given normalised observations
    /// `[rows, obs]`.
    pub fn from_actions(&self, obs: &[f32], chunks: &mut [f32]) {
        for (obs, chunk) in obs.chunks_exact(self.shape.obs).zip(chunks.chunks_exact_mut(self.shape.width()))
        {
            for (component, x) in chunk.iter_mut().enumerate() {
                *x = (*x - self.predicted(component, obs)) / self.span[component];
            }
        }
    }

    /// The inverse of [`from_actions`](Self::from_actions).
    pub fn to_actions(&self, obs: &[f32], chunks: &mut [f32]) {
        for (obs, chunk) in obs.chunks_exact(self.shape.obs).zip(chunks.chunks_exact_mut(self.shape.width()))
        {
            self.to_action(obs, 0, chunk);
        }
    }

    /// As [`to_actions`](Self::to_actions), for the actions from number `first` on of a chunk that was drawn for the
    /// normalised observation `obs`.
    pub fn to_action(&self, obs: &[f32], first: usize, actions: &mut [f32]) {
        for (component, x) in (first * self.shape.act..).zip(actions) {
            *x = self.predicted(component, obs) + self.span[component] * *x;
        }
    }

    fn predicted(&self, component: usize, obs: &[f32]) -> f32 {
        let weights = &self.weights[component * (obs.len() + 1)..][..obs.len() + 1];
        weights[obs.len()] + weights.iter().zip(obs).map(|(w, s)| w * s).sum::<f32>()
    }
}

/// Shows every chunk `[width]` of a dataset, in [-1, 1] and with its last step repeated beyond the end of its episode,
/// and the normalised observation before it, `[obs + 1]`, whose last component is 1.
fn for_each_chunk(
    dataset: &Dataset,
    normalizer: &ObservationNormalizer,
    range: &ActionRange,
    shape: ChunkShape,
    mut show: impl FnMut(&[f32], &mut [f32]),
) {
    let (mut input, mut chunk) = (vec![1.0; shape.obs + 1], vec![0.0; shape.width()]);
    for episode in dataset.episodes() {
        for start in 0..episode.steps {
            normalizer.normalize(&episode.obs[start * shape.obs..][..shape.obs], &mut input[..shape.obs]);
            for (ahead, action) in chunk.chunks_exact_mut(shape.act).enumerate() {
                let step = (start + ahead).min(episode.steps - 1);
                action.copy_from_slice(&episode.actions[step * shape.act..][..shape.act]);
            }
            range.to_policy(&mut chunk);
            show(&input, &mut chunk);
        }
    }
}

/// Adds `left right^T`, `[left, right]`.
fn add_outer(left: &[f32], right: &[f32], sum: &mut [f64]) {
    for (row, l) in sum.chunks_exact_mut(right.len()).zip(left) {
        row.iter_mut().zip(right).for_each(|(sum, r)| *sum += f64::from(*l) * f64::from(*r));
    }
}

/// Solves `matrix x = right` for each of the rows of `right`, in place, by Cholesky factors of a symmetric positive
/// definite matrix, which they overwrite.
fn solve(matrix: &mut [f64], size: usize, right: &mut [f64]) {
    for row in 0..size {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| matrix[row * size + k] * matrix[column * size + k]).sum();
            let rest = matrix[row * size + column] - known;
            matrix[row * size + column] =
                if row == column { rest.sqrt() } else { rest / matrix[column * size + column] };
        }
    }
    for x in right.chunks_exact_mut(size) {
        for row in 0..size {
            let known: f64 = (0..row).map(|k| matrix[row * size + k] * x[k]).sum();
            x[row] = (x[row] - known) / matrix[row * size + row];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size).map(|k| matrix[k * size + row] * x[k]).sum();
            x[row] = (x[row] - known) / matrix[row * size + row];
        }
    }
}

impl Checkpoint for ResidualActions {
    fn save(&self, out: &mut Writer) {
        out.f32s("weights", &self.weights);
        out.f32s("span", &self.span);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let (weights, span) = (from.f32_vec("weights")?, from.f32_vec("span")?);
        if weights.len() != self.weights.len() || span.len() != self.span.len() {
            return Err(from.wrong("weights", "does not fit the policy's chunks; check their horizon"));
        }
        (self.weights, self.span) = (weights, span);
        Ok(())
    }
}
