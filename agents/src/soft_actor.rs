//! The maximum-entropy actor of soft actor-critic and of what is built on it: a tanh-Gaussian policy
//! and its temperature (Haarnoja et al. 2018, arXiv 1812.05905; equation numbers are that paper's).

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Adam, AdamConfig, Device, Mlp, MlpConfig, NnError, Parameter, Parameters, SquashedGaussian, Tensor, Var,
    gaussian, weights,
};

use crate::{ActMode, ActionRange, AgentError, actor_critic::Actor};

/// What shapes a [`SoftActor`].
pub(crate) struct SoftActorConfig<'a> {
    pub(crate) hidden: &'a [usize],
    pub(crate) actor_lr: f64,
    pub(crate) temperature_lr: f64,
    pub(crate) initial_temperature: f32,
    /// The entropy H to steer to.
    pub(crate) target_entropy: f32,
    pub(crate) distribution: SquashedGaussian,
}

/// pi_phi and alpha, with their optimisers and the generators of their noise.
pub(crate) struct SoftActor {
    /// Observation -> means and log standard deviations of the action before tanh.
    net: Mlp,
    distribution: SquashedGaussian,
    /// log alpha; learning its logarithm keeps the temperature positive.
    log_temperature: Parameter,
    optimizer: Adam,
    temperature_optimizer: Adam,
    target_entropy: f32,
    action_size: usize,
    /// Separate generators, so that how often one acts does not change how one learns.
    act_rng: Xoshiro256PlusPlus,
    update_rng: Xoshiro256PlusPlus,
    output: Vec<f32>,
    noise: Vec<f32>,
}

impl SoftActor {
    /// Draws the weights from `init_rng`.
    pub(crate) fn new(
        config: &SoftActorConfig<'_>,
        obs_size: usize,
        action_size: usize,
        init_rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut act_rng = init_rng.clone();
        act_rng.jump();
        let mut update_rng = act_rng.clone();
        update_rng.jump();
        let hidden = config.hidden.to_vec();
        let shape = MlpConfig { inputs: obs_size, hidden, outputs: 2 * action_size, ..MlpConfig::default() };
        let net = Mlp::new("actor", &shape, init_rng, device)?;
        let log_temperature =
            Parameter::new("log_temperature", &[1], vec![config.initial_temperature.ln()], device)?;
        let adam = |lr| AdamConfig { lr, ..AdamConfig::default() };
        Ok(Self {
            optimizer: Adam::new(&net, adam(config.actor_lr))?,
            temperature_optimizer: Adam::new(&log_temperature, adam(config.temperature_lr))?,
            distribution: config.distribution,
            target_entropy: config.target_entropy,
            action_size,
            output: Vec::new(),
            noise: Vec::new(),
            net,
            log_temperature,
            act_rng,
            update_rng,
        })
    }

    /// a ~ pi(.|s) `[b, act]` and log pi(a|s) `[b]`, differentiable in the weights.
    fn sample(&mut self, obs: &Tensor) -> Result<(Tensor, Tensor), NnError> {
        let noise = self.draw_noise(obs.dim(0)?)?;
        self.distribution.sample(&self.net.forward(obs)?, &noise)
    }

    /// `n` samples per state without a graph: actions `[n b, act]` and log-densities `[n b]`, the
    /// states of the batch running fastest.
    pub(crate) fn sample_frozen(&mut self, obs: &Tensor, n: usize) -> Result<(Tensor, Tensor), NnError> {
        let rows = obs.dim(0)?;
        let noise = self.draw_noise(n * rows)?;
        let output = self.net.forward_frozen(&obs.detach())?.repeat((n, 1))?;
        self.distribution.sample(&output, &noise)
    }

    /// One step of the weights down equation 7, `J_pi = E[alpha log pi(f(eps; s)|s) - Q(s, f(eps; s))]`,
    /// where `value` is Q of the sampled actions, `[b]`; returns it and the entropy `-E[log pi]`.
    pub(crate) fn improve(
        &mut self,
        obs: &Tensor,
        value: impl FnOnce(&Tensor) -> Result<Tensor, NnError>,
    ) -> Result<(f32, f32), NnError> {
        let temperature = self.temperature()?;
        let (actions, log_prob) = self.sample(obs)?;
        let loss = (log_prob.affine(temperature.into(), 0.0)? - value(&actions)?)?.mean_all()?;
        self.optimizer.backward_step(&loss)?;
        Ok((loss.to_scalar()?, -log_prob.detach().mean_all()?.to_scalar::<f32>()?))
    }

    /// Equation 18, `J(alpha) = E[-alpha log pi(a|s) - alpha H]`, for the entropy `-E[log pi]`.
    pub(crate) fn step_temperature(&mut self, entropy: f32) -> Result<(), NnError> {
        let surplus = f64::from(entropy - self.target_entropy);
        let loss = self.log_temperature.var().exp()?.affine(surplus, 0.0)?.sum_all()?;
        self.temperature_optimizer.backward_step(&loss)?;
        Ok(())
    }

    /// The temperature alpha.
    pub(crate) fn temperature(&self) -> Result<f32, NnError> {
        Ok(self.log_temperature.var().as_detached_tensor().exp()?.sum_all()?.to_scalar()?)
    }

    pub(crate) fn net(&self) -> &Mlp {
        &self.net
    }

    /// The generator of whatever else an update draws.
    pub(crate) fn update_rng(&mut self) -> &mut Xoshiro256PlusPlus {
        &mut self.update_rng
    }

    fn draw_noise(&mut self, rows: usize) -> Result<Tensor, NnError> {
        self.noise.resize(rows * self.action_size, 0.0);
        gaussian::standard_normal(&mut self.update_rng, &mut self.noise);
        Ok(Tensor::from_slice(&self.noise, (rows, self.action_size), self.net.device())?)
    }
}

impl Actor for SoftActor {
    fn act(
        &mut self,
        range: &ActionRange,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        AgentError::check_length("actions", actions.len(), rows * self.action_size)?;
        self.output.resize(2 * actions.len(), 0.0);
        self.net.infer(obs, rows, &mut self.output)?;
        match mode {
            ActMode::Sample => {
                self.noise.resize(actions.len(), 0.0);
                gaussian::standard_normal(&mut self.act_rng, &mut self.noise);
                self.distribution.sample_into(&self.output, &self.noise, rows, actions);
            }
            ActMode::Mode => self.distribution.mode_into(&self.output, rows, actions),
        }
        range.to_env(actions);
        Ok(())
    }
}

impl Parameters for SoftActor {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 2] = [&self.net, &self.log_temperature];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for SoftActor {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("optimizer", &self.optimizer);
        out.part("temperature_optimizer", &self.temperature_optimizer);
        out.value("act_rng", &self.act_rng);
        out.value("update_rng", &self.update_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        from.part("temperature_optimizer", &mut self.temperature_optimizer)?;
        self.act_rng = from.value("act_rng")?;
        self.update_rng = from.value("update_rng")?;
        Ok(())
    }
}
