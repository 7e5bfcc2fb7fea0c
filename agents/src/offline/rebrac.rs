//! ReBRAC: Tarasov, Kurenkov, Nikulin, Kolesnikov 2023, "Revisiting the Minimalist Approach to Offline
//! Reinforcement Learning", arXiv 2305.09836. TD3+BC with the distance to the data taken out of the
//! targets too, normalised critics, deeper networks and larger batches; section 3 of the paper.
//!
//! * critic: `y = r + gamma ( min_i Qbar_i(s', a~) - beta_2 |a~ - a'|^2 )`, a~ as in TD3 and a' what the
//!   data did in s'; where the data ends with s', there is no penalty
//! * actor: `L(phi) = E_D[ beta_1 |pi(s) - a|^2 - lambda min_i Q_i(s, pi(s)) ]`,
//!   `lambda = 1 / E_D[ |min_i Q_i(s, pi(s))| ]`

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{Device, NnError, Parameters, Tensor, Var};

use super::{
    Agent, Metrics, OfflineLearner,
    td3::{Td3, Td3Parts},
};
use crate::{
    AgentError, ReplayBatch,
    error::{at_least_one, layers, not_negative, positive, require, unit},
    transitions::Transitions,
};

/// `[rebrac]`: settings of ReBRAC. The sources are the paper's appendix and CORL's `rebrac.py`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RebracConfig {
    /// Discount per step, in [0, 1]. Default 0.99 (0.999 for ant mazes).
    pub gamma: f32,
    /// Share of actor and critics that moves into their targets. Default 0.005.
    pub polyak: f32,
    /// Transitions per update. Default 1024 (256 for ant mazes and adroit).
    pub batch_size: usize,
    /// Units of each hidden layer, of all networks. Default `[256, 256, 256]`.
    pub hidden: Vec<usize>,
    /// Whether the critics' layers are normalised; before the nonlinearity as in RLPD, where the
    /// authors do it after. Default true.
    pub critic_layer_norm: bool,
    /// Weight beta_1 of the actor's distance to the data. Default 0.01; the paper tunes it in [0.0005, 1].
    pub actor_penalty: f32,
    /// Weight beta_2 of the target actions' distance to the data. Default 0.01; the paper tunes it in
    /// [0, 0.5].
    pub critic_penalty: f32,
    /// Whether values are divided by their mean size in the actor's objective. Default true.
    pub normalize_q: bool,
    /// Step size of the actor's Adam. Default 1e-3.
    pub actor_lr: f64,
    /// Step size of the critics' Adam. Default 1e-3.
    pub critic_lr: f64,
    /// The actor and the targets move in every so many updates. Default 2.
    pub actor_period: u64,
    /// Deviation of the noise on target actions, in [-1, 1]. Default 0.2.
    pub target_noise: f32,
    /// Bound of that noise. Default 0.5.
    pub target_noise_clip: f32,
    /// Deviation of the noise on actions where the policy explores online. Default 0.1 (TD3).
    pub exploration_noise: f32,
}

impl Default for RebracConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            polyak: 0.005,
            batch_size: 1024,
            hidden: vec![256, 256, 256],
            critic_layer_norm: true,
            actor_penalty: 0.01,
            critic_penalty: 0.01,
            normalize_q: true,
            actor_lr: 1e-3,
            critic_lr: 1e-3,
            actor_period: 2,
            target_noise: 0.2,
            target_noise_clip: 0.5,
            exploration_noise: 0.1,
        }
    }
}

impl RebracConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        unit("rebrac.gamma", self.gamma)?;
        unit("rebrac.polyak", self.polyak)?;
        at_least_one("rebrac.batch_size", self.batch_size)?;
        layers("rebrac.hidden", &self.hidden)?;
        not_negative("rebrac.actor_penalty", self.actor_penalty)?;
        not_negative("rebrac.critic_penalty", self.critic_penalty)?;
        positive("rebrac.actor_lr", self.actor_lr)?;
        positive("rebrac.critic_lr", self.critic_lr)?;
        require(self.actor_period > 0, "rebrac.actor_period", &self.actor_period, "use at least 1")?;
        not_negative("rebrac.target_noise", self.target_noise)?;
        not_negative("rebrac.target_noise_clip", self.target_noise_clip)?;
        not_negative("rebrac.exploration_noise", self.exploration_noise)
    }
}

/// The learner.
pub struct Rebrac {
    config: RebracConfig,
    td3: Td3,
}

impl Rebrac {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(
        config: &RebracConfig,
        spec: &EnvSpec,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        let parts = Td3Parts {
            gamma: config.gamma,
            polyak: config.polyak,
            hidden: &config.hidden,
            critic_layer_norm: config.critic_layer_norm,
            actor_lr: config.actor_lr,
            critic_lr: config.critic_lr,
            target_noise: config.target_noise,
            target_noise_clip: config.target_noise_clip,
            exploration_noise: config.exploration_noise,
        };
        Ok(Self { config: config.clone(), td3: Td3::new(&parts, spec, seed, device)? })
    }

    /// `known` `[b]` is 1 where the data says what it did in s', `next_data` `[b, act]`, and 0 elsewhere.
    fn step(&mut self, batch: &Transitions, next_data: &Tensor, known: &Tensor) -> Result<Metrics, NnError> {
        let td3 = &mut self.td3;
        let next_actions = td3.target_actions(&batch.next_obs)?;
        let next_q = td3.nets.critics.target_min(&batch.next_obs, &next_actions)?;
        let penalty = (&next_actions - next_data)?.sqr()?.sum(1)?.mul(known)?;
        let next_q = (next_q - penalty.affine(self.config.critic_penalty.into(), 0.0)?)?;
        let (critic_loss, q) = td3.nets.critics.fit(&batch.obs_actions()?, &batch.target(&next_q)?)?;
        td3.updates += 1;
        let metrics = Metrics::new(&[
            ("critic_loss", critic_loss),
            ("q", q),
            ("next_distance", penalty.mean_all()?.to_scalar()?),
        ]);
        if !td3.updates.is_multiple_of(self.config.actor_period) {
            return Ok(metrics);
        }

        let actions = td3.nets.actor.actions(&batch.obs)?;
        let q = td3.nets.critics.frozen_values(&batch.obs, &actions)?.min(0)?;
        let scale: f32 = q.detach().abs()?.mean_all()?.to_scalar()?;
        let lambda = if self.config.normalize_q { scale.max(f32::MIN_POSITIVE).recip() } else { 1.0 };
        let distance = (&actions - &batch.actions)?.sqr()?.sum(1)?.mean_all()?;
        let loss = (distance.affine(self.config.actor_penalty.into(), 0.0)?
            - q.mean_all()?.affine(lambda.into(), 0.0)?)?;
        let actor_loss = td3.nets.actor.descend(&loss)?;
        td3.move_targets()?;
        Ok(metrics.with("actor_loss", actor_loss).with("distance", distance.to_scalar()?))
    }
}

impl OfflineLearner for Rebrac {
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        let transitions = self.td3.nets.reader.read(batch)?;
        let next_data = self.td3.nets.reader.read_actions("next_actions", &batch.next_actions, batch.rows)?;
        AgentError::check_length("last", batch.last.len(), batch.rows)?;
        let known = batch.last.iter().map(|last| f32::from(!last));
        let known = Tensor::from_iter(known, self.td3.nets.reader.device()).map_err(NnError::from)?;
        Ok(self.step(&transitions, &next_data, &known)?)
    }

    fn batch_size(&self) -> usize {
        self.config.batch_size
    }

    fn agent(&self) -> &dyn Agent {
        &self.td3.nets
    }

    fn agent_mut(&mut self) -> &mut dyn Agent {
        &mut self.td3.nets
    }
}

impl Parameters for Rebrac {
    fn named(&self) -> Vec<(String, &Var)> {
        self.td3.named()
    }
}

impl Checkpoint for Rebrac {
    fn save(&self, out: &mut Writer) {
        self.td3.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.td3.load(from)
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;

    #[test]
    fn targets_are_penalised_where_the_data_goes_on() {
        let env = registry::make("pendulum-classic").unwrap();
        let config = RebracConfig {
            hidden: vec![8],
            target_noise: 0.0,
            critic_penalty: 0.5,
            ..RebracConfig::default()
        };
        let mut learner = Rebrac::new(&config, env.spec(), 3, &Device::Cpu).unwrap();
        let batch = ReplayBatch {
            rows: 3,
            obs: vec![0.1, 0.2, 0.3, -0.4, 0.5, -0.6, 0.0, 1.0, 2.0],
            actions: vec![0.5, -1.0, 0.25],
            rewards: vec![1.0, -2.0, 0.5],
            next_obs: vec![0.2, 0.1, 0.0, 0.3, -0.3, 0.9, 0.1, 0.9, 1.0],
            terminated: vec![false, true, false],
            next_actions: vec![-0.5, 0.75, 0.0],
            last: vec![false, false, true],
            ..ReplayBatch::default()
        };
        let tensor = |values: &[f32], width| Tensor::from_slice(values, (3, width), &Device::Cpu).unwrap();
        let next_obs = tensor(&batch.next_obs, 3);
        let pi = learner.td3.nets.actor.actions(&next_obs).unwrap();
        let next_q = learner.td3.nets.critics.target_min(&next_obs, &pi).unwrap().to_vec1::<f32>().unwrap();
        let q = learner
            .td3
            .nets
            .critics
            .frozen_values(&tensor(&batch.obs, 3), &tensor(&batch.actions, 1))
            .unwrap();
        let (q, pi) = (q.to_vec2::<f32>().unwrap(), pi.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        let y = [1.0 + 0.99 * (next_q[0] - 0.5 * (pi[0] + 0.5).powi(2)), -2.0, 0.5 + 0.99 * next_q[2]];
        let exact: f32 = q.iter().flat_map(|q| q.iter().zip(y).map(|(q, y)| (q - y).powi(2) / 3.0)).sum();
        let found = learner.update(&batch).unwrap().get("critic_loss").unwrap();
        assert!((found - exact).abs() < 1e-5 * (1.0 + exact), "{found}, exactly {exact}");
    }

    #[test]
    fn a_batch_without_next_actions_is_refused() {
        let env = registry::make("pendulum-classic").unwrap();
        let mut learner = Rebrac::new(&RebracConfig::default(), env.spec(), 0, &Device::Cpu).unwrap();
        let batch = ReplayBatch {
            rows: 1,
            obs: vec![0.0; 3],
            actions: vec![0.0],
            rewards: vec![0.0],
            next_obs: vec![0.0; 3],
            terminated: vec![false],
            ..ReplayBatch::default()
        };
        let error = learner.update(&batch).unwrap_err().to_string();
        assert_eq!(error, "`next_actions` holds 0 numbers, expected 1");
    }
}
