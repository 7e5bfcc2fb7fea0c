//! Behaviour cloning (Pomerleau 1991, "Efficient Training of Artificial Neural Networks for Autonomous
//! Navigation"), and of the best episodes only: "percent BC" of Chen et al. 2021, "Decision
//! Transformer", arXiv 2106.01345, section 5.
//!
//! `L(phi) = E_(s,a)~D[ |pi_phi(s) - a|^2 ]`

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, dataset::EpisodeView};
use telos_nn::{Device, NnError, Parameters, Var};

use super::{Agent, Metrics, OfflineLearner, deterministic_actor::DeterministicActor};
use crate::{
    ActMode, AgentError, Policy, ReplayBatch,
    actor_critic::Actor,
    error::{at_least_one, layers, not_negative, positive},
    transitions::{TransitionReader, Transitions},
};

/// `[bc]`: settings of behaviour cloning. The source is CORL's `any_percent_bc.py` (Tarasov et al.
/// 2022, arXiv 2210.07105).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BcConfig {
    /// Transitions per update. Default 256 (CORL).
    pub batch_size: usize,
    /// Units of each hidden layer. Default `[256, 256]` (CORL).
    pub hidden: Vec<usize>,
    /// Step size of Adam. Default 3e-4 (CORL).
    pub lr: f64,
    /// Deviation of the noise on actions, in [-1, 1], where the policy explores online. Default 0.1
    /// (TD3, arXiv 1802.09477).
    pub exploration_noise: f32,
}

impl Default for BcConfig {
    fn default() -> Self {
        Self { batch_size: 256, hidden: vec![256, 256], lr: 3e-4, exploration_noise: 0.1 }
    }
}

impl BcConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        at_least_one("bc.batch_size", self.batch_size)?;
        layers("bc.hidden", &self.hidden)?;
        positive("bc.lr", self.lr)?;
        not_negative("bc.exploration_noise", self.exploration_noise)
    }
}

/// The episodes with the highest returns that together hold at least the share `share` of all steps.
pub fn best_episodes<'a>(
    episodes: impl IntoIterator<Item = EpisodeView<'a>>,
    share: f64,
) -> Vec<EpisodeView<'a>> {
    let mut episodes: Vec<EpisodeView<'a>> = episodes.into_iter().collect();
    // Stable: of equal episodes the earlier ones come first.
    episodes.sort_by(|a, b| b.total_reward().total_cmp(&a.total_reward()));
    let wanted = share * episodes.iter().map(|episode| episode.steps as f64).sum::<f64>();
    let mut steps = 0.0;
    episodes
        .into_iter()
        .take_while(|episode| {
            let more = steps < wanted;
            steps += episode.steps as f64;
            more
        })
        .collect()
}

/// The learner: one network.
pub struct Bc {
    config: BcConfig,
    reader: TransitionReader,
    actor: DeterministicActor,
}

impl Bc {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, an action component has no finite bounds, or the device
    /// refuses.
    pub fn new(config: &BcConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let reader = TransitionReader::new(spec, 1.0, device)?;
        let sizes = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let noise = config.exploration_noise;
        let actor = DeterministicActor::new(sizes, &config.hidden, config.lr, noise, &mut rng, device)?;
        Ok(Self { config: config.clone(), reader, actor })
    }

    fn step(&mut self, batch: &Transitions) -> Result<Metrics, NnError> {
        let loss = (self.actor.actions(&batch.obs)? - &batch.actions)?.sqr()?.mean_all()?;
        Ok(Metrics::new(&[("actor_loss", self.actor.descend(&loss)?)]))
    }
}

impl OfflineLearner for Bc {
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        let transitions = self.reader.read(batch)?;
        Ok(self.step(&transitions)?)
    }

    fn batch_size(&self) -> usize {
        self.config.batch_size
    }

    fn agent(&self) -> &dyn Agent {
        self
    }

    fn agent_mut(&mut self) -> &mut dyn Agent {
        self
    }
}

impl Agent for Bc {
    fn gamma(&self) -> f32 {
        self.reader.gamma()
    }

    fn obs_size(&self) -> usize {
        self.reader.obs_size()
    }
}

impl Policy for Bc {
    fn act(
        &mut self,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.actor.act(self.reader.range(), obs, rows, mode, actions)
    }
}

impl Parameters for Bc {
    fn named(&self) -> Vec<(String, &Var)> {
        self.actor.named()
    }
}

impl Checkpoint for Bc {
    fn save(&self, out: &mut Writer) {
        self.actor.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.actor.load(from)
    }
}
