//! V(s), the value of a state at which the policy draws a chunk.

use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Activation, Adam, AdamConfig, Device, Mlp, MlpConfig, NnError, Tensor};

use super::TuningConfig;

/// The network and its optimiser.
#[derive(Debug)]
pub(super) struct Value {
    network: Mlp,
    optimizer: Adam,
}

impl Value {
    /// A network for observations of `size` components.
    pub(super) fn new(
        config: &TuningConfig,
        size: usize,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let layers = MlpConfig {
            inputs: size,
            hidden: config.value_hidden.clone(),
            activation: Activation::Silu,
            ..MlpConfig::default()
        };
        let network = Mlp::new("value", &layers, rng, device)?;
        let optimizer = Adam::new(&network, AdamConfig { lr: config.value_lr, ..AdamConfig::default() })?;
        Ok(Self { network, optimizer })
    }

    /// The values of observations `[rows, obs]`.
    pub(super) fn of(&self, obs: &[f32]) -> Result<Vec<f32>, NnError> {
        let rows = obs.len() / self.network.inputs();
        let mut values = vec![0.0; rows];
        self.network.infer(obs, rows, &mut values)?;
        Ok(values)
    }

    /// Regression on returns `[rows]`, this often through all rows; returns the mean squared error.
    pub(super) fn fit(
        &mut self,
        (obs, returns): (&[f32], &[f32]),
        epochs: usize,
        batch_size: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<f32, NnError> {
        let (size, device) = (self.network.inputs(), self.network.device().clone());
        let mut order: Vec<usize> = (0..returns.len()).collect();
        let (mut sum, mut steps) = (0.0, 0.0f32);
        for _ in 0..epochs {
            order.shuffle(rng);
            for batch in order.chunks(batch_size) {
                let rows: Vec<f32> = batch.iter().flat_map(|i| &obs[i * size..][..size]).copied().collect();
                let targets: Vec<f32> = batch.iter().map(|i| returns[*i]).collect();
                let rows = Tensor::from_vec(rows, (batch.len(), size), &device)?;
                let targets = Tensor::from_vec(targets, (batch.len(), 1), &device)?;
                let loss = (self.network.forward(&rows)? - targets)?.sqr()?.mean_all()?;
                self.optimizer.backward_step(&loss)?;
                sum += loss.to_scalar::<f32>()?;
                steps += 1.0;
            }
        }
        Ok(sum / steps.max(1.0))
    }
}

impl Checkpoint for Value {
    fn save(&self, out: &mut Writer) {
        out.part("network", &self.network);
        out.part("optimizer", &self.optimizer);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("network", &mut self.network)?;
        from.part("optimizer", &mut self.optimizer)
    }
}
