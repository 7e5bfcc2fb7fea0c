//! Soft Actor-Critic with automatic temperature: Haarnoja et al., "Soft Actor-Critic Algorithms and
//! Applications", 2018, arXiv 1812.05905. Equation numbers are the paper's.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{
    Adam, AdamConfig, Device, Mlp, MlpConfig, MlpEnsemble, NnError, Parameter, Parameters, SquashedGaussian,
    Tensor, Var, gaussian, weights,
};

use crate::{ActMode, ActionRange, AgentError, Policy, ReplayBatch, SacConfig};

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
    range: ActionRange,
    obs_size: usize,
    target_entropy: f32,
    device: Device,
    /// pi_phi: observation -> means and log standard deviations of the action before tanh.
    actor: Mlp,
    distribution: SquashedGaussian,
    /// Q_theta1 and Q_theta2: observation and action -> soft value.
    critics: MlpEnsemble,
    /// The moving averages Q_thetabar of equation 5.
    target_critics: MlpEnsemble,
    /// log alpha; learning its logarithm keeps the temperature positive.
    log_temperature: Parameter,
    actor_optimizer: Adam,
    critic_optimizer: Adam,
    temperature_optimizer: Adam,
    updates: u64,
    /// Separate generators, so that how often one acts does not change how one learns.
    init_rng: Xoshiro256PlusPlus,
    act_rng: Xoshiro256PlusPlus,
    update_rng: Xoshiro256PlusPlus,
    output: Vec<f32>,
    noise: Vec<f32>,
    actions: Vec<f32>,
}

impl Sac {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &SacConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let range = ActionRange::new(spec)?;
        let (obs_size, action_size) = (spec.observation.size(), range.size());
        let mut init_rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut act_rng = init_rng.clone();
        act_rng.jump();
        let mut update_rng = act_rng.clone();
        update_rng.jump();

        let hidden = config.hidden.clone();
        let actor_shape =
            MlpConfig { inputs: obs_size, hidden, outputs: 2 * action_size, ..MlpConfig::default() };
        let actor = Mlp::new("actor", &actor_shape, &mut init_rng, device)?;
        let critics = draw_critics("critics", config, obs_size + action_size, &mut init_rng, device)?;
        let target_critics =
            draw_critics("target_critics", config, obs_size + action_size, &mut init_rng.clone(), device)?;
        weights::copy(&target_critics, &critics)?;
        let log_temperature =
            Parameter::new("log_temperature", &[1], vec![config.initial_temperature.ln()], device)?;
        let adam = |lr| AdamConfig { lr, ..AdamConfig::default() };
        Ok(Self {
            actor_optimizer: Adam::new(&actor, adam(config.actor_lr))?,
            critic_optimizer: Adam::new(&critics, adam(config.critic_lr))?,
            temperature_optimizer: Adam::new(&log_temperature, adam(config.temperature_lr))?,
            distribution: SquashedGaussian {
                log_std_min: config.log_std_min,
                log_std_max: config.log_std_max,
            },
            target_entropy: config.target_entropy.unwrap_or(-(action_size as f32)),
            config: config.clone(),
            device: device.clone(),
            updates: 0,
            output: Vec::new(),
            noise: Vec::new(),
            actions: Vec::new(),
            range,
            obs_size,
            actor,
            critics,
            target_critics,
            log_temperature,
            init_rng,
            act_rng,
            update_rng,
        })
    }

    /// One step of algorithm 1: critics, then actor and temperature, then target critics, the
    /// latter two in the rhythm of the configuration.
    ///
    /// # Errors
    /// When the batch does not fit the environment, a gradient is not finite, or the device refuses.
    pub fn update(&mut self, batch: &ReplayBatch) -> Result<SacMetrics, AgentError> {
        let (rows, action_size) = (batch.rows, self.range.size());
        AgentError::check_length("obs", batch.obs.len(), rows * self.obs_size)?;
        AgentError::check_length("actions", batch.actions.len(), rows * action_size)?;
        AgentError::check_length("rewards", batch.rewards.len(), rows)?;
        AgentError::check_length("next_obs", batch.next_obs.len(), rows * self.obs_size)?;
        AgentError::check_length("terminated", batch.terminated.len(), rows)?;
        Ok(self.step(batch)?)
    }

    fn step(&mut self, batch: &ReplayBatch) -> Result<SacMetrics, NnError> {
        let (rows, action_size) = (batch.rows, self.range.size());
        self.actions.clone_from(&batch.actions);
        self.range.to_policy(&mut self.actions);
        let obs = Tensor::from_slice(&batch.obs, (rows, self.obs_size), &self.device)?;
        let actions = Tensor::from_slice(&self.actions, (rows, action_size), &self.device)?;
        let temperature = self.temperature()?;

        let target = self.target(batch, temperature)?;
        let (critic_loss, q) = self.step_critics(&Tensor::cat(&[&obs, &actions], 1)?, &target)?;
        self.updates += 1;
        let mut metrics = SacMetrics { critic_loss, q, temperature, actor_loss: None, entropy: None };
        if self.updates.is_multiple_of(self.config.actor_period) {
            let (actor_loss, entropy) = self.step_actor(&obs, rows, temperature)?;
            if self.config.learn_temperature {
                self.step_temperature(entropy)?;
            }
            (metrics.actor_loss, metrics.entropy) = (Some(actor_loss), Some(entropy));
        }
        if self.updates.is_multiple_of(self.config.target_period) {
            weights::polyak(&self.target_critics, &self.critics, self.config.tau.into())?;
        }
        Ok(metrics)
    }

    /// Equations 2 and 3: `y = r + gamma (1 - terminated) (min_i Q_thetabar_i(s', a') - alpha log pi(a'|s'))`
    /// with `a' ~ pi(.|s')`, as `[1, b, 1]`. Truncation does not appear: such a state has a future.
    fn target(&mut self, batch: &ReplayBatch, temperature: f32) -> Result<Tensor, NnError> {
        let rows = batch.rows;
        let next_obs = Tensor::from_slice(&batch.next_obs, (rows, self.obs_size), &self.device)?;
        let noise = self.draw_noise(rows)?;
        let output = self.actor.forward_frozen(&next_obs)?;
        let (next_actions, log_prob) = self.distribution.sample(&output, &noise)?;
        let next = Tensor::cat(&[&next_obs, &next_actions], 1)?;
        let next_q = self.target_critics.forward_frozen(&next)?.min(0)?.squeeze(1)?;
        let next_value = (next_q - log_prob.affine(temperature.into(), 0.0)?)?;

        let discounts = batch.terminated.iter().map(|end| if *end { 0.0 } else { self.config.gamma });
        let discounts = Tensor::from_iter(discounts, &self.device)?;
        let rewards = Tensor::from_slice(&batch.rewards, rows, &self.device)?;
        Ok((rewards + discounts.mul(&next_value)?)?.reshape((1, rows, 1))?)
    }

    /// Equation 5, `J_Q = E[1/2 (Q_theta_i(s, a) - y)^2]`, summed over the critics; returns it and
    /// the mean value.
    fn step_critics(&mut self, obs_actions: &Tensor, target: &Tensor) -> Result<(f32, f32), NnError> {
        let q = self.critics.forward(obs_actions)?;
        let members = self.critics.members() as f64;
        let loss = q.broadcast_sub(target)?.sqr()?.mean_all()?.affine(0.5 * members, 0.0)?;
        self.critic_optimizer.backward_step(&loss)?;
        Ok((loss.to_scalar()?, q.detach().mean_all()?.to_scalar()?))
    }

    /// Equation 7, `J_pi = E[alpha log pi(f(eps; s)|s) - min_i Q_theta_i(s, f(eps; s))]`; returns it
    /// and the entropy `-E[log pi]`.
    fn step_actor(&mut self, obs: &Tensor, rows: usize, temperature: f32) -> Result<(f32, f32), NnError> {
        let noise = self.draw_noise(rows)?;
        let (actions, log_prob) = self.distribution.sample(&self.actor.forward(obs)?, &noise)?;
        let q = self.critics.forward_frozen(&Tensor::cat(&[obs, &actions], 1)?)?.min(0)?.squeeze(1)?;
        let loss = (log_prob.affine(temperature.into(), 0.0)? - q)?.mean_all()?;
        self.actor_optimizer.backward_step(&loss)?;
        Ok((loss.to_scalar()?, -log_prob.detach().mean_all()?.to_scalar::<f32>()?))
    }

    /// Equation 18, `J(alpha) = E[-alpha log pi(a|s) - alpha H]`, with the target entropy H.
    fn step_temperature(&mut self, entropy: f32) -> Result<(), NnError> {
        let surplus = f64::from(entropy - self.target_entropy);
        let loss = self.log_temperature.var().exp()?.affine(surplus, 0.0)?.sum_all()?;
        self.temperature_optimizer.backward_step(&loss)?;
        Ok(())
    }

    /// Draws both critics anew, makes the targets equal to them and forgets the optimiser's moments,
    /// as PEBBLE does when the reward changes its nature (Lee et al. 2021, arXiv 2106.05091).
    ///
    /// # Errors
    /// When the device refuses.
    pub fn reset_critics(&mut self) -> Result<(), AgentError> {
        let inputs = self.critics.inputs();
        let fresh = draw_critics("critics", &self.config, inputs, &mut self.init_rng, &self.device)?;
        weights::copy(&self.critics, &fresh)?;
        weights::copy(&self.target_critics, &fresh)?;
        Ok(self.critic_optimizer.reset()?)
    }

    /// The temperature alpha.
    ///
    /// # Errors
    /// When the device cannot be read.
    pub fn temperature(&self) -> Result<f32, NnError> {
        Ok(self.log_temperature.var().as_detached_tensor().exp()?.sum_all()?.to_scalar()?)
    }

    /// The actor: observation -> means and log standard deviations of the action before tanh.
    pub fn actor(&self) -> &Mlp {
        &self.actor
    }

    /// The twin critics: observation and action (scaled to [-1, 1]) -> soft value.
    pub fn critics(&self) -> &MlpEnsemble {
        &self.critics
    }

    /// The slow copies of the critics that make the targets.
    pub fn target_critics(&self) -> &MlpEnsemble {
        &self.target_critics
    }

    /// Number of updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    fn draw_noise(&mut self, rows: usize) -> Result<Tensor, NnError> {
        self.noise.resize(rows * self.range.size(), 0.0);
        gaussian::standard_normal(&mut self.update_rng, &mut self.noise);
        Ok(Tensor::from_slice(&self.noise, (rows, self.range.size()), &self.device)?)
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
        AgentError::check_length("actions", actions.len(), rows * self.range.size())?;
        self.output.resize(2 * actions.len(), 0.0);
        self.actor.infer(obs, rows, &mut self.output)?;
        match mode {
            ActMode::Sample => {
                self.noise.resize(actions.len(), 0.0);
                gaussian::standard_normal(&mut self.act_rng, &mut self.noise);
                self.distribution.sample_into(&self.output, &self.noise, rows, actions);
            }
            ActMode::Mode => self.distribution.mode_into(&self.output, rows, actions),
        }
        self.range.to_env(actions);
        Ok(())
    }
}

impl Parameters for Sac {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 4] =
            [&self.actor, &self.critics, &self.target_critics, &self.log_temperature];
        parts.into_iter().flat_map(|part| part.named()).collect()
    }
}

impl Checkpoint for Sac {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("actor_optimizer", &self.actor_optimizer);
        out.part("critic_optimizer", &self.critic_optimizer);
        out.part("temperature_optimizer", &self.temperature_optimizer);
        out.value("updates", &self.updates);
        out.value("init_rng", &self.init_rng);
        out.value("act_rng", &self.act_rng);
        out.value("update_rng", &self.update_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        from.part("actor_optimizer", &mut self.actor_optimizer)?;
        from.part("critic_optimizer", &mut self.critic_optimizer)?;
        from.part("temperature_optimizer", &mut self.temperature_optimizer)?;
        self.updates = from.value("updates")?;
        self.init_rng = from.value("init_rng")?;
        self.act_rng = from.value("act_rng")?;
        self.update_rng = from.value("update_rng")?;
        Ok(())
    }
}

fn draw_critics(
    name: &str,
    config: &SacConfig,
    inputs: usize,
    rng: &mut Xoshiro256PlusPlus,
    device: &Device,
) -> Result<MlpEnsemble, NnError> {
    let shape = MlpConfig { inputs, hidden: config.hidden.clone(), outputs: 1, ..MlpConfig::default() };
    MlpEnsemble::new(name, 2, &shape, rng, device)
}
