//! TD3+BC: Fujimoto and Gu 2021, "A Minimalist Approach to Offline Reinforcement Learning", arXiv
//! 2106.06860. TD3 with one more term in the actor's objective; equation numbers are the paper's.
//!
//! * (3) `pi = argmax_pi E_D[ lambda Q_1(s, pi(s)) - (pi(s) - a)^2 ]`
//! * (5) `lambda = alpha / E_D[ |Q_1(s, pi(s))| ]`
//!
//! The paper normalises observations, which the training loop does here.

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{Device, NnError, Parameters, Var};

use super::{
    Agent, Metrics, OfflineLearner,
    td3::{Td3, Td3Parts},
};
use crate::{
    AgentError, ReplayBatch,
    error::{at_least_one, layers, not_negative, positive, require, unit},
    transitions::Transitions,
};

/// `[td3_bc]`: settings of TD3+BC. The source is the paper, table 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Td3BcConfig {
    /// Discount per step, in [0, 1]. Default 0.99.
    pub gamma: f32,
    /// Share of actor and critics that moves into their targets. Default 0.005.
    pub polyak: f32,
    /// Transitions per update. Default 256.
    pub batch_size: usize,
    /// Units of each hidden layer, of all networks. Default `[256, 256]`.
    pub hidden: Vec<usize>,
    /// Weight alpha of the values against the distance to the data. Default 2.5.
    pub alpha: f32,
    /// Step size of both Adams. Default 3e-4.
    pub lr: f64,
    /// The actor and the targets move in every so many updates. Default 2.
    pub actor_period: u64,
    /// Deviation of the noise on target actions, in [-1, 1]. Default 0.2.
    pub target_noise: f32,
    /// Bound of that noise. Default 0.5.
    pub target_noise_clip: f32,
    /// Deviation of the noise on actions where the policy explores online. Default 0.1 (TD3).
    pub exploration_noise: f32,
}

impl Default for Td3BcConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            polyak: 0.005,
            batch_size: 256,
            hidden: vec![256, 256],
            alpha: 2.5,
            lr: 3e-4,
            actor_period: 2,
            target_noise: 0.2,
            target_noise_clip: 0.5,
            exploration_noise: 0.1,
        }
    }
}

impl Td3BcConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        unit("td3_bc.gamma", self.gamma)?;
        unit("td3_bc.polyak", self.polyak)?;
        at_least_one("td3_bc.batch_size", self.batch_size)?;
        layers("td3_bc.hidden", &self.hidden)?;
        not_negative("td3_bc.alpha", self.alpha)?;
        positive("td3_bc.lr", self.lr)?;
        require(self.actor_period > 0, "td3_bc.actor_period", &self.actor_period, "use at least 1")?;
        not_negative("td3_bc.target_noise", self.target_noise)?;
        not_negative("td3_bc.target_noise_clip", self.target_noise_clip)?;
        not_negative("td3_bc.exploration_noise", self.exploration_noise)
    }
}

/// The learner.
pub struct Td3Bc {
    config: Td3BcConfig,
    td3: Td3,
}

impl Td3Bc {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &Td3BcConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let parts = Td3Parts {
            gamma: config.gamma,
            polyak: config.polyak,
            hidden: &config.hidden,
            critic_layer_norm: false,
            actor_lr: config.lr,
            critic_lr: config.lr,
            target_noise: config.target_noise,
            target_noise_clip: config.target_noise_clip,
            exploration_noise: config.exploration_noise,
        };
        Ok(Self { config: config.clone(), td3: Td3::new(&parts, spec, seed, device)? })
    }

    fn step(&mut self, batch: &Transitions) -> Result<Metrics, NnError> {
        let td3 = &mut self.td3;
        let next_actions = td3.target_actions(&batch.next_obs)?;
        let next_q = td3.nets.critics.target_min(&batch.next_obs, &next_actions)?;
        let (critic_loss, q) = td3.nets.critics.fit(&batch.obs_actions()?, &batch.target(&next_q)?)?;
        td3.updates += 1;
        let metrics = Metrics::new(&[("critic_loss", critic_loss), ("q", q)]);
        if !td3.updates.is_multiple_of(self.config.actor_period) {
            return Ok(metrics);
        }

        // Equations 3 and 5.
        let actions = td3.nets.actor.actions(&batch.obs)?;
        let q1 = td3.nets.critics.frozen_values(&batch.obs, &actions)?.get(0)?;
        let scale: f32 = q1.detach().abs()?.mean_all()?.to_scalar()?;
        let lambda = self.config.alpha / scale.max(f32::MIN_POSITIVE);
        let distance = (&actions - &batch.actions)?.sqr()?.mean_all()?;
        let loss = (&distance - q1.mean_all()?.affine(lambda.into(), 0.0)?)?;
        let actor_loss = td3.nets.actor.descend(&loss)?;
        td3.move_targets()?;
        Ok(metrics.with("actor_loss", actor_loss).with("distance", distance.to_scalar()?))
    }
}

impl OfflineLearner for Td3Bc {
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        let transitions = self.td3.nets.reader.read(batch)?;
        Ok(self.step(&transitions)?)
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

impl Parameters for Td3Bc {
    fn named(&self) -> Vec<(String, &Var)> {
        self.td3.named()
    }
}

impl Checkpoint for Td3Bc {
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
    use telos_nn::Tensor;

    use super::*;

    #[test]
    fn the_actor_loss_is_that_of_equation_3() {
        let env = registry::make("pendulum-classic").unwrap();
        let config = Td3BcConfig { hidden: vec![8], actor_period: 1, ..Td3BcConfig::default() };
        let make = || Td3Bc::new(&config, env.spec(), 3, &Device::Cpu).unwrap();
        let (mut learner, fresh) = (make(), make());
        let batch = ReplayBatch {
            rows: 2,
            obs: vec![0.1, 0.2, 0.3, -0.4, 0.5, -0.6],
            actions: vec![0.5, -1.0],
            rewards: vec![1.0, -2.0],
            next_obs: vec![0.2, 0.1, 0.0, 0.3, -0.3, 0.9],
            terminated: vec![false, true],
            ..ReplayBatch::default()
        };
        let metrics = learner.update(&batch).unwrap();
        // The critics have moved before the actor did; the actor that they judged is that of the start.
        let obs = Tensor::from_slice(&batch.obs, (2, 3), &Device::Cpu).unwrap();
        let actions = fresh.td3.nets.actor.actions(&obs).unwrap();
        let q = learner.td3.nets.critics.frozen_values(&obs, &actions).unwrap().to_vec2::<f32>().unwrap();
        let pi: Vec<f32> = actions.flatten_all().unwrap().to_vec1().unwrap();
        let distance = ((pi[0] - 0.5).powi(2) + (pi[1] + 1.0).powi(2)) / 2.0;
        let lambda = 2.5 / ((q[0][0].abs() + q[0][1].abs()) / 2.0);
        let exact = distance - lambda * (q[0][0] + q[0][1]) / 2.0;
        let found = metrics.get("actor_loss").unwrap();
        assert!((found - exact).abs() < 1e-5, "{found}, exactly {exact}");
    }
}
