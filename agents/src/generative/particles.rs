//! Feynman-Kac steering: Singhal et al. 2025, "A General Framework for Inference-time Scaling and Steering
//! of Diffusion Models", arXiv 2501.06848. Particles walk the chain together and are resampled by what
//! their estimated chunks promise, so that the end is drawn from p exp(lambda r), normalised:
//!
//! G_i = exp(lambda (r(x0_hat_i) - r(x0_hat_{i-1}))),   the last with r of the chunk itself
//!
//! the "difference" potential, whose product is exp(lambda r(a^0)) whatever the estimates were worth.
//! Particles are resampled when the effective number of them falls below half.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::gaussian;

use super::{Chain, ChunkScore, GenerativePolicy, best_of_n::repeat_rows};
use crate::{AgentError, error::require};

/// Steers a policy by particles; keeps its memory.
#[derive(Debug)]
pub struct Particles {
    count: usize,
    lambda: f32,
    /// Step from which on estimates are trusted, as a share of the chain.
    start: f32,
    chain: Chain,
    obs: Vec<f32>,
    scores: Vec<f32>,
    last_scores: Vec<f32>,
    log_weights: Vec<f32>,
    weights: Vec<f32>,
    ancestors: Vec<usize>,
}

impl Particles {
    /// `count` particles for each observation, tilted by exp(lambda r); estimates count from this share of
    /// the chain on (estimates from almost pure noise say little: 0.3 to 0.5 suits critics).
    ///
    /// # Errors
    /// When a value is outside its range.
    pub fn new(count: usize, lambda: f32, start: f32) -> Result<Self, AgentError> {
        require(count > 0, "steering.particles", &count, "use at least 1")?;
        require(lambda.is_finite(), "steering.lambda", &lambda, "use a finite number")?;
        require((0.0..=1.0).contains(&start), "steering.start", &start, "use a number in [0, 1]")?;
        Ok(Self {
            count,
            lambda,
            start,
            chain: Chain::default(),
            obs: Vec::new(),
            scores: Vec::new(),
            last_scores: Vec::new(),
            log_weights: Vec::new(),
            weights: Vec::new(),
            ancestors: Vec::new(),
        })
    }

    /// Draws one chunk `[rows, width]` for each of the observations `[rows, obs]`.
    ///
    /// # Errors
    /// When a slice has another length, or a score cannot be had.
    pub fn sample(
        &mut self,
        policy: &dyn GenerativePolicy,
        obs: &[f32],
        score: &mut dyn ChunkScore,
        rng: &mut Xoshiro256PlusPlus,
        chunks: &mut [f32],
    ) -> Result<(), AgentError> {
        let width = policy.shape().width();
        let rows = chunks.len() / width;
        self.walk(policy, obs, rows, score, rng)?;
        let groups = self.weights.chunks_exact(self.count).enumerate();
        for ((group, weights), chunk) in groups.zip(chunks.chunks_exact_mut(width)) {
            let point: f32 = rng.random_range(0.0..1.0);
            let particle = group * self.count + drawn(weights, point);
            chunk.copy_from_slice(&self.chain.chunks()[particle * width..][..width]);
        }
        Ok(())
    }

    /// Walks all particles to the end, for whoever wants the weighted set: see [`chunks`](Self::chunks) and
    /// [`weights`](Self::weights).
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn walk(
        &mut self,
        policy: &dyn GenerativePolicy,
        obs: &[f32],
        rows: usize,
        score: &mut dyn ChunkScore,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<(), AgentError> {
        let (shape, total, steps) = (policy.shape(), rows * self.count, policy.steps().len());
        AgentError::check_length("obs", obs.len(), rows * shape.obs)?;
        repeat_rows(obs, shape.obs, self.count, &mut self.obs);
        for column in [&mut self.scores, &mut self.last_scores, &mut self.log_weights, &mut self.weights] {
            column.clear();
            column.resize(total, 0.0);
        }
        gaussian::standard_normal(rng, self.chain.begin(total, shape.width(), steps));
        for step in 0..steps {
            policy.take_step(step, &self.obs, Some(rng), &mut self.chain)?;
            let last = step + 1 == steps;
            if !last && (step as f32) < self.start * steps as f32 {
                continue;
            }
            let judged = if last { self.chain.chunks() } else { &self.chain.x0_hat };
            score.score(&self.obs, judged, &mut self.scores)?;
            for i in 0..total {
                self.log_weights[i] += self.lambda * (self.scores[i] - self.last_scores[i]);
            }
            self.last_scores.copy_from_slice(&self.scores);
            self.normalise();
            if !last {
                self.resample(step + 1, rng);
            }
        }
        Ok(())
    }

    /// All particles `[rows count, width]` at the end of the walk.
    pub fn chunks(&self) -> &[f32] {
        self.chain.chunks()
    }

    /// Their weights `[rows count]`, which sum to 1 for each observation.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    fn normalise(&mut self) {
        let groups = self.log_weights.chunks_exact(self.count);
        for (log_weights, weights) in groups.zip(self.weights.chunks_exact_mut(self.count)) {
            let top = log_weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for (weight, log_weight) in weights.iter_mut().zip(log_weights) {
                *weight = (log_weight - top).exp();
                sum += *weight;
            }
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
    }

    /// Systematic resampling of the groups whose effective number of particles is below half.
    fn resample(&mut self, done: usize, rng: &mut Xoshiro256PlusPlus) {
        let n = self.count;
        self.ancestors.clear();
        self.ancestors.extend(0..self.weights.len());
        for (group, weights) in self.weights.chunks_exact(n).enumerate() {
            let effective = 1.0 / weights.iter().map(|w| w * w).sum::<f32>();
            if effective < 0.5 * n as f32 {
                let offset: f32 = rng.random_range(0.0..1.0);
                let ancestors = &mut self.ancestors[group * n..][..n];
                let (mut particle, mut sum) = (0, weights[0]);
                for (i, ancestor) in ancestors.iter_mut().enumerate() {
                    let point = (i as f32 + offset) / n as f32;
                    while sum < point && particle + 1 < n {
                        particle += 1;
                        sum += weights[particle];
                    }
                    *ancestor = group * n + particle;
                }
                self.log_weights[group * n..][..n].fill(0.0);
            }
        }
        self.chain.resample(done, &self.ancestors);
        let scores = std::mem::take(&mut self.scores);
        for (last, ancestor) in self.last_scores.iter_mut().zip(&self.ancestors) {
            *last = scores[*ancestor];
        }
        self.scores = scores;
    }
}

/// The first particle at which the sum of the weights reaches `point`.
fn drawn(weights: &[f32], point: f32) -> usize {
    let mut sum = 0.0;
    let reached = weights.iter().position(|weight| {
        sum += weight;
        sum > point
    });
    reached.unwrap_or(weights.len() - 1)
}
