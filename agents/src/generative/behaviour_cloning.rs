//! Behaviour cloning with a generative policy: Chi et al. 2023, "Diffusion Policy: Visuomotor Policy
//! Learning via Action Diffusion", arXiv 2303.04137. The policy learns to denoise the chunks that
//! demonstrators executed after each observation, and acts by a moving average of its weights:
//!
//! theta <- theta - lr grad E |prediction_theta(a^k, k, s) - target|^2
//! theta_ema <- d theta_ema + (1 - d) theta,   d = min(decay, (1 + n) / (10 + n)) at update n
//!
//! Where observations are pictures, theta has an encoder as well, which learns with the rest and sees pictures at
//! random shifts (the paper crops them at random).

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{
    EnvSpec,
    dataset::{ChunkBatch, Dataset},
};
use telos_nn::{Adam, AdamConfig, NnError, Parameters, Tensor, Var, weights};

use super::{ChunkActor, GenerativePolicy, NoiseDraw, ResidualActions};
use crate::{ActMode, AgentError, ObservationNormalizer, Policy, Sight, error::require};

/// Bound on normalised observations: components that hardly moved in the data must not explode.
const OBS_CLIP: f32 = 10.0;

/// Settings of behaviour cloning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BehaviourCloningConfig {
    /// Chunks per update. Default 256 (the paper's for states).
    pub batch_size: usize,
    /// Step size of AdamW at the beginning. Default 1e-3 (DPPO's pre-training; the paper has 1e-4).
    pub lr: f64,
    /// Share of `lr` that is left at the end of training, along half a cosine. Default 0.1 (DPPO).
    pub final_lr: f64,
    /// Decoupled weight decay. Default 1e-6 (the paper's).
    pub weight_decay: f64,
    /// d: decay of the average of the weights. Default 0.995 (DPPO).
    pub ema_decay: f64,
    /// Share of the chunks that are shown with a goal which their episode reached later in place of the one
    /// that was asked for, in [0, 1]: for data without a purpose, of tasks with goals. Default 0.
    pub hindsight: f64,
    /// Steps within which such a goal was reached. Default 32 (Lynch et al. 2019, arXiv 1903.01973).
    pub hindsight_window: usize,
}

impl Default for BehaviourCloningConfig {
    fn default() -> Self {
        let (lr, final_lr, weight_decay) = (1e-3, 0.1, 1e-6);
        Self {
            batch_size: 256,
            lr,
            final_lr,
            weight_decay,
            ema_decay: 0.995,
            hindsight: 0.0,
            hindsight_window: 32,
        }
    }
}

impl BehaviourCloningConfig {
    fn adam(&self) -> AdamConfig {
        AdamConfig { lr: self.lr, weight_decay: self.weight_decay, ..AdamConfig::default() }
    }

    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let unit = "use a number in [0, 1]";
        require(self.batch_size > 0, "cloning.batch_size", &self.batch_size, "use at least 1")?;
        require(positive(self.lr), "cloning.lr", &self.lr, "use a positive number")?;
        require((0.0..=1.0).contains(&self.final_lr), "cloning.final_lr", &self.final_lr, unit)?;
        let decay = self.weight_decay;
        require(decay >= 0.0 && decay.is_finite(), "cloning.weight_decay", &decay, "use 0 or more")?;
        require((0.0..=1.0).contains(&self.ema_decay), "cloning.ema_decay", &self.ema_decay, unit)?;
        require((0.0..=1.0).contains(&self.hindsight), "cloning.hindsight", &self.hindsight, unit)?;
        let window = self.hindsight_window;
        require(window > 0, "cloning.hindsight_window", &window, "use at least 1")
    }
}

/// The learner. It acts, and is a [`Policy`], by the averaged weights.
#[derive(Debug)]
pub struct BehaviourCloning<P> {
    config: BehaviourCloningConfig,
    /// The weights that learn.
    policy: P,
    /// The averaged weights.
    actor: ChunkActor<P>,
    /// The encoder that learns, where observations are pictures.
    eye: Option<Eye>,
    optimizer: Adam,
    updates: u64,
    rng: Xoshiro256PlusPlus,
    obs: Vec<f32>,
    chunks: Vec<f32>,
    valid: Vec<f32>,
}

/// An encoder that learns.
#[derive(Debug)]
struct Eye {
    sight: Sight,
    /// Pixels that pictures are shifted by at most.
    shift: u32,
    optimizer: Adam,
}

impl<P: GenerativePolicy> BehaviourCloning<P> {
    /// A learner of `policy` that normalises observations by what `normalizer` has seen (see
    /// [`normalizer_of`]), and of each chunk executes the first `executed` actions.
    ///
    /// # Errors
    /// When the configuration is wrong or the sizes are not those of the spec.
    pub fn new(
        config: &BehaviourCloningConfig,
        policy: P,
        normalizer: ObservationNormalizer,
        executed: usize,
        spec: &EnvSpec,
        seed: u64,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        rng.jump();
        let actor = ChunkActor::new(policy.frozen_copy()?, normalizer, spec, executed, seed)?;
        Ok(Self {
            config: config.clone(),
            optimizer: Adam::new(&policy, config.adam())?,
            policy,
            actor,
            eye: None,
            updates: 0,
            rng,
            obs: Vec::new(),
            chunks: Vec::new(),
            valid: Vec::new(),
        })
    }

    /// Lets the policy observe the features of pictures, by an encoder that learns with it and sees each
    /// picture shifted by at most `shift` pixels, and by another one like it that is averaged.
    ///
    /// # Errors
    /// When the policy wants another number of features, or the encoders differ.
    pub fn learn_to_see(mut self, sight: Sight, averaged: Sight, shift: u32) -> Result<Self, AgentError> {
        weights::copy(&averaged, &sight)?;
        self.actor.see_by(averaged)?;
        self.eye = Some(Eye { optimizer: Adam::new(&sight, self.config.adam())?, sight, shift });
        Ok(self)
    }

    /// Makes chunks what a regression leaves of the actions.
    #[must_use]
    pub fn on_residuals(mut self, residual: ResidualActions) -> Self {
        self.actor.draw_residuals(residual);
        self
    }

    /// One step on a batch of chunks, in the environment's units; returns the loss, the mean over the
    /// components that exist.
    ///
    /// # Errors
    /// When the batch's sizes are not the policy's, it learns to see pictures, or the device refuses.
    pub fn update(&mut self, batch: &ChunkBatch) -> Result<f32, AgentError> {
        self.actor.demonstrated(batch, &mut self.obs, &mut self.chunks)?;
        let shape = (batch.rows, self.policy.shape().obs);
        let obs = Tensor::from_slice(&self.obs, shape, self.policy.device()).map_err(NnError::from)?;
        self.learn(&obs, batch)
    }

    /// As [`update`](Self::update), of a policy that [learns to see](Self::learn_to_see), with what it saw before
    /// each chunk: stacks of pictures, `[rows, frames, side, side, 3]`.
    ///
    /// # Errors
    /// When the batch's sizes are not the policy's, or the device refuses.
    ///
    /// # Panics
    /// When it does not learn to see.
    pub fn update_from_pictures(&mut self, batch: &ChunkBatch, stacks: &[u8]) -> Result<f32, AgentError> {
        self.actor.demonstrated_actions(batch, &mut self.chunks)?;
        let Eye { sight, shift, .. } = self.eye.as_ref().expect("the learner was told to see");
        let obs = sight.forward(&sight.shifted(stacks, batch.rows, *shift, &mut self.rng)?)?;
        self.learn(&obs, batch)
    }

    /// One step towards the present chunks, which followed `obs`.
    fn learn(&mut self, obs: &Tensor, batch: &ChunkBatch) -> Result<f32, AgentError> {
        let (shape, rows) = (self.policy.shape(), batch.rows);
        self.valid.clear();
        let components = batch.valid.iter().flat_map(|valid| std::iter::repeat_n(*valid, shape.act));
        self.valid.extend(components.map(f32::from));

        let device = self.policy.device();
        let chunks =
            Tensor::from_slice(&self.chunks, (rows, shape.width()), device).map_err(NnError::from)?;
        let draw = NoiseDraw::new(&mut self.rng, rows, shape.width(), device)?;
        let errors = self.policy.one_step_loss(obs, &chunks, &draw)?;
        let loss = self.masked_mean(&errors)?;
        let gradients = loss.backward().map_err(NnError::from)?;
        self.optimizer.step(&gradients)?;

        let n = self.updates as f64;
        let decay = self.config.ema_decay.min((1.0 + n) / (10.0 + n));
        weights::polyak(self.actor.policy(), &self.policy, 1.0 - decay)?;
        if let (Some(eye), Some(averaged)) = (&mut self.eye, self.actor.sight()) {
            eye.optimizer.step(&gradients)?;
            weights::polyak(averaged, &eye.sight, 1.0 - decay)?;
        }
        self.updates += 1;
        Ok(loss.to_scalar().map_err(NnError::from)?)
    }

    /// The mean over components that are not padding.
    fn masked_mean(&self, errors: &Tensor) -> Result<Tensor, NnError> {
        let valid = Tensor::from_slice(&self.valid, errors.shape(), errors.device())?;
        let count = self.valid.iter().sum::<f32>().max(1.0);
        Ok(((errors * valid)?.sum_all()? / f64::from(count))?)
    }

    /// Sets the step size for this share of training done, in [0, 1].
    pub fn anneal(&mut self, progress: f64) {
        let left = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        let share = self.config.final_lr + (1.0 - self.config.final_lr) * left;
        self.optimizer.set_lr(self.config.lr * share);
        if let Some(eye) = &mut self.eye {
            eye.optimizer.set_lr(self.config.lr * share);
        }
    }

    /// The policy of the averaged weights.
    pub fn actor(&self) -> &ChunkActor<P> {
        &self.actor
    }

    /// The actor alone, when training is over.
    pub fn into_actor(self) -> ChunkActor<P> {
        self.actor
    }

    /// Number of updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

/// Mean and deviation of all observations of a dataset.
pub fn normalizer_of(dataset: &Dataset) -> ObservationNormalizer {
    let mut normalizer = ObservationNormalizer::new(dataset.info().obs_size, OBS_CLIP);
    dataset.episodes().for_each(|episode| normalizer.update(episode.obs));
    normalizer.freeze();
    normalizer
}

impl<P: GenerativePolicy> Policy for BehaviourCloning<P> {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.actor.act(obs, rows, mode, actions)
    }

    fn episode_ended(&mut self, row: usize) {
        self.actor.episode_ended(row);
    }

    fn proposals(
        &mut self,
        obs: &[f32],
        count: usize,
        seed: u64,
        chunks: &mut Vec<f32>,
    ) -> Result<usize, AgentError> {
        self.actor.proposals(obs, count, seed, chunks)
    }
}

/// The averaged weights.
impl<P: GenerativePolicy> Parameters for BehaviourCloning<P> {
    fn named(&self) -> Vec<(String, &Var)> {
        let encoder = self.actor.sight().map_or_else(Vec::new, Parameters::named);
        [encoder, self.actor.policy().named()].concat()
    }
}

impl<P: GenerativePolicy> Checkpoint for BehaviourCloning<P> {
    fn save(&self, out: &mut Writer) {
        weights::save_values(&self.policy, out);
        out.part("actor", &self.actor);
        if let Some(eye) = &self.eye {
            out.part("sight", &eye.sight);
            out.part("sight_optimizer", &eye.optimizer);
        }
        out.part("optimizer", &self.optimizer);
        out.value("updates", &self.updates);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(&self.policy, from)?;
        from.part("actor", &mut self.actor)?;
        if let Some(eye) = &mut self.eye {
            from.part("sight", &mut eye.sight)?;
            from.part("sight_optimizer", &mut eye.optimizer)?;
        }
        from.part("optimizer", &mut self.optimizer)?;
        self.updates = from.value("updates")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}
