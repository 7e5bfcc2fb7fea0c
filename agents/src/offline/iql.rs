//! Implicit Q-Learning: Kostrikov, Nair, Levine 2021, "Offline Reinforcement Learning with Implicit
//! Q-Learning", arXiv 2110.06169. Equation numbers are the paper's. No value of an action outside the data
//! is ever asked for:
//!
//! * (5) `L_V(psi) = E_D[ |tau - 1(u < 0)| u^2 ]` with `u = min_i Qbar_i(s, a) - V_psi(s)`
//! * (6) `L_Q(theta) = E_D[ (r + gamma V_psi(s') - Q_theta(s, a))^2 ]`
//! * (7) `L_pi(phi) = -E_D[ exp(beta (min_i Qbar_i(s, a) - V_psi(s))) log pi_phi(a|s) ]`

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{Adam, AdamConfig, Device, Mlp, MlpConfig, NnError, Parameters, Tensor, Var, weights};

use super::{Agent, Metrics, OfflineLearner, gaussian_actor::GaussianActor};
use crate::{
    AgentError, ReplayBatch,
    actor_critic::ActorCritic,
    critics::Critics,
    error::{at_least_one, layers, not_negative, positive, require, unit},
    transitions::{TransitionReader, Transitions},
};

/// `[iql]`: settings of implicit Q-learning. The sources are the paper's section 5 and appendix B, and
/// the authors' code (`ikostrikov/implicit_q_learning`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IqlConfig {
    /// Discount per step, in [0, 1]. Default 0.99 (paper).
    pub gamma: f32,
    /// Share of the critics that moves into their targets at each update, in (0, 1]. Default 0.005
    /// (paper).
    pub polyak: f32,
    /// Transitions per update. Default 256 (paper).
    pub batch_size: usize,
    /// Units of each hidden layer, of all networks. Default `[256, 256]` (paper).
    pub hidden: Vec<usize>,
    /// The expectile tau of equation 5, in (0, 1). Default 0.7 (paper, locomotion; 0.9 for ant mazes).
    pub expectile: f32,
    /// The inverse temperature beta of equation 7. Default 3 (paper, locomotion; 10 for ant mazes, 0.5
    /// for kitchen and adroit).
    pub beta: f32,
    /// Bound of the weights `exp(beta A)`. Default 100 (authors' code).
    pub max_weight: f32,
    /// Step size of all three Adams. Default 3e-4 (paper).
    pub lr: f64,
    /// Whether the actor's step size falls to zero along a cosine over the training on data. Default
    /// true (authors' code).
    pub anneal_actor: bool,
}

impl Default for IqlConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            polyak: 0.005,
            batch_size: 256,
            hidden: vec![256, 256],
            expectile: 0.7,
            beta: 3.0,
            max_weight: 100.0,
            lr: 3e-4,
            anneal_actor: true,
        }
    }
}

impl IqlConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        unit("iql.gamma", self.gamma)?;
        unit("iql.polyak", self.polyak)?;
        at_least_one("iql.batch_size", self.batch_size)?;
        layers("iql.hidden", &self.hidden)?;
        let expectile = self.expectile;
        require(expectile > 0.0 && expectile < 1.0, "iql.expectile", &expectile, "use a number in (0, 1)")?;
        not_negative("iql.beta", self.beta)?;
        positive("iql.max_weight", self.max_weight.into())?;
        positive("iql.lr", self.lr)
    }
}

/// The learner: a Gaussian actor, twin critics with slow targets, and a value function.
pub struct Iql {
    config: IqlConfig,
    /// pi_phi; Q_theta1, Q_theta2 and their targets Qbar.
    nets: ActorCritic<GaussianActor>,
    /// V_psi.
    value: Mlp,
    value_optimizer: Adam,
}

impl Iql {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &IqlConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let reader = TransitionReader::new(spec, config.gamma, device)?;
        let (obs_size, action_size) = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let sizes = (obs_size, action_size);
        let actor = GaussianActor::new(sizes, &config.hidden, config.lr, &mut rng, device)?;
        let shape = |inputs| MlpConfig { inputs, hidden: config.hidden.clone(), ..MlpConfig::default() };
        let critics = Critics::new(2, shape(obs_size + action_size), config.lr, &mut rng, device)?;
        let value = Mlp::new("value", &shape(obs_size), &mut rng, device)?;
        let value_optimizer = Adam::new(&value, AdamConfig { lr: config.lr, ..AdamConfig::default() })?;
        let nets = ActorCritic { reader, actor, critics };
        Ok(Self { config: config.clone(), nets, value, value_optimizer })
    }

    fn step(&mut self, batch: &Transitions) -> Result<Metrics, NnError> {
        let ActorCritic { actor, critics, .. } = &mut self.nets;
        // V(s') as it was before this update, as in the authors' code.
        let next_value = self.value.forward_frozen(&batch.next_obs)?.squeeze(1)?;

        // Equation 5.
        let target_q = critics.target_min(&batch.obs, &batch.actions)?;
        let value = self.value.forward(&batch.obs)?.squeeze(1)?;
        let u = (target_q - &value)?;
        let value_loss = expectile_loss(&u, self.config.expectile)?;
        self.value_optimizer.backward_step(&value_loss)?;

        // Equation 7, with the advantage of before.
        let weights =
            u.detach().affine(self.config.beta.into(), 0.0)?.exp()?.minimum(self.config.max_weight)?;
        let actor_loss = actor.regress(&batch.obs, &batch.actions, &weights)?;

        // Equation 6.
        let (critic_loss, q) = critics.fit(&batch.obs_actions()?, &batch.target(&next_value)?)?;
        critics.move_targets(self.config.polyak)?;

        Ok(Metrics::new(&[
            ("critic_loss", critic_loss),
            ("q", q),
            ("value_loss", value_loss.to_scalar()?),
            ("value", value.detach().mean_all()?.to_scalar()?),
            ("actor_loss", actor_loss),
            ("weight", weights.mean_all()?.to_scalar()?),
        ]))
    }

    /// V_psi: observation -> value.
    pub fn value(&self) -> &Mlp {
        &self.value
    }
}

/// `E[ |tau - 1(u < 0)| u^2 ]`: `tau u^2` above zero, `(1 - tau) u^2` below.
fn expectile_loss(u: &Tensor, tau: f32) -> Result<Tensor, NnError> {
    let above = u.relu()?.sqr()?.affine(tau.into(), 0.0)?;
    let below = u.neg()?.relu()?.sqr()?.affine((1.0 - tau).into(), 0.0)?;
    Ok((above + below)?.mean_all()?)
}

impl OfflineLearner for Iql {
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        let transitions = self.nets.reader.read(batch)?;
        Ok(self.step(&transitions)?)
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

    fn anneal(&mut self, progress: f64) {
        if self.config.anneal_actor {
            self.nets.actor.scale_lr(0.5 * (1.0 + (std::f64::consts::PI * progress).cos()));
        }
    }
}

impl Parameters for Iql {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 2] = [&self.nets, &self.value];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for Iql {
    fn save(&self, out: &mut Writer) {
        self.nets.save(out);
        weights::save_values(&self.value, out);
        out.part("value_optimizer", &self.value_optimizer);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.nets.load(from)?;
        weights::load_values(&self.value, from)?;
        from.part("value_optimizer", &mut self.value_optimizer)
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;
    use crate::{ActMode, Policy};

    #[test]
    fn the_expectile_weighs_the_two_sides() {
        let u = Var::new(&[2.0_f32, -2.0, 0.5], &Device::Cpu).unwrap();
        let loss = expectile_loss(&u, 0.9).unwrap();
        // (0.9 * 4 + 0.1 * 4 + 0.9 * 0.25) / 3, and its derivative 2 |tau - 1(u < 0)| u / 3.
        assert!((loss.to_scalar::<f32>().unwrap() - 4.225 / 3.0).abs() < 1e-6);
        let gradient: Vec<f32> = loss.backward().unwrap().get(&u).unwrap().to_vec1().unwrap();
        for (found, exact) in gradient.iter().zip([1.2, -0.4 / 3.0, 0.3]) {
            assert!((found - exact).abs() < 1e-6, "{gradient:?}");
        }
    }

    #[test]
    fn losses_are_those_of_the_equations() {
        let env = registry::make("pendulum-classic").unwrap();
        let config = IqlConfig { hidden: vec![8], expectile: 0.8, beta: 2.0, ..IqlConfig::default() };
        let mut iql = Iql::new(&config, env.spec(), 3, &Device::Cpu).unwrap();
        let batch = ReplayBatch {
            rows: 2,
            obs: vec![0.1, 0.2, 0.3, -0.4, 0.5, -0.6],
            actions: vec![0.5, -1.0],
            rewards: vec![1.0, -2.0],
            next_obs: vec![0.2, 0.1, 0.0, 0.3, -0.3, 0.9],
            terminated: vec![false, true],
            ..ReplayBatch::default()
        };
        let range = iql.nets.reader.range().clone();
        let mut scaled = batch.actions.clone();
        range.to_policy(&mut scaled);
        let (mut value, mut next_value, mut q, mut mean) = ([0.0; 2], [0.0; 2], [0.0; 4], [0.0; 2]);
        let inputs: Vec<f32> =
            (0..2).flat_map(|i| batch.obs[3 * i..][..3].iter().copied().chain([scaled[i]])).collect();
        iql.value.infer(&batch.obs, 2, &mut value).unwrap();
        iql.value.infer(&batch.next_obs, 2, &mut next_value).unwrap();
        iql.nets.critics.online().infer(&inputs, 2, &mut q).unwrap();
        iql.nets.act(&batch.obs, 2, ActMode::Mode, &mut mean).unwrap();
        range.to_policy(&mut mean);
        let (mut value_loss, mut critic_loss, mut actor_loss) = (0.0, 0.0, 0.0);
        for i in 0..2 {
            let u = q[i].min(q[2 + i]) - value[i];
            value_loss += (0.8_f32 - f32::from(u < 0.0)).abs() * u * u / 2.0;
            let y = batch.rewards[i] + if i == 0 { 0.99 * next_value[i] } else { 0.0 };
            critic_loss += ((q[i] - y).powi(2) + (q[2 + i] - y).powi(2)) / 2.0;
            let log_prob = -0.5 * (scaled[i] - mean[i]).powi(2) - 0.918_938_5;
            actor_loss -= (2.0 * u).exp() * log_prob / 2.0;
        }
        let metrics = iql.update(&batch).unwrap();
        for (name, exact) in
            [("value_loss", value_loss), ("critic_loss", critic_loss), ("actor_loss", actor_loss)]
        {
            let found = metrics.get(name).unwrap();
            assert!((found - exact).abs() < 1e-5 * (1.0 + exact.abs()), "{name} {found}, exactly {exact}");
        }
    }
}
