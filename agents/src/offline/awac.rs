//! Advantage-Weighted Actor-Critic: Nair, Gupta, Dalal, Levine 2020, "AWAC: Accelerating Online
//! Reinforcement Learning with Offline Datasets", arXiv 2006.09359. Equation numbers are the paper's.
//!
//! * (9) `Q <- argmin_Q E_D[ (Q(s, a) - y)^2 ]` with `y = r + gamma min_i Qbar_i(s', a')`, `a' ~ pi(.|s')`
//! * (13) `pi <- argmax_pi E_D[ exp(A(s, a) / lambda) log pi(a|s) ]` with
//!   `A(s, a) = min_i Q_i(s, a) - min_i Q_i(s, a~)`, `a~ ~ pi(.|s)`

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::EnvSpec;
use telos_nn::{Device, MlpConfig, NnError, Parameters, Var};

use super::{Agent, Metrics, OfflineLearner, gaussian_actor::GaussianActor};
use crate::{
    AgentError, ReplayBatch,
    actor_critic::ActorCritic,
    critics::Critics,
    error::{at_least_one, layers, positive, unit},
    transitions::{TransitionReader, Transitions},
};

/// `[awac]`: settings of AWAC. The source is CORL's `awac.py` (Tarasov et al. 2022, arXiv 2210.07105),
/// which the paper's authors' settings are part of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwacConfig {
    /// Discount per step, in [0, 1]. Default 0.99.
    pub gamma: f32,
    /// Share of the critics that moves into their targets at each update. Default 0.005.
    pub polyak: f32,
    /// Transitions per update. Default 256.
    pub batch_size: usize,
    /// Units of each hidden layer, of all networks. Default `[256, 256, 256]`.
    pub hidden: Vec<usize>,
    /// The temperature lambda of equation 13. Default 1 (0.1 for CORL's locomotion tables).
    pub lambda: f32,
    /// Bound of the weights `exp(A / lambda)`. Default 100.
    pub max_weight: f32,
    /// Step size of both Adams. Default 3e-4.
    pub lr: f64,
}

impl Default for AwacConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            polyak: 0.005,
            batch_size: 256,
            hidden: vec![256, 256, 256],
            lambda: 1.0,
            max_weight: 100.0,
            lr: 3e-4,
        }
    }
}

impl AwacConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        unit("awac.gamma", self.gamma)?;
        unit("awac.polyak", self.polyak)?;
        at_least_one("awac.batch_size", self.batch_size)?;
        layers("awac.hidden", &self.hidden)?;
        positive("awac.lambda", self.lambda.into())?;
        positive("awac.max_weight", self.max_weight.into())?;
        positive("awac.lr", self.lr)
    }
}

/// The learner: a Gaussian actor and twin critics with slow targets.
pub struct Awac {
    config: AwacConfig,
    nets: ActorCritic<GaussianActor>,
}

impl Awac {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &AwacConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let reader = TransitionReader::new(spec, config.gamma, device)?;
        let sizes = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let actor = GaussianActor::new(sizes, &config.hidden, config.lr, &mut rng, device)?;
        let hidden = config.hidden.clone();
        let shape = MlpConfig { inputs: sizes.0 + sizes.1, hidden, ..MlpConfig::default() };
        let critics = Critics::new(2, shape, config.lr, &mut rng, device)?;
        Ok(Self { config: config.clone(), nets: ActorCritic { reader, actor, critics } })
    }

    fn step(&mut self, batch: &Transitions) -> Result<Metrics, NnError> {
        let ActorCritic { actor, critics, .. } = &mut self.nets;
        // Equation 9.
        let next_actions = actor.sample(&batch.next_obs)?;
        let next_q = critics.target_min(&batch.next_obs, &next_actions)?;
        let (critic_loss, q) = critics.fit(&batch.obs_actions()?, &batch.target(&next_q)?)?;

        // Equation 13.
        let least = |actions| critics.frozen_values(&batch.obs, actions)?.min(0).map_err(NnError::from);
        let sampled = actor.sample(&batch.obs)?;
        let advantage = (least(&batch.actions)? - least(&sampled)?)?;
        let weights = advantage
            .affine((1.0 / self.config.lambda).into(), 0.0)?
            .exp()?
            .minimum(self.config.max_weight)?;
        let actor_loss = actor.regress(&batch.obs, &batch.actions, &weights)?;
        critics.move_targets(self.config.polyak)?;

        Ok(Metrics::new(&[
            ("critic_loss", critic_loss),
            ("q", q),
            ("actor_loss", actor_loss),
            ("advantage", advantage.mean_all()?.to_scalar()?),
            ("weight", weights.mean_all()?.to_scalar()?),
        ]))
    }
}

impl OfflineLearner for Awac {
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

impl Parameters for Awac {
    fn named(&self) -> Vec<(String, &Var)> {
        self.nets.named()
    }
}

impl Checkpoint for Awac {
    fn save(&self, out: &mut Writer) {
        self.nets.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.nets.load(from)
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;
    use crate::{ActMode, Policy};

    #[test]
    fn without_regard_for_advantages_it_is_the_likelihood_of_the_data() {
        let env = registry::make("pendulum-classic").unwrap();
        let config = AwacConfig { hidden: vec![8], lambda: 1e9, ..AwacConfig::default() };
        let mut learner = Awac::new(&config, env.spec(), 3, &Device::Cpu).unwrap();
        let batch = ReplayBatch {
            rows: 2,
            obs: vec![0.1, 0.2, 0.3, -0.4, 0.5, -0.6],
            actions: vec![0.5, -1.0],
            rewards: vec![1.0, -2.0],
            next_obs: vec![0.2, 0.1, 0.0, 0.3, -0.3, 0.9],
            terminated: vec![false, true],
            ..ReplayBatch::default()
        };
        let mut mean = [0.0; 2];
        learner.nets.act(&batch.obs, 2, ActMode::Mode, &mut mean).unwrap();
        let exact: f32 =
            (0..2).map(|i| 0.5 * (batch.actions[i] - mean[i]).powi(2) + 0.918_938_5).sum::<f32>() / 2.0;
        let metrics = learner.update(&batch).unwrap();
        let found = metrics.get("actor_loss").unwrap();
        assert!((found - exact).abs() < 1e-5, "{found}, exactly {exact}");
        assert!((metrics.get("weight").unwrap() - 1.0).abs() < 1e-6);
    }
}
