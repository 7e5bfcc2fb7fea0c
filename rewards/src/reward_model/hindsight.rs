//! Hindsight PRIOR (Verma and Metcalf 2024, "Hindsight PRIORs for Reward Learning from Human
//! Preferences", arXiv 2404.08828): a preference says little about which step earned it, so the reward
//! is told to go where a world model looks back to.
//!
//! 1. Fit a causal transformer over `s_0, a_0, s_1, a_1, ...` to unjudged behaviour by the L1 distance of
//!    the predicted next state.
//! 2. The importance `α_t` of a step, with `Σ_t α_t = 1`, is the attention of the last action to the
//!    step's state and action, averaged over heads and layers.
//! 3. `L = L_BT + λ mean_t (r(s_t, a_t) - α_t Σ_j r(s_j, a_j))²`, the return being predicted like the
//!    rewards, so that gradients flow through both.

use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{CheckpointError, Reader, Writer};
use telos_nn::{Device, MlpEnsemble, NnError, Tensor, TransformerConfig};

use super::{
    Batch, BatchLoss, Behaviour, InputScale, PreferenceData, RewardModelConfig, RewardObjective, StepSizes,
    bradley_terry_loss, world_model::WorldModel,
};
use crate::{RewardError, error::require};

/// Configuration of [`Hindsight`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HindsightConfig {
    /// Weight `λ` of the importance against the preferences. Default 1 (the authors' code).
    pub weight: f64,
    /// Gradient steps of the world model before each training session. Default 200.
    pub updates: usize,
    /// Segments per gradient step of the world model. Default 16.
    pub batch: usize,
    /// Adam's learning rate for the world model. Default 1e-3.
    pub learning_rate: f64,
    /// The world model's size. Default 3 layers of width 64 with 1 head, half the Decision
    /// Transformer's width.
    pub transformer: TransformerConfig,
}

impl Default for HindsightConfig {
    fn default() -> Self {
        let transformer = TransformerConfig::default();
        Self { weight: 1.0, updates: 200, batch: 16, learning_rate: 1e-3, transformer }
    }
}

impl HindsightConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let (weight, rate) = (self.weight, self.learning_rate);
        require(weight >= 0.0 && weight.is_finite(), "hindsight.weight", weight, "must not be negative")?;
        require(self.batch > 0, "hindsight.batch", self.batch, "must be at least 1 segment")?;
        require(rate > 0.0 && rate.is_finite(), "hindsight.learning_rate", rate, "must be positive")?;
        let TransformerConfig { width, heads, layers } = self.transformer;
        let divides = heads > 0 && width > 0 && width.is_multiple_of(heads);
        require(divides, "hindsight.transformer.width", width, "must be a multiple of heads")?;
        require(layers > 0, "hindsight.transformer.layers", layers, "must be at least 1")
    }
}

/// The Bradley-Terry likelihood of rewards that are held to the importance of each step.
pub struct Hindsight {
    world: WorldModel,
    weight: f64,
    /// `[pairs, 2, segment]` of the data that is being learned from.
    importance: Vec<f32>,
}

impl Hindsight {
    /// `[members, pairs, 2, segment]`.
    fn importance_of(&self, batch: &Batch<'_>) -> Result<Tensor, NnError> {
        let size = 2 * batch.data.segment();
        let rows = batch.at.iter().flat_map(|at| &self.importance[at * size..][..size]);
        Ok(Tensor::from_vec(rows.copied().collect(), batch.shape(), batch.inputs.device())?)
    }
}

impl RewardObjective for Hindsight {
    fn new(
        config: &RewardModelConfig,
        sizes: StepSizes,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, RewardError> {
        let config = config.hindsight;
        let world = WorldModel::new(config, sizes, rng, device)?;
        Ok(Self { world, weight: config.weight, importance: Vec::new() })
    }

    fn prepare(
        &mut self,
        data: &PreferenceData,
        scale: &InputScale,
        behaviour: &dyn Behaviour,
    ) -> Result<(), RewardError> {
        self.world.learn(behaviour, scale)?;
        let mut inputs = Vec::with_capacity(data.rows().len());
        scale.extend(data.rows(), &mut inputs);
        self.importance = self.world.importance(&inputs)?;
        Ok(())
    }

    fn loss(&mut self, networks: &MlpEnsemble, batch: &Batch<'_>) -> Result<BatchLoss, NnError> {
        let (members, ..) = batch.shape();
        let rewards = networks.forward(&batch.inputs)?.reshape(batch.shape())?;
        let logits = batch.logits(&rewards)?;
        let deserved = self.importance_of(batch)?.broadcast_mul(&rewards.sum_keepdim(3)?)?;
        // The mean over a member's steps, summed over the members.
        let prior = (rewards - deserved)?.sqr()?.mean_all()?.affine(self.weight * members as f64, 0.0)?;
        let loss = (bradley_terry_loss(&logits, &batch.targets, batch.weights.as_ref())? + prior)?;
        Ok(BatchLoss { logits, loss })
    }

    fn save(&self, out: &mut Writer) {
        out.part("world", &self.world);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("world", &mut self.world)
    }
}
