//! Soft Actor-Critic with automatic temperature: Haarnoja et al., "Soft Actor-Critic Algorithms and
//! Applications", 2018, arXiv 1812.05905. Equation numbers are the paper's.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{Device, Mlp, MlpConfig, MlpEnsemble, NnError, Parameters, SquashedGaussian, Tensor, Var};

use crate::{
    ActMode, AgentError, Policy, ReplayBatch, SacConfig,
    actor_critic::ActorCritic,
    critics::{Critics, squared_error},
    offline::Agent,
    soft_actor::{SoftActor, SoftActorConfig},
    transitions::{TransitionReader, Transitions},
};

/// What one update did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SacMetrics {
    /// J_Q of equation 5, summed over both critics.
    pub critic_loss: f32,
    /// Mean of the critics' values over batch and critics.
    pub q: f32,
    /// The temperature alpha that the update used.
    pub temperature: f32,
    /// J_pi of equation 7; none where the actor took no step.
    pub actor_loss: Option<f32>,
    /// Estimate of the policy's entropy in nats, of the action scaled to [-1, 1]; none where the
    /// actor took no step.
    pub entropy: Option<f32>,
}

/// The learner: a tanh-Gaussian actor, twin critics with slow targets, and a temperature.
///
/// ```
/// use rand::SeedableRng;
/// use telos_agents::{ActMode, Policy, Replay, ReplayBatch, Sac, SacConfig};
/// use telos_envs::{VecEnv, registry};
/// use telos_nn::Device;
///
/// let mut envs = VecEnv::new(2, 1, 0, |_| registry::make("pendulum-classic"))?;
/// let config = SacConfig { hidden: vec![16], ..SacConfig::default() };
/// let mut sac = Sac::new(&config, envs.spec(), 0, &Device::Cpu)?;
/// let mut replay = Replay::new(1000, 3, 1);
/// let mut batch = ReplayBatch::default();
/// let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(0);
/// let mut obs = envs.reset().obs.clone();
/// let mut actions = [0.0; 2];
/// for _ in 0..10 {
///     sac.act(&obs, 2, ActMode::Sample, &mut actions)?;
///     let step = envs.step(&actions);
///     replay.push(&obs, &actions, &step.reward, step);
///     obs.copy_from_slice(&step.obs);
///     replay.sample(&mut rng, config.batch_size, &mut batch);
///     assert!(sac.update(&batch)?.critic_loss.is_finite());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sac {
    config: SacConfig,
    /// pi_phi and alpha; Q_theta1 and Q_theta2, and the moving averages Q_thetabar of equation 5.
    pub(crate) nets: ActorCritic<SoftActor>,
    updates: u64,
    init_rng: Xoshiro256PlusPlus,
}

impl Sac {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &SacConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let mut init_rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let nets = ActorCritic::soft(config, spec, &mut init_rng, device)?;
        Ok(Self { config: config.clone(), nets, updates: 0, init_rng })
    }

    /// One step of algorithm 1: critics, then actor and temperature, then target critics, the
    /// latter two in the rhythm of the configuration.
    ///
    /// # Errors
    /// When the batch does not fit the environment, a gradient is not finite, or the device refuses.
    pub fn update(&mut self, batch: &ReplayBatch) -> Result<SacMetrics, AgentError> {
        let transitions = self.nets.reader.read(batch)?;
        Ok(self.step(&transitions)?)
    }

    fn step(&mut self, batch: &Transitions) -> Result<SacMetrics, NnError> {
        let temperature = self.nets.actor.temperature()?;
        let target = self.target(batch, temperature)?;
        let (critic_loss, q) = self.step_critics(&batch.obs_actions()?, &target)?;
        self.updates += 1;
        let mut metrics = SacMetrics { critic_loss, q, temperature, actor_loss: None, entropy: None };
        if self.updates.is_multiple_of(self.config.actor_period) {
            // Equation 7.
            let ActorCritic { actor, critics, .. } = &mut self.nets;
            let least = |actions: &Tensor| -> Result<Tensor, NnError> {
                Ok(critics.frozen_values(&batch.obs, actions)?.min(0)?)
            };
            let (actor_loss, entropy) = actor.improve(&batch.obs, least)?;
            if self.config.learn_temperature {
                actor.step_temperature(entropy)?;
            }
            (metrics.actor_loss, metrics.entropy) = (Some(actor_loss), Some(entropy));
        }
        if self.updates.is_multiple_of(self.config.target_period) {
            self.nets.critics.move_targets(self.config.tau)?;
        }
        Ok(metrics)
    }

    /// Equations 2 and 3: `y = r + gamma (1 - terminated) (min_i Q_thetabar_i(s', a') - alpha log pi(a'|s'))`
    /// with `a' ~ pi(.|s')`, as `[b]`.
    fn target(&mut self, batch: &Transitions, temperature: f32) -> Result<Tensor, NnError> {
        let (next_actions, log_prob) = self.nets.actor.sample_frozen(&batch.next_obs, 1)?;
        let next_q = self.nets.critics.target_min(&batch.next_obs, &next_actions)?;
        batch.target(&(next_q - log_prob.affine(temperature.into(), 0.0)?)?)
    }

    /// Equation 5, `J_Q = E[1/2 (Q_theta_i(s, a) - y)^2]`, summed over the critics; returns it and
    /// the mean value.
    fn step_critics(&mut self, obs_actions: &Tensor, target: &Tensor) -> Result<(f32, f32), NnError> {
        let q = self.nets.critics.values(obs_actions)?;
        let loss = squared_error(&q, target)?.affine(0.5, 0.0)?;
        self.nets.critics.descend(&loss)?;
        Ok((loss.to_scalar()?, q.detach().mean_all()?.to_scalar()?))
    }

    /// Draws both critics anew, makes the targets equal to them and forgets the optimiser's moments,
    /// as PEBBLE does when the reward changes its nature (Lee et al. 2021, arXiv 2106.05091).
    ///
    /// # Errors
    /// When the device refuses.
    pub fn reset_critics(&mut self) -> Result<(), AgentError> {
        Ok(self.nets.critics.redraw(&mut self.init_rng)?)
    }

    /// The temperature alpha.
    ///
    /// # Errors
    /// When the device cannot be read.
    pub fn temperature(&self) -> Result<f32, NnError> {
        self.nets.actor.temperature()
    }

    /// The actor: observation -> means and log standard deviations of the action before tanh.
    pub fn actor(&self) -> &Mlp {
        self.nets.actor.net()
    }

    /// The twin critics: observation and action (scaled to [-1, 1]) -> soft value.
    pub fn critics(&self) -> &MlpEnsemble {
        self.nets.critics.online()
    }

    /// The slow copies of the critics that make the targets.
    pub fn target_critics(&self) -> &MlpEnsemble {
        self.nets.critics.target()
    }

    /// Number of updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

impl ActorCritic<SoftActor> {
    /// The networks of soft actor-critic for environments of this spec, with weights drawn from `rng`.
    pub(crate) fn soft(
        config: &SacConfig,
        spec: &EnvSpec,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, AgentError> {
        let reader = TransitionReader::new(spec, config.gamma, device)?;
        let (obs_size, action_size) = (reader.obs_size(), reader.action_size());
        let actor_config = SoftActorConfig {
            hidden: &config.hidden,
            actor_lr: config.actor_lr,
            temperature_lr: config.temperature_lr,
            initial_temperature: config.initial_temperature,
            target_entropy: config.target_entropy.unwrap_or(-(action_size as f32)),
            distribution: SquashedGaussian {
                log_std_min: config.log_std_min,
                log_std_max: config.log_std_max,
            },
        };
        let actor = SoftActor::new(&actor_config, obs_size, action_size, rng, device)?;
        let shape = MlpConfig {
            inputs: obs_size + action_size,
            hidden: config.hidden.clone(),
            outputs: 1,
            ..MlpConfig::default()
        };
        let critics = Critics::new(2, shape, config.critic_lr, rng, device)?;
        Ok(Self { reader, actor, critics })
    }
}

impl Policy for Sac {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.nets.act(obs, rows, mode, actions)
    }

    fn expected_return(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        _rows: usize,
        out: &mut [f32],
    ) -> Result<bool, AgentError> {
        Agent::values(&mut self.nets, obs, actions, out)
    }
}

impl Parameters for Sac {
    fn named(&self) -> Vec<(String, &Var)> {
        self.nets.named()
    }
}

impl Checkpoint for Sac {
    fn save(&self, out: &mut Writer) {
        self.nets.save(out);
        out.value("updates", &self.updates);
        out.value("init_rng", &self.init_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.nets.load(from)?;
        self.updates = from.value("updates")?;
        self.init_rng = from.value("init_rng")?;
        Ok(())
    }
}
