//! DrQ, soft actor-critic from pictures: Kostrikov et al., "Image Augmentation Is All You Need: Regularizing Deep
//! Reinforcement Learning from Pixels", 2020, arXiv 2004.13649.
//!
//! One encoder h turns a stack of pictures into features, in which actor and critics of
//! [soft actor-critic](crate::Sac) see the world. Every picture that is learned from is shifted at random first,
//! s -> f(s, nu), and the critics teach the encoder to see past that:
//!
//! y = r + gamma (1 - terminated) (min_i Q_thetabar_i(f(s', nu'), a') - alpha log pi(a'|f(s', nu'))),
//! a' ~ pi(.|f(s', nu'))
//!
//! J_Q = E[1/2 (Q_theta_i(f(s, nu), a) - y)^2]
//!
//! Only J_Q moves the encoder; the actor's gradient stops there. Targets see through a slow copy of it, as
//! through slow copies of the critics. Two things are DrQ-v2's (Yarats et al. 2021, arXiv 2107.09645): one
//! shift of each picture in place of averages over two (K = M = 1), and the actor learns from the features that the
//! critics have just learned from. One is ours: the paper gives actor and critics projections of their own
//! behind the convolutions, here they share the critics'.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{BoxSpace, EnvSpec, StackShape};
use telos_nn::{
    Adam, AdamConfig, Device, NnError, Parameters, PixelEncoder, PixelScratch, Tensor, Var, weights,
};

use crate::{
    ActMode, AgentError, DrqConfig, PictureBatch, Policy, SacConfig, SacMetrics,
    actor_critic::ActorCritic,
    critics::squared_error,
    offline::Agent,
    random_shift::Shift,
    soft_actor::SoftActor,
    transitions::{Columns, Transitions},
};

/// The learner. Its observations are stacks of pictures, in levels from 0 to 255. What it shares with soft
/// actor-critic keeps its settings; the paper's are step sizes of 1e-3, tau 0.01, both periods 2, a first
/// temperature of 0.1, two hidden layers of 1024 units and batches of 512 (appendix B).
pub struct Drq {
    config: SacConfig,
    shape: StackShape,
    /// h of actor and critics, and its moving average.
    encoder: PixelEncoder,
    target_encoder: PixelEncoder,
    encoder_optimizer: Adam,
    /// pi_phi and alpha; Q_theta1 and Q_theta2, and their moving averages.
    nets: ActorCritic<SoftActor>,
    updates: u64,
    /// Pixels of nu and nu' at most.
    pad: u32,
    /// Of nu and nu'.
    shift_rng: Xoshiro256PlusPlus,
    seen: Seen,
}

/// What acting sees, kept from step to step.
#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    pictures: Vec<f32>,
    features: Vec<f32>,
    scratch: PixelScratch,
}

impl Drq {
    /// A learner for environments of this spec that show pictures of this shape, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, the pictures are too small for the encoder, an action component has no
    /// finite bounds, or the device refuses.
    pub fn new(
        config: &SacConfig,
        encoder: &DrqConfig,
        shape: StackShape,
        spec: &EnvSpec,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        encoder.validate()?;
        AgentError::check_length("obs", spec.observation.size(), shape.size())?;
        let mut init_rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut shift_rng = init_rng.clone();
        shift_rng.long_jump();
        let (network, picture) = (encoder.network(), (shape.side, 3 * shape.frames));
        let online = PixelEncoder::new("encoder", &network, picture, &mut init_rng.clone(), device)?;
        let target = PixelEncoder::new("target_encoder", &network, picture, &mut init_rng, device)?;
        let features = BoxSpace::uniform(encoder.features, -1.0, 1.0);
        let featured = EnvSpec { observation: features, ..spec.clone() };
        let lr = config.critic_lr;
        Ok(Self {
            config: config.clone(),
            shape,
            encoder_optimizer: Adam::new(&online, AdamConfig { lr, ..AdamConfig::default() })?,
            encoder: online,
            target_encoder: target,
            nets: ActorCritic::soft(config, &featured, &mut init_rng, device)?,
            updates: 0,
            pad: encoder.shift,
            shift_rng,
            seen: Seen::default(),
        })
    }

    /// One update: critics and encoder, then actor and temperature, then targets, the latter two in the rhythm
    /// of the configuration.
    ///
    /// # Errors
    /// When the batch does not fit the environment, a gradient is not finite, or the device refuses.
    pub fn update(&mut self, batch: &PictureBatch) -> Result<SacMetrics, AgentError> {
        let size = batch.rows * self.shape.size();
        AgentError::check_length("obs", batch.obs.len(), size)?;
        AgentError::check_length("next_obs", batch.next_obs.len(), size)?;
        let obs = self.shifted(&batch.obs, batch.rows)?;
        let next_obs = self.shifted(&batch.next_obs, batch.rows)?;
        let columns =
            Columns { actions: &batch.actions, rewards: &batch.rewards, terminated: &batch.terminated };
        let transitions = self.nets.reader.assemble(
            self.encoder.forward(&obs)?,
            self.encoder.forward_frozen(&next_obs)?,
            columns,
        )?;
        let target_features = self.target_encoder.forward_frozen(&next_obs)?;
        Ok(self.step(&transitions, &target_features)?)
    }

    /// `batch` is seen through h, `target_features` are s' seen through its moving average.
    fn step(&mut self, batch: &Transitions, target_features: &Tensor) -> Result<SacMetrics, NnError> {
        let ActorCritic { actor, critics, .. } = &mut self.nets;
        let temperature = actor.temperature()?;
        // y.
        let (next_actions, log_prob) = actor.sample_frozen(&batch.next_obs, 1)?;
        let next_q = critics.target_min(target_features, &next_actions)?;
        let y = batch.target(&(next_q - log_prob.affine(temperature.into(), 0.0)?)?)?;
        // J_Q.
        let q = critics.values(&batch.obs_actions()?)?;
        let loss = squared_error(&q, &y)?.affine(0.5, 0.0)?;
        let gradients = loss.backward()?;
        critics.step(&gradients)?;
        self.encoder_optimizer.step(&gradients)?;
        let (critic_loss, q) = (loss.to_scalar()?, q.detach().mean_all()?.to_scalar()?);
        self.updates += 1;
        let mut metrics = SacMetrics { critic_loss, q, temperature, actor_loss: None, entropy: None };
        if self.updates.is_multiple_of(self.config.actor_period) {
            let features = batch.obs.detach();
            let (actor_loss, entropy) = actor
                .improve(&features, |actions| Ok(critics.frozen_values(&features, actions)?.min(0)?))?;
            if self.config.learn_temperature {
                actor.step_temperature(entropy)?;
            }
            (metrics.actor_loss, metrics.entropy) = (Some(actor_loss), Some(entropy));
        }
        if self.updates.is_multiple_of(self.config.target_period) {
            critics.move_targets(self.config.tau)?;
            weights::polyak(&self.target_encoder, &self.encoder, self.config.tau.into())?;
        }
        Ok(metrics)
    }

    /// f(s, nu) of a column of stacks, as `[rows, side, side, 3 frames]`.
    fn shifted(&mut self, stacks: &[u8], rows: usize) -> Result<Tensor, NnError> {
        let size = self.shape.size();
        let mut pictures = vec![0.0; rows * size];
        for (stack, picture) in stacks.chunks_exact(size).zip(pictures.chunks_exact_mut(size)) {
            Shift::draw(self.pad, &mut self.shift_rng).apply(self.shape, stack, picture);
        }
        let (side, channels) = (self.shape.side, 3 * self.shape.frames);
        Ok(Tensor::from_vec(pictures, (rows, side, side, channels), self.nets.reader.device())?)
    }

    /// The features of a column of observations, unshifted.
    fn see(&mut self, obs: &[f32], rows: usize) -> Result<(), AgentError> {
        let size = self.shape.size();
        AgentError::check_length("obs", obs.len(), rows * size)?;
        let Seen { bytes, pictures, features, scratch } = &mut self.seen;
        bytes.clear();
        bytes.extend(obs.iter().map(|level| *level as u8));
        pictures.resize(obs.len(), 0.0);
        for (stack, picture) in bytes.chunks_exact(size).zip(pictures.chunks_exact_mut(size)) {
            Shift::default().apply(self.shape, stack, picture);
        }
        features.resize(rows * self.encoder.features(), 0.0);
        Ok(self.encoder.infer(pictures, rows, scratch, features)?)
    }
}

impl Policy for Drq {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.see(obs, rows)?;
        self.nets.act(&self.seen.features, rows, mode, actions)
    }

    fn expected_return(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        out: &mut [f32],
    ) -> Result<bool, AgentError> {
        self.see(obs, rows)?;
        Agent::values(&mut self.nets, &self.seen.features, actions, out)
    }
}

impl Parameters for Drq {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 3] = [&self.encoder, &self.target_encoder, &self.nets];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for Drq {
    fn save(&self, out: &mut Writer) {
        out.part("encoder", &self.encoder);
        out.part("target_encoder", &self.target_encoder);
        out.part("encoder_optimizer", &self.encoder_optimizer);
        out.part("nets", &self.nets);
        out.value("updates", &self.updates);
        out.value("shift_rng", &self.shift_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("encoder", &mut self.encoder)?;
        from.part("target_encoder", &mut self.target_encoder)?;
        from.part("encoder_optimizer", &mut self.encoder_optimizer)?;
        from.part("nets", &mut self.nets)?;
        self.updates = from.value("updates")?;
        self.shift_rng = from.value("shift_rng")?;
        Ok(())
    }
}
