//! Collection and updates shared by every loop around an off-policy learner.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, AgentError, Drq, PictureBatch, PictureReplay, Policy, Replay, ReplayBatch, Sac, SacMetrics,
};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{Env, EnvError, PixelsConfig, StepBatch, VecEnv};
use telos_nn::{Device, Parameters};

use super::{episodes::EpisodeWindow, means::RunningMeans};
use crate::{TelosError, config::Config};

/// Keeps the exploration noise of a run apart from its environments' seeds.
const EXPLORATION_STREAM: u64 = 0x9e37_79b9_7f4a_7c15;

/// What an off-policy learner remembers.
pub(super) trait Memory: Checkpoint {
    /// Transitions drawn from it.
    type Batch: Default;

    fn push(&mut self, obs: &[f32], actions: &[f32], rewards: &[f32], step: &StepBatch);

    fn sample(&self, rng: &mut Xoshiro256PlusPlus, rows: usize, batch: &mut Self::Batch);
}

/// A soft actor-critic that learns from batches of a [`Memory`].
pub(super) trait SoftLearner<B>: Policy + Parameters + Checkpoint {
    fn update(&mut self, batch: &B) -> Result<SacMetrics, AgentError>;
}

impl Memory for Replay {
    type Batch = ReplayBatch;

    fn push(&mut self, obs: &[f32], actions: &[f32], rewards: &[f32], step: &StepBatch) {
        self.push(obs, actions, rewards, step);
    }

    fn sample(&self, rng: &mut Xoshiro256PlusPlus, rows: usize, batch: &mut ReplayBatch) {
        self.sample(rng, rows, batch);
    }
}

impl SoftLearner<ReplayBatch> for Sac {
    fn update(&mut self, batch: &ReplayBatch) -> Result<SacMetrics, AgentError> {
        self.update(batch)
    }
}

impl Memory for PictureReplay {
    type Batch = PictureBatch;

    fn push(&mut self, obs: &[f32], actions: &[f32], rewards: &[f32], step: &StepBatch) {
        self.push(obs, actions, rewards, step);
    }

    fn sample(&self, rng: &mut Xoshiro256PlusPlus, rows: usize, batch: &mut PictureBatch) {
        self.sample(rng, rows, batch);
    }
}

impl SoftLearner<PictureBatch> for Drq {
    fn update(&mut self, batch: &PictureBatch) -> Result<SacMetrics, AgentError> {
        self.update(batch)
    }
}

/// Environments, memory and a soft actor-critic, advanced one vector step at a time: [`Replay`] and [`Sac`], or
/// [`PictureReplay`] and [`Drq`] for environments that show pictures.
pub(super) struct OffPolicy<M: Memory = Replay, L = Sac> {
    pub(super) envs: VecEnv,
    pub(super) replay: M,
    pub(super) learner: L,
    pub(super) episodes: EpisodeWindow,
    pub(super) losses: RunningMeans,
    /// Environment steps taken, all environments together.
    pub(super) step: u64,
    /// Gradient updates of the schedule so far.
    pub(super) updates: u64,
    updates_per_step: f64,
    learning_starts: u64,
    batch_size: usize,
    obs: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    batch: M::Batch,
    rng: Xoshiro256PlusPlus,
}

impl OffPolicy {
    pub(super) fn new(config: &Config, device: &Device) -> Result<Self, TelosError> {
        Self::with_envs(config, device, || config.env.make())
    }

    /// With environments that `make` makes out of the configuration's.
    pub(super) fn with_envs(
        config: &Config,
        device: &Device,
        make: impl Fn() -> Result<Box<dyn Env>, EnvError>,
    ) -> Result<Self, TelosError> {
        let envs = vector(config, make)?;
        let spec = envs.spec();
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        let replay = Replay::new(capacity(config), obs_size, action_size);
        let learner = Sac::new(&config.sac, spec, config.seed, device)?;
        Ok(Self::assemble(config, envs, replay, learner))
    }
}

impl OffPolicy<PictureReplay, Drq> {
    /// With environments that `make` makes out of the configuration's, which show pictures.
    pub(super) fn from_pixels(
        config: &Config,
        pixels: &PixelsConfig,
        device: &Device,
        make: impl Fn() -> Result<Box<dyn Env>, EnvError>,
    ) -> Result<Self, TelosError> {
        let envs = vector(config, make)?;
        let (spec, shape) = (envs.spec(), pixels.shape());
        let replay = PictureReplay::new(capacity(config), envs.len(), shape, spec.action.size());
        let learner = Drq::new(&config.sac, &config.encoder, shape, spec, config.seed, device)?;
        Ok(Self::assemble(config, envs, replay, learner))
    }
}

fn vector(config: &Config, make: impl Fn() -> Result<Box<dyn Env>, EnvError>) -> Result<VecEnv, TelosError> {
    let env = &config.env;
    let mut envs = VecEnv::new(env.count, env.thread_count(), config.seed, |_| make())?;
    envs.reset();
    Ok(envs)
}

/// Transitions to remember, the same number for every environment.
fn capacity(config: &Config) -> usize {
    let capacity = config.training.replay_capacity.min(config.steps) as usize;
    capacity.next_multiple_of(config.env.count)
}

impl<M: Memory, L: SoftLearner<M::Batch>> OffPolicy<M, L> {
    fn assemble(config: &Config, envs: VecEnv, replay: M, learner: L) -> Self {
        let n = envs.len();
        Self {
            replay,
            learner,
            episodes: EpisodeWindow::default(),
            losses: RunningMeans::default(),
            step: 0,
            updates: 0,
            updates_per_step: config.training.updates_per_step,
            learning_starts: config.training.learning_starts,
            batch_size: config.sac.batch_size,
            obs: envs.batch().obs.clone(),
            actions: vec![0.0; n * envs.spec().action.size()],
            rewards: vec![0.0; n],
            batch: M::Batch::default(),
            rng: Xoshiro256PlusPlus::seed_from_u64(config.seed ^ EXPLORATION_STREAM),
            envs,
        }
    }

    /// One vector step: act (uniformly at random before `learning_starts`), step the environments,
    /// let `observe` fill the reward column from (observations, actions, environments after the
    /// step), store the rows.
    pub(super) fn collect(
        &mut self,
        observe: impl FnOnce(&[f32], &[f32], &VecEnv, &mut [f32]) -> Result<(), TelosError>,
    ) -> Result<(), TelosError> {
        let n = self.rewards.len();
        if self.step < self.learning_starts {
            let space = &self.envs.spec().action;
            for row in self.actions.chunks_exact_mut(space.size()) {
                for ((action, low), high) in row.iter_mut().zip(&space.low).zip(&space.high) {
                    *action = self.rng.random_range(*low..=*high);
                }
            }
        } else {
            self.learner.act(&self.obs, n, ActMode::Sample, &mut self.actions)?;
        }
        self.envs.step(&self.actions);
        observe(&self.obs, &self.actions, &self.envs, &mut self.rewards)?;
        let outcome = self.envs.batch();
        self.replay.push(&self.obs, &self.actions, &self.rewards, outcome);
        self.episodes.observe(outcome);
        self.obs.copy_from_slice(&outcome.obs);
        self.step += n as u64;
        Ok(())
    }

    /// The gradient updates that are due under the update-to-data ratio. `rewrite` may replace the
    /// rewards of a sampled batch before the learner sees it.
    pub(super) fn update(
        &mut self,
        mut rewrite: impl FnMut(&M, &mut M::Batch) -> Result<(), TelosError>,
    ) -> Result<(), TelosError> {
        let since_start = self.step.saturating_sub(self.learning_starts);
        let due = (since_start as f64 * self.updates_per_step) as u64;
        while self.updates < due {
            self.update_once(&mut rewrite)?;
            self.updates += 1;
        }
        Ok(())
    }

    /// Metrics since the last report, which they empty.
    pub(super) fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        let mut metrics = self.episodes.drain();
        metrics.extend(self.losses.drain());
        metrics
    }

    /// The policy's and the critics' weights.
    pub(super) fn weights(&self) -> Vec<&dyn Parameters> {
        vec![&self.learner]
    }

    /// One gradient update outside the schedule.
    pub(super) fn update_once(
        &mut self,
        rewrite: &mut impl FnMut(&M, &mut M::Batch) -> Result<(), TelosError>,
    ) -> Result<(), TelosError> {
        self.replay.sample(&mut self.rng, self.batch_size, &mut self.batch);
        rewrite(&self.replay, &mut self.batch)?;
        let SacMetrics { critic_loss, q, temperature, actor_loss, entropy } =
            self.learner.update(&self.batch)?;
        self.losses.add("sac/critic_loss", critic_loss);
        self.losses.add("sac/q", q);
        self.losses.add("sac/temperature", temperature);
        if let (Some(actor_loss), Some(entropy)) = (actor_loss, entropy) {
            self.losses.add("sac/actor_loss", actor_loss);
            self.losses.add("sac/entropy", entropy);
        }
        Ok(())
    }
}

impl<M: Memory, L: Checkpoint> Checkpoint for OffPolicy<M, L> {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("replay", &self.replay);
        out.part("learner", &self.learner);
        out.part("episodes", &self.episodes);
        out.part("losses", &self.losses);
        out.value("step", &self.step);
        out.value("updates", &self.updates);
        out.f32s("obs", &self.obs);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("replay", &mut self.replay)?;
        from.part("learner", &mut self.learner)?;
        from.part("episodes", &mut self.episodes)?;
        from.part("losses", &mut self.losses)?;
        self.step = from.value("step")?;
        self.updates = from.value("updates")?;
        from.f32s("obs", &mut self.obs)?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}
