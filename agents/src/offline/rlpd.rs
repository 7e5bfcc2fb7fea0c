//! RLPD: Ball, Smith, Kostrikov, Levine 2023, "Efficient Online Reinforcement Learning with Offline
//! Data", arXiv 2302.02948, algorithm 1. Soft actor-critic with an ensemble of normalised critics and
//! many updates per step of the environment; half of every batch is recorded data, which the training
//! loop sees to.
//!
//! * line 9: `y = r + gamma ( min_(i in Z) Qbar_i(s', a') - alpha log pi(a'|s') )` with Z a random subset
//!   of the critics, `a' ~ pi(.|s')`; the entropy term may be left out
//! * line 14: `pi = argmax_pi E[ mean_i Q_i(s, a) - alpha log pi(a|s) ]`

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{Device, MlpConfig, NnError, Parameters, SquashedGaussian, Tensor, Var};

use super::{Agent, Metrics, OfflineLearner};
use crate::{
    AgentError, ReplayBatch,
    actor_critic::ActorCritic,
    critics::Critics,
    error::{at_least_one, layers, positive, require, unit},
    soft_actor::{SoftActor, SoftActorConfig},
    transitions::{TransitionReader, Transitions},
};

/// `[rlpd]`: settings of RLPD. The sources are the paper, table 1, and the authors' code
/// (`ikostrikov/rlpd`). The share of recorded data, when to start and how many updates to take per step
/// are the training loop's business.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RlpdConfig {
    /// Discount per step, in [0, 1]. Default 0.99.
    pub gamma: f32,
    /// Share of the critics that moves into their targets at each update. Default 0.005.
    pub polyak: f32,
    /// Transitions per update. Default 256.
    pub batch_size: usize,
    /// Units of each hidden layer, of all networks. Default `[256, 256]` (three layers for ant mazes
    /// and adroit).
    pub hidden: Vec<usize>,
    /// Critics E. Default 10.
    pub critics: usize,
    /// Critics |Z| whose least value makes a target. Default 2 (1 for ant mazes).
    pub subset: usize,
    /// Whether the critics' layers are normalised. Default true.
    pub critic_layer_norm: bool,
    /// Whether targets contain the entropy of the policy. Default true (false for sparse rewards).
    pub entropy_backup: bool,
    /// Step size of all Adams. Default 3e-4.
    pub lr: f64,
    /// The actor and the temperature move in every so many updates. Default 20: once per step of the
    /// environment with the paper's 20 updates per step.
    pub actor_period: u64,
}

impl Default for RlpdConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            polyak: 0.005,
            batch_size: 256,
            hidden: vec![256, 256],
            critics: 10,
            subset: 2,
            critic_layer_norm: true,
            entropy_backup: true,
            lr: 3e-4,
            actor_period: 20,
        }
    }
}

impl RlpdConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        unit("rlpd.gamma", self.gamma)?;
        unit("rlpd.polyak", self.polyak)?;
        at_least_one("rlpd.batch_size", self.batch_size)?;
        layers("rlpd.hidden", &self.hidden)?;
        at_least_one("rlpd.critics", self.critics)?;
        let subset = self.subset;
        let fits = subset > 0 && subset <= self.critics;
        require(fits, "rlpd.subset", &subset, "use a number from 1 to `rlpd.critics`")?;
        positive("rlpd.lr", self.lr)?;
        require(self.actor_period > 0, "rlpd.actor_period", &self.actor_period, "use at least 1")
    }
}

/// The learner: a tanh-Gaussian actor with its temperature, and many critics with slow targets.
pub struct Rlpd {
    config: RlpdConfig,
    nets: ActorCritic<SoftActor>,
    updates: u64,
}

impl Rlpd {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &RlpdConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let reader = TransitionReader::new(spec, config.gamma, device)?;
        let (obs_size, action_size) = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let actor_config = SoftActorConfig {
            hidden: &config.hidden,
            actor_lr: config.lr,
            temperature_lr: config.lr,
            initial_temperature: 1.0,
            // Half the entropy that soft actor-critic steers to (authors' code).
            target_entropy: -0.5 * action_size as f32,
            distribution: SquashedGaussian::default(),
        };
        let actor = SoftActor::new(&actor_config, obs_size, action_size, &mut rng, device)?;
        let shape = MlpConfig {
            inputs: obs_size + action_size,
            hidden: config.hidden.clone(),
            layer_norm: config.critic_layer_norm,
            ..MlpConfig::default()
        };
        let critics = Critics::new(config.critics, shape, config.lr, &mut rng, device)?;
        Ok(Self { config: config.clone(), nets: ActorCritic { reader, actor, critics }, updates: 0 })
    }

    fn step(&mut self, batch: &Transitions) -> Result<Metrics, NnError> {
        let temperature = self.nets.actor.temperature()?;
        // Line 9.
        let (next_actions, log_prob) = self.nets.actor.sample_frozen(&batch.next_obs, 1)?;
        let subset = self.draw_subset();
        let mut next_value = self.nets.critics.subset_min(&subset, &batch.next_obs, &next_actions)?;
        if self.config.entropy_backup {
            next_value = (next_value - log_prob.affine(temperature.into(), 0.0)?)?;
        }
        let (critic_loss, q) = self.nets.critics.fit(&batch.obs_actions()?, &batch.target(&next_value)?)?;
        self.nets.critics.move_targets(self.config.polyak)?;
        self.updates += 1;
        let metrics = Metrics::new(&[("critic_loss", critic_loss), ("q", q), ("temperature", temperature)]);
        if !self.updates.is_multiple_of(self.config.actor_period) {
            return Ok(metrics);
        }

        // Line 14.
        let ActorCritic { actor, critics, .. } = &mut self.nets;
        let mean = |actions: &Tensor| -> Result<Tensor, NnError> {
            Ok(critics.frozen_values(&batch.obs, actions)?.mean(0)?)
        };
        let (actor_loss, entropy) = actor.improve(&batch.obs, mean)?;
        actor.step_temperature(entropy)?;
        Ok(metrics.with("actor_loss", actor_loss).with("entropy", entropy))
    }

    /// Z: distinct critics, ascending.
    fn draw_subset(&mut self) -> Vec<usize> {
        let mut left = self.config.subset;
        let total = self.config.critics;
        let rng = self.nets.actor.update_rng();
        // Each is taken with the chance that makes all subsets equally likely.
        (0..total)
            .filter(|i| {
                let taken = rng.random_range(0..total - i) < left;
                left -= usize::from(taken);
                taken
            })
            .collect()
    }
}

impl OfflineLearner for Rlpd {
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
}

impl Parameters for Rlpd {
    fn named(&self) -> Vec<(String, &Var)> {
        self.nets.named()
    }
}

impl Checkpoint for Rlpd {
    fn save(&self, out: &mut Writer) {
        self.nets.save(out);
        out.value("updates", &self.updates);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.nets.load(from)?;
        self.updates = from.value("updates")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;

    #[test]
    fn subsets_are_distinct_critics_and_equally_likely() {
        let env = registry::make("pendulum-classic").unwrap();
        let config = RlpdConfig { hidden: vec![4], critics: 4, subset: 2, ..RlpdConfig::default() };
        let mut learner = Rlpd::new(&config, env.spec(), 0, &Device::Cpu).unwrap();
        let mut counts = [[0.0_f64; 4]; 4];
        for _ in 0..6000 {
            let subset = learner.draw_subset();
            assert!(subset.len() == 2 && subset[0] < subset[1], "{subset:?}");
            counts[subset[0]][subset[1]] += 1.0;
        }
        let chi_square: f64 = (0..4)
            .flat_map(|i| (i + 1..4).map(move |j| (i, j)))
            .map(|(i, j)| (counts[i][j] - 1000.0).powi(2) / 1000.0)
            .sum();
        assert!(chi_square < 20.5, "the 99.9 % quantile with 5 degrees of freedom; got {chi_square}");
    }

    #[test]
    fn a_subset_of_all_critics_has_their_least_value() {
        let env = registry::make("pendulum-classic").unwrap();
        let config = RlpdConfig { hidden: vec![8], critics: 3, subset: 3, ..RlpdConfig::default() };
        let learner = Rlpd::new(&config, env.spec(), 0, &Device::Cpu).unwrap();
        let obs = Tensor::new(&[[0.1_f32, 0.2, 0.3], [1.0, 0.0, -2.0]], &Device::Cpu).unwrap();
        let actions = Tensor::new(&[[0.5_f32], [-0.5]], &Device::Cpu).unwrap();
        let least = |tensor: Result<Tensor, NnError>| tensor.unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(
            least(learner.nets.critics.subset_min(&[0, 1, 2], &obs, &actions)),
            least(learner.nets.critics.target_min(&obs, &actions))
        );
        let all = learner.nets.critics.target_values(&obs, &actions).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(least(learner.nets.critics.subset_min(&[2], &obs, &actions)), all[2]);
    }
}
