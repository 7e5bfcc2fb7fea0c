//! Q(s, chunk), learned from the latest executed chunks: who scores chunks that nobody executed, and whose
//! gradient says how to change one.
//!
//! L = sum_i E (Q_i(s, a) - r - gamma V(s'))^2,   Q = min(Q_1, Q_2)   (Fujimoto et al. 2018, arXiv 1802.09477)

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Activation, Adam, AdamConfig, Device, MlpConfig, MlpEnsemble, NnError, Tensor};

use super::TuningConfig;
use crate::generative::{ChunkReward, ChunkShape};

const MEMBERS: usize = 2;

/// The networks and what they learn from.
#[derive(Debug)]
pub(super) struct Critic {
    networks: MlpEnsemble,
    optimizer: Adam,
    shape: ChunkShape,
    capacity: usize,
    /// Decisions that were remembered, ever.
    seen: usize,
    /// `[remembered, obs + width]`.
    inputs: Vec<f32>,
    /// `[remembered]`: the reward of the chunk plus the discounted value of what followed.
    targets: Vec<f32>,
}

impl Critic {
    /// Networks for chunks of this shape.
    pub(super) fn new(
        config: &TuningConfig,
        shape: ChunkShape,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let layers = MlpConfig {
            inputs: shape.obs + shape.width(),
            hidden: config.value_hidden.clone(),
            activation: Activation::Silu,
            layer_norm: true,
            ..MlpConfig::default()
        };
        let networks = MlpEnsemble::new("critic", MEMBERS, &layers, rng, device)?;
        let optimizer = Adam::new(&networks, AdamConfig { lr: config.value_lr, ..AdamConfig::default() })?;
        let (inputs, targets) = (Vec::new(), Vec::new());
        Ok(Self { networks, optimizer, shape, capacity: config.critic_memory, seen: 0, inputs, targets })
    }

    /// Remembers an executed chunk, in place of the oldest where there is no room.
    pub(super) fn remember(&mut self, obs: &[f32], chunk: &[f32], target: f32) {
        let width = self.networks.inputs();
        let place = self.seen % self.capacity;
        if place == self.targets.len() {
            self.inputs.resize((place + 1) * width, 0.0);
            self.targets.push(0.0);
        }
        let (head, tail) = self.inputs[place * width..][..width].split_at_mut(obs.len());
        head.copy_from_slice(obs);
        tail.copy_from_slice(chunk);
        self.targets[place] = target;
        self.seen += 1;
    }

    /// Gradient steps on batches of what is remembered; returns the mean squared error.
    pub(super) fn fit(
        &mut self,
        steps: usize,
        batch_size: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<f32, NnError> {
        let (width, device) = (self.networks.inputs(), self.networks.device().clone());
        let mut sum = 0.0;
        for _ in 0..steps {
            let rows: Vec<usize> = (0..batch_size).map(|_| rng.random_range(0..self.targets.len())).collect();
            let inputs: Vec<f32> =
                rows.iter().flat_map(|i| &self.inputs[i * width..][..width]).copied().collect();
            let targets: Vec<f32> = rows.iter().map(|i| self.targets[*i]).collect();
            let inputs = Tensor::from_vec(inputs, (batch_size, width), &device)?;
            let targets = Tensor::from_vec(targets, (1, batch_size, 1), &device)?;
            let loss = self.networks.forward(&inputs)?.broadcast_sub(&targets)?.sqr()?.mean_all()?;
            self.optimizer.backward_step(&loss)?;
            sum += loss.to_scalar::<f32>()?;
        }
        Ok(sum / steps.max(1) as f32)
    }

    /// The scores of chunks `[rows, width]` for observations `[rows, obs]`.
    pub(super) fn score(&self, obs: &Tensor, chunks: &Tensor) -> Result<Vec<f32>, NnError> {
        Ok(self.reward(obs, chunks)?.detach().to_vec1()?)
    }
}

impl ChunkReward for Critic {
    fn reward(&self, obs: &Tensor, chunks: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.networks.forward_frozen(&Tensor::cat(&[obs, chunks], 1)?)?.min(0)?.squeeze(1)?)
    }
}

impl Checkpoint for Critic {
    fn save(&self, out: &mut Writer) {
        out.part("networks", &self.networks);
        out.part("optimizer", &self.optimizer);
        out.value("seen", &self.seen);
        out.f32s("inputs", &self.inputs);
        out.f32s("targets", &self.targets);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("networks", &mut self.networks)?;
        from.part("optimizer", &mut self.optimizer)?;
        self.seen = from.value("seen")?;
        self.inputs = from.f32_vec("inputs")?;
        self.targets = from.f32_vec("targets")?;
        let width = self.shape.obs + self.shape.width();
        let sound = self.targets.len() == self.seen.min(self.capacity)
            && self.inputs.len() == self.targets.len() * width;
        if sound { Ok(()) } else { Err(from.wrong("targets", "do not fit this critic's memory")) }
    }
}
