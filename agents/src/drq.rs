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
use telos_nn::{Adam, AdamConfig, Device, NnError, Parameters, Tensor, Var, weights};

use crate::{
    ActMode, AgentError, DrqConfig, PictureBatch, Policy, SacConfig, SacMetrics, Sight,
    actor_critic::ActorCritic,
    critics::squared_error,
    offline::Agent,
    soft_actor::SoftActor,
    transitions::{Columns, Transitions},
};

/// The learner. Its observations are stacks of pictures, in levels from 0 to 255. What it shares with soft
/// actor-critic keeps its settings; the paper's are step sizes of 1e-3, tau 0.01, both periods 2, a first
/// temperature of 0.1, two hidden layers of 1024 units and batches of 512 (appendix B).
pub struct Drq {
    config: SacConfig,
    /// h of actor and critics, and its moving average.
    encoder: Sight,
    target_encoder: Sight,
    encoder_optimizer: Adam,
    /// pi_phi and alpha; Q_theta1 and Q_theta2, and their moving averages.
    nets: ActorCritic<SoftActor>,
    updates: u64,
    /// Pixels of nu and nu' at most.
    pad: u32,
    /// Of nu and nu'.
    shift_rng: Xoshiro256PlusPlus,
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
        AgentError::check_length("obs", spec.observation.size(), shape.size())?;
        let mut init_rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut shift_rng = init_rng.clone();
        shift_rng.long_jump();
        let online = Sight::new("encoder", encoder, shape, &mut init_rng.clone(), device)?;
        let target = Sight::new("target_encoder", encoder, shape, &mut init_rng, device)?;
        let features = BoxSpace::uniform(encoder.features, -1.0, 1.0);
        let featured = EnvSpec { observation: features, ..spec.clone() };
        let lr = config.critic_lr;
        Ok(Self {
            config: config.clone(),
            encoder_optimizer: Adam::new(&online, AdamConfig { lr, ..AdamConfig::default() })?,
            encoder: online,
            target_encoder: target,
            nets: ActorCritic::soft(config, &featured, &mut init_rng, device)?,
            updates: 0,
            pad: encoder.shift,
            shift_rng,
        })
    }

    /// One update: critics and encoder, then actor and temperature, then targets, the latter two in the rhythm
    /// of the configuration.
    ///
    /// # Errors
    /// When the batch does not fit the environment, a gradient is not finite, or the device refuses.
    pub fn update(&mut self, batch: &PictureBatch) -> Result<SacMetrics, AgentError> {
        let mut shifted =
            |stacks: &[u8]| self.encoder.shifted(stacks, batch.rows, self.pad, &mut self.shift_rng);
        let (obs, next_obs) = (shifted(&batch.obs)?, shifted(&batch.next_obs)?);
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
}

impl Policy for Drq {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.nets.act(self.encoder.see(obs, rows)?, rows, mode, actions)
    }

    fn expected_return(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        out: &mut [f32],
    ) -> Result<bool, AgentError> {
        Agent::values(&mut self.nets, self.encoder.see(obs, rows)?, actions, out)
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
