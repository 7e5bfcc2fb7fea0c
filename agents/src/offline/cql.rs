//! Conservative Q-Learning, and Cal-QL, which differs by one line.
//!
//! CQL: Kumar, Zhou, Tucker, Levine 2020, "Conservative Q-Learning for Offline Reinforcement Learning",
//! arXiv 2006.04779. Soft actor-critic whose critics also descend equation 4,
//!
//! `alpha E_D[ log sum_a exp Q(s, a) - Q(s, a_D) ]`,
//!
//! where the sum over actions is estimated by importance sampling from the uniform law, from `pi(.|s)` and
//! from `pi(.|s')` (appendix F). Values of actions that the data does not have are pushed down.
//!
//! Cal-QL: Nakamoto et al. 2023, "Cal-QL: Calibrated Offline RL Pre-Training for Efficient Online
//! Fine-Tuning", arXiv 2303.05479. Equation 5.1: values of the policy's actions are not pushed below what
//! the data returned, `Q(s, a) <- max(Q(s, a), R(s))` inside the sum, so that online learning need not
//! first unlearn values that are too low.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{
    Adam, AdamConfig, Device, MlpConfig, NnError, Parameter, Parameters, SquashedGaussian, Tensor, Var,
    weights,
};

use super::{Agent, Metrics, OfflineLearner};
use crate::{
    AgentError, ReplayBatch,
    actor_critic::ActorCritic,
    critics::{Critics, squared_error},
    error::{at_least_one, layers, not_negative, positive, unit},
    soft_actor::{SoftActor, SoftActorConfig},
    transitions::{TransitionReader, Transitions},
};

/// `[cql]`: settings of CQL and Cal-QL. The sources are the papers and CORL's `cql.py` and `cal_ql.py`
/// (Tarasov et al. 2022, arXiv 2210.07105).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CqlConfig {
    /// Whether this is Cal-QL. Default false.
    pub calibrated: bool,
    /// Discount per step, in [0, 1]. Default 0.99.
    pub gamma: f32,
    /// Share of the critics that moves into their targets at each update. Default 0.005.
    pub polyak: f32,
    /// Transitions per update. Default 256.
    pub batch_size: usize,
    /// Units of each hidden layer of the actor. Default `[256, 256]`.
    pub actor_hidden: Vec<usize>,
    /// Units of each hidden layer of the critics. Default `[256, 256, 256]` (Cal-QL has four).
    pub critic_hidden: Vec<usize>,
    /// Weight alpha of equation 4. Default 5 (authors' code of both; CORL has 10 for CQL).
    pub alpha: f32,
    /// Size of the conservative gap, log sum minus value of the data, to which a multiplier on alpha
    /// steers (equation 30). Default none: alpha stays as it is.
    pub target_gap: Option<f32>,
    /// Actions drawn from each of the three laws. Default 10.
    pub samples: usize,
    /// Whether the target takes the best of the sampled next actions instead of one. Default false (true
    /// for ant mazes).
    pub max_target: bool,
    /// Step size of the actor's and the temperature's Adam. Default 1e-4 (Cal-QL; CORL has 3e-5 for CQL).
    pub actor_lr: f64,
    /// Step size of the critics' Adam. Default 3e-4.
    pub critic_lr: f64,
}

impl Default for CqlConfig {
    fn default() -> Self {
        Self {
            calibrated: false,
            gamma: 0.99,
            polyak: 0.005,
            batch_size: 256,
            actor_hidden: vec![256, 256],
            critic_hidden: vec![256, 256, 256],
            alpha: 5.0,
            target_gap: None,
            samples: 10,
            max_target: false,
            actor_lr: 1e-4,
            critic_lr: 3e-4,
        }
    }
}

impl CqlConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        unit("cql.gamma", self.gamma)?;
        unit("cql.polyak", self.polyak)?;
        at_least_one("cql.batch_size", self.batch_size)?;
        layers("cql.actor_hidden", &self.actor_hidden)?;
        layers("cql.critic_hidden", &self.critic_hidden)?;
        not_negative("cql.alpha", self.alpha)?;
        not_negative("cql.target_gap", self.target_gap.unwrap_or(0.0))?;
        at_least_one("cql.samples", self.samples)?;
        positive("cql.actor_lr", self.actor_lr)?;
        positive("cql.critic_lr", self.critic_lr)
    }
}

/// The learner: a tanh-Gaussian actor with its temperature, and twin critics with slow targets.
pub struct Cql {
    config: CqlConfig,
    nets: ActorCritic<SoftActor>,
    /// Logarithm of the multiplier on alpha; moves only with a target gap.
    log_multiplier: Parameter,
    multiplier_optimizer: Adam,
    uniform: Vec<f32>,
}

impl Cql {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &CqlConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let reader = TransitionReader::new(spec, config.gamma, device)?;
        let (obs_size, action_size) = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let actor_config = SoftActorConfig {
            hidden: &config.actor_hidden,
            actor_lr: config.actor_lr,
            temperature_lr: config.actor_lr,
            initial_temperature: 1.0,
            target_entropy: -(action_size as f32),
            distribution: SquashedGaussian::default(),
        };
        let actor = SoftActor::new(&actor_config, obs_size, action_size, &mut rng, device)?;
        let hidden = config.critic_hidden.clone();
        let shape = MlpConfig { inputs: obs_size + action_size, hidden, ..MlpConfig::default() };
        let critics = Critics::new(2, shape, config.critic_lr, &mut rng, device)?;
        let log_multiplier = Parameter::new("log_multiplier", &[1], vec![0.0], device)?;
        let adam = AdamConfig { lr: config.critic_lr, ..AdamConfig::default() };
        Ok(Self {
            multiplier_optimizer: Adam::new(&log_multiplier, adam)?,
            config: config.clone(),
            uniform: Vec::new(),
            nets: ActorCritic { reader, actor, critics },
            log_multiplier,
        })
    }

    /// `returns` are R(s), `[b]`, for Cal-QL.
    fn step(&mut self, batch: &Transitions, returns: Option<&Tensor>) -> Result<Metrics, NnError> {
        let target = self.target(batch)?;
        let (critic_loss, gap, q) = self.step_critics(batch, &target, returns)?;

        // The actor's and the temperature's steps are those of soft actor-critic.
        let temperature = self.nets.actor.temperature()?;
        let ActorCritic { actor, critics, .. } = &mut self.nets;
        let least = |actions: &Tensor| -> Result<Tensor, NnError> {
            Ok(critics.frozen_values(&batch.obs, actions)?.min(0)?)
        };
        let (actor_loss, entropy) = actor.improve(&batch.obs, least)?;
        actor.step_temperature(entropy)?;
        critics.move_targets(self.config.polyak)?;

        Ok(Metrics::new(&[
            ("critic_loss", critic_loss),
            ("q", q),
            ("conservative_gap", gap),
            ("actor_loss", actor_loss),
            ("entropy", entropy),
            ("temperature", temperature),
        ]))
    }

    /// `y = r + gamma min_i Qbar_i(s', a')`, a' one sample of the policy or the best of several.
    fn target(&mut self, batch: &Transitions) -> Result<Tensor, NnError> {
        let samples = if self.config.max_target { self.config.samples } else { 1 };
        let (next_actions, _) = self.nets.actor.sample_frozen(&batch.next_obs, samples)?;
        let next_obs = batch.next_obs.repeat((samples, 1))?;
        let next_q = self.nets.critics.target_min(&next_obs, &next_actions)?;
        batch.target(&next_q.reshape((samples, batch.rows()))?.max(0)?)
    }

    /// Equation 4 with the squared error; returns the squared error, the gap, and the values of the data.
    fn step_critics(
        &mut self,
        batch: &Transitions,
        target: &Tensor,
        returns: Option<&Tensor>,
    ) -> Result<(f32, f32, f32), NnError> {
        let (rows, n) = (batch.rows(), self.config.samples);
        let width = self.nets.reader.action_size();
        // One pass of the critics over the data's action and 3 n others in each state, [2, 1 + 3n, b].
        let uniform = self.draw_uniform(n * rows)?;
        let (actions, log_prob) = self.nets.actor.sample_frozen(&batch.obs, n)?;
        let (next_actions, next_log_prob) = self.nets.actor.sample_frozen(&batch.next_obs, n)?;
        let all_actions = Tensor::cat(&[&batch.actions, &uniform, &actions, &next_actions], 0)?;
        let all_obs = batch.obs.repeat((1 + 3 * n, 1))?;
        let values = self.nets.critics.values(&Tensor::cat(&[&all_obs, &all_actions], 1)?)?;
        let values = values.reshape((2, 1 + 3 * n, rows))?;

        let data = values.narrow(1, 0, 1)?.squeeze(1)?;
        let of_uniform = values.narrow(1, 1, n)?;
        let mut of_policy = values.narrow(1, 1 + n, 2 * n)?;
        if let Some(returns) = returns {
            // Cal-QL, equation 5.1.
            of_policy = of_policy.broadcast_maximum(&returns.reshape((1, 1, rows))?)?;
        }
        // Importance weights 1 / density; the uniform law on [-1, 1]^width has density 2^-width.
        let of_uniform = (of_uniform + width as f64 * std::f64::consts::LN_2)?;
        let log_density = Tensor::cat(&[&log_prob, &next_log_prob], 0)?.reshape((1, 2 * n, rows))?;
        let of_policy = of_policy.broadcast_sub(&log_density)?;
        let log_sum = Tensor::cat(&[&of_uniform, &of_policy], 1)?.log_sum_exp(1)?;
        // Per critic: the loss below adds up both.
        let gap = (log_sum - &data)?.mean_all()?;

        let error = squared_error(&data, target)?;
        let surplus = (&gap - f64::from(self.config.target_gap.unwrap_or(0.0)))?;
        let weight = 2.0 * f64::from(self.config.alpha) * f64::from(self.multiplier()?);
        self.nets.critics.descend(&(&error + surplus.affine(weight, 0.0)?)?)?;
        let gap: f32 = gap.to_scalar()?;
        if self.config.target_gap.is_some() {
            self.step_multiplier(surplus.to_scalar()?)?;
        }
        Ok((error.to_scalar()?, gap, data.detach().mean_all()?.to_scalar()?))
    }

    /// Equation 30: the multiplier grows while the gap is larger than its target.
    fn step_multiplier(&mut self, surplus: f32) -> Result<(), NnError> {
        let slope = -f64::from(self.config.alpha * surplus);
        let loss = self.log_multiplier.var().exp()?.affine(slope, 0.0)?.sum_all()?;
        self.multiplier_optimizer.backward_step(&loss).map(drop)
    }

    fn multiplier(&self) -> Result<f32, NnError> {
        Ok(self.log_multiplier.var().as_detached_tensor().exp()?.sum_all()?.to_scalar()?)
    }

    fn draw_uniform(&mut self, rows: usize) -> Result<Tensor, NnError> {
        let width = self.nets.reader.action_size();
        self.uniform.resize(rows * width, 0.0);
        let rng = self.nets.actor.update_rng();
        self.uniform.iter_mut().for_each(|x| *x = rng.random_range(-1.0..=1.0));
        Ok(Tensor::from_slice(&self.uniform, (rows, width), self.nets.reader.device())?)
    }
}

impl OfflineLearner for Cql {
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        let transitions = self.nets.reader.read(batch)?;
        if !self.config.calibrated {
            return Ok(self.step(&transitions, None)?);
        }
        AgentError::check_length("returns", batch.returns.len(), batch.rows)?;
        let returns = Tensor::from_slice(&batch.returns, batch.rows, self.nets.reader.device());
        Ok(self.step(&transitions, Some(&returns.map_err(NnError::from)?))?)
    }

    fn batch_size(&self) -> usize {
        self.config.batch_size
    }

    fn agent(&self) -> &dyn Agent {
        &self.nets
    }

    fn agent_mut(&mut self) -> &mut dyn Agent {
        &mut self.nets
    }
}

impl Parameters for Cql {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 2] = [&self.nets, &self.log_multiplier];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for Cql {
    fn save(&self, out: &mut Writer) {
        self.nets.save(out);
        weights::save_values(&self.log_multiplier, out);
        out.part("multiplier_optimizer", &self.multiplier_optimizer);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.nets.load(from)?;
        weights::load_values(&self.log_multiplier, from)?;
        from.part("multiplier_optimizer", &mut self.multiplier_optimizer)
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;

    const ROWS: usize = 2;

    fn batch(returns: f32) -> ReplayBatch {
        ReplayBatch {
            rows: ROWS,
            obs: vec![0.1, 0.2, 0.3, -0.4, 0.5, -0.6],
            actions: vec![0.5, -0.8],
            rewards: vec![1.0, -2.0],
            next_obs: vec![0.2, 0.1, 0.0, 0.3, -0.3, 0.9],
            terminated: vec![false, true],
            returns: vec![returns; ROWS],
            ..ReplayBatch::default()
        }
    }

    /// The gap that importance sampling estimates, by the trapezoidal rule over the one action:
    /// `log( 3n integral of exp Q ) - Q(a_D)`, where two of the three thirds are `exp max(Q, bound)`.
    fn exact_gap(learner: &Cql, batch: &ReplayBatch, bound: f32) -> f64 {
        const CELLS: usize = 2000;
        let value = |row: usize, action: f32, critic: usize| {
            let mut input = batch.obs[3 * row..][..3].to_vec();
            input.push(action);
            let mut q = [0.0; 2];
            learner.nets.critics.online().infer(&input, 1, &mut q).unwrap();
            f64::from(q[critic])
        };
        let mut total = 0.0;
        for (row, critic) in (0..2 * ROWS).map(|i| (i / 2, i % 2)) {
            let mut integral = 0.0;
            for cell in 0..=CELLS {
                let q = value(row, -1.0 + 2.0 * cell as f32 / CELLS as f32, critic);
                let end = if cell == 0 || cell == CELLS { 0.5 } else { 1.0 };
                let density = q.exp() + 2.0 * q.max(f64::from(bound)).exp();
                integral += end * density * 2.0 / CELLS as f64;
            }
            let n = learner.config.samples as f64;
            total += (n * integral).ln() - value(row, batch.actions[row], critic);
        }
        total / (2 * ROWS) as f64
    }

    #[test]
    fn the_gap_is_that_of_the_integral_over_actions() {
        let env = registry::make("pendulum-classic").unwrap();
        for (calibrated, bound) in [(false, f32::NEG_INFINITY), (true, f32::NEG_INFINITY), (true, 1.5)] {
            let config = CqlConfig {
                calibrated,
                actor_hidden: vec![8],
                critic_hidden: vec![8],
                samples: 20_000,
                ..CqlConfig::default()
            };
            let mut learner = Cql::new(&config, env.spec(), 3, &Device::Cpu).unwrap();
            let batch = batch(bound);
            let exact = exact_gap(&learner, &batch, bound);
            let found = f64::from(learner.update(&batch).unwrap().get("conservative_gap").unwrap());
            // Twice 60,000 samples whose weights have a deviation of about 1.
            assert!((found - exact).abs() < 0.03, "calibrated {calibrated}: {found}, exactly {exact}");
        }
    }

    #[test]
    fn the_multiplier_grows_while_the_gap_is_too_large() {
        let env = registry::make("pendulum-classic").unwrap();
        for (target_gap, grows) in [(0.0, true), (100.0, false)] {
            let config = CqlConfig {
                target_gap: Some(target_gap),
                actor_hidden: vec![8],
                critic_hidden: vec![8],
                ..CqlConfig::default()
            };
            let mut learner = Cql::new(&config, env.spec(), 3, &Device::Cpu).unwrap();
            for _ in 0..5 {
                learner.update(&batch(0.0)).unwrap();
            }
            assert_eq!(learner.multiplier().unwrap() > 1.0, grows);
        }
    }
}
