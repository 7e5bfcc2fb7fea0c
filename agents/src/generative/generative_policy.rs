//! The seam between generative policies and everything that trains, fine-tunes or steers them.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Device, NnError, Parameters, Tensor, gaussian};

use super::{Chain, ChunkShape, Denoiser, DenoisingStep, NoiseDraw};
use crate::AgentError;

const HALF_LOG_2PI: f32 = 0.918_938_5;

/// A policy that draws chunks of actions by denoising: a Markov chain of Gaussian steps whose means a
/// network decides.
///
/// Chunks hold actions in [-1, 1]; observations are as the network wants them. A policy says what its
/// network predicts and how its steps are made of that; the rest follows.
pub trait GenerativePolicy: Parameters {
    /// The network.
    fn denoiser(&self) -> &dyn Denoiser;

    /// The steps of its sampler, from noise to chunk.
    fn steps(&self) -> &[DenoisingStep];

    /// Settings of its sampler.
    fn sampler(&self) -> &super::SamplerConfig;

    /// Changes the sampler; the network stays.
    ///
    /// # Errors
    /// When the settings make no sense for this policy.
    fn set_sampler(&mut self, config: super::SamplerConfig) -> Result<(), AgentError>;

    /// Squared error of the network's prediction for each component, `[b, width]`, at latents made of
    /// clean chunks `[b, width]` and a draw of noise: the loss of its training.
    ///
    /// # Errors
    /// When shapes differ.
    fn one_step_loss(&self, obs: &Tensor, chunks: &Tensor, draw: &NoiseDraw) -> Result<Tensor, NnError>;

    /// Estimates `[b]` of log p - log p_ref of clean chunks from a draw of noise, with p_ref of `reference`, the
    /// same kind of policy: that of Diffusion-DPO (Wallace et al. 2023, arXiv 2311.12908, equation 14) at one noise
    /// level, -(d - d_ref) / 2 with d the squared error of the prediction. No gradients reach `reference`.
    ///
    /// # Errors
    /// When shapes differ.
    fn log_ratio(
        &self,
        reference: &dyn GenerativePolicy,
        obs: &Tensor,
        chunks: &Tensor,
        draw: &NoiseDraw,
    ) -> Result<Tensor, NnError> {
        estimated_log_ratio(self, reference, obs, chunks, draw)
    }

    /// A copy that never receives gradients: a reference policy.
    ///
    /// # Errors
    /// When the device has no memory left.
    fn frozen_copy(&self) -> Result<Self, NnError>
    where
        Self: Sized;

    /// Sizes of observations and chunks.
    fn shape(&self) -> ChunkShape {
        self.denoiser().shape()
    }

    /// Where it computes.
    fn device(&self) -> &Device {
        self.denoiser().device()
    }

    /// The deviation with which step `step` is drawn.
    fn std(&self, step: usize) -> f32 {
        self.steps()[step].std.max(self.sampler().min_std)
    }

    /// The deviation with which the log-probability of step `step` is computed.
    fn log_prob_std(&self, step: usize) -> f32 {
        self.std(step).max(self.sampler().min_log_prob_std)
    }

    /// Estimates of the clean chunks, `[b, width]`, from latents `[b, width]` before one step per row.
    ///
    /// # Errors
    /// When shapes differ.
    fn x0_hat(&self, obs: &Tensor, x: &Tensor, steps: &[usize]) -> Result<Tensor, NnError> {
        let of = |f: fn(&DenoisingStep) -> f32| per_row(steps, |i| f(&self.steps()[i]), x.device());
        let times: Vec<f32> = steps.iter().map(|&i| self.steps()[i].time).collect();
        let prediction = self.denoiser().forward(x, &times, obs)?;
        let x0 = (x.broadcast_mul(&of(|s| s.x0_of_sample)?)?
            + prediction.broadcast_mul(&of(|s| s.x0_of_prediction)?)?)?;
        Ok(match self.sampler().clip {
            Some(clip) => x0.clamp(-clip, clip)?,
            None => x0,
        })
    }

    /// Means `[b, width]` of the latents after one step per row.
    ///
    /// # Errors
    /// When shapes differ.
    fn step_mean(&self, obs: &Tensor, x: &Tensor, steps: &[usize]) -> Result<Tensor, NnError> {
        let of = |f: fn(&DenoisingStep) -> f32| per_row(steps, |i| f(&self.steps()[i]), x.device());
        let x0 = self.x0_hat(obs, x, steps)?;
        Ok((x.broadcast_mul(&of(|s| s.mean_of_sample)?)? + x0.broadcast_mul(&of(|s| s.mean_of_x0)?)?)?)
    }

    /// Log-probabilities `[b]` of the steps `x -> next`; 0 for a step without noise, which is certain.
    ///
    /// # Errors
    /// When shapes differ.
    fn log_prob_step(
        &self,
        obs: &Tensor,
        x: &Tensor,
        next: &Tensor,
        steps: &[usize],
    ) -> Result<Tensor, NnError> {
        let width = self.shape().width() as f32;
        let precision = |std: f32| if std > 0.0 { std.powi(-2) } else { 0.0 };
        let scale = per_row(steps, |i| -0.5 * precision(self.log_prob_std(i)), x.device())?.squeeze(1)?;
        let normaliser = per_row(steps, |i| log_normaliser(self.log_prob_std(i), width), x.device())?;
        let distance = (next - self.step_mean(obs, x, steps)?)?.sqr()?.sum(1)?;
        Ok(((distance * scale)? - normaliser.squeeze(1)?)?)
    }

    /// KL divergence `[b]` of a step of this policy from the same step of `reference`: with equal
    /// deviations, |mean - mean_ref|^2 / (2 std^2). 0 for a step without noise.
    ///
    /// # Errors
    /// When shapes differ.
    fn step_kl(
        &self,
        reference: &dyn GenerativePolicy,
        obs: &Tensor,
        x: &Tensor,
        steps: &[usize],
    ) -> Result<Tensor, NnError> {
        let scale = |std: f32| if std > 0.0 { 0.5 / std.powi(2) } else { 0.0 };
        let scale = per_row(steps, |i| scale(self.log_prob_std(i)), x.device())?.squeeze(1)?;
        let means = (self.step_mean(obs, x, steps)? - reference.step_mean(obs, x, steps)?.detach())?;
        Ok((means.sqr()?.sum(1)? * scale)?)
    }

    /// Takes step `step` of the walk in `chain` for observations `[rows, obs]`, with noise from `rng`, or
    /// by the mean without one.
    ///
    /// # Errors
    /// When a slice has another length.
    fn take_step(
        &self,
        step: usize,
        obs: &[f32],
        rng: Option<&mut Xoshiro256PlusPlus>,
        chain: &mut Chain,
    ) -> Result<(), AgentError> {
        AgentError::check_length("obs", obs.len(), chain.rows * self.shape().obs)?;
        let (size, width, rows) = (chain.rows * chain.width, chain.width, chain.rows);
        let (before, after) = chain.latents.split_at_mut((step + 1) * size);
        let (x, next) = (&before[step * size..], &mut after[..size]);
        let numbers = self.steps()[step];
        self.denoiser().infer(x, numbers.time, obs, &mut chain.scratch, &mut chain.x0_hat)?;
        let bound = self.sampler().clip.unwrap_or(f32::INFINITY);
        for (x0, x) in chain.x0_hat.iter_mut().zip(x) {
            *x0 = (numbers.x0_of_sample * x + numbers.x0_of_prediction * *x0).clamp(-bound, bound);
        }
        let std = if rng.is_some() { self.std(step) } else { 0.0 };
        match rng {
            Some(rng) if std > 0.0 => gaussian::standard_normal(rng, &mut chain.noise),
            _ => chain.noise.fill(0.0),
        }
        for (i, next) in next.iter_mut().enumerate() {
            let mean = numbers.mean_of_sample * x[i] + numbers.mean_of_x0 * chain.x0_hat[i];
            *next = mean + std * chain.noise[i];
        }
        let (log_prob_std, log_probs) = (self.log_prob_std(step), &mut chain.log_probs[step * rows..]);
        let scale = if log_prob_std > 0.0 { (std / log_prob_std).powi(2) } else { 0.0 };
        for (log_prob, noise) in log_probs.iter_mut().zip(chain.noise.chunks_exact(width)) {
            let square: f32 = noise.iter().map(|e| e * e).sum();
            *log_prob = -0.5 * scale * square - log_normaliser(log_prob_std, width as f32);
        }
        Ok(())
    }

    /// Draws chunks for observations `[rows, obs]` and keeps the whole walk in `chain`.
    ///
    /// # Errors
    /// When a slice has another length.
    fn sample_chain(
        &self,
        obs: &[f32],
        rows: usize,
        rng: &mut Xoshiro256PlusPlus,
        chain: &mut Chain,
    ) -> Result<(), AgentError> {
        gaussian::standard_normal(rng, chain.begin(rows, self.shape().width(), self.steps().len()));
        (0..self.steps().len()).try_for_each(|step| self.take_step(step, obs, Some(rng), chain))
    }
}

/// Log of the normaliser of a Gaussian of `width` components; 0 where there is no density.
fn log_normaliser(std: f32, width: f32) -> f32 {
    if std > 0.0 { width * (std.ln() + HALF_LOG_2PI) } else { 0.0 }
}

/// What [`GenerativePolicy::log_ratio`] is where no density is known.
pub(super) fn estimated_log_ratio<P: GenerativePolicy + ?Sized>(
    policy: &P,
    reference: &dyn GenerativePolicy,
    obs: &Tensor,
    chunks: &Tensor,
    draw: &NoiseDraw,
) -> Result<Tensor, NnError> {
    let theirs = reference.one_step_loss(obs, chunks, draw)?.detach();
    Ok(((policy.one_step_loss(obs, chunks, draw)? - theirs)?.sum(1)? * -0.5)?)
}

/// A column `[b, 1]` of one number per row's step.
pub(super) fn per_row(
    steps: &[usize],
    number: impl Fn(usize) -> f32,
    device: &Device,
) -> Result<Tensor, NnError> {
    let numbers: Vec<f32> = steps.iter().map(|&step| number(step)).collect();
    Ok(Tensor::from_vec(numbers, (steps.len(), 1), device)?)
}
