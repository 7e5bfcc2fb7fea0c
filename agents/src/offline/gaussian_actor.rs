//! The actor of advantage-weighted regression: a Gaussian with mean `tanh(mu_phi(s))` and a deviation
//! that does not depend on the state, as in the authors' code of IQL. It only ever learns by regression
//! on actions of the data, so that its density needs no correction for the tanh.

use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Adam, AdamConfig, Device, NnError, Parameter, Parameters, Tensor, Var, gaussian, weights};

use super::exploring_mean::ExploringMean;
use crate::{ActMode, ActionRange, AgentError, actor_critic::Actor};

/// Bounds of the log standard deviation (authors' code of IQL; the upper one keeps exploration inside
/// the action range).
const LOG_STD_MIN: f32 = -20.0;
const LOG_STD_MAX: f32 = 2.0;

pub(super) struct GaussianActor {
    mean: ExploringMean,
    /// `[act]`, starts at 0.
    log_std: Parameter,
    /// exp of the clamped `log_std`, at hand for acting.
    std: Vec<f32>,
    optimizer: Adam,
    lr: f64,
    update_rng: Xoshiro256PlusPlus,
    noise: Vec<f32>,
}

impl GaussianActor {
    /// Draws the weights from `rng`; `sizes` are those of observations and actions.
    pub(super) fn new(
        sizes: (usize, usize),
        hidden: &[usize],
        lr: f64,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mean = ExploringMean::new(sizes, hidden, rng, device)?;
        let mut update_rng = mean.act_rng.clone();
        update_rng.jump();
        let log_std = Parameter::new("log_std", &[sizes.1], vec![0.0; sizes.1], device)?;
        let parts: [&dyn Parameters; 2] = [&mean.net, &log_std];
        let optimizer = Adam::new(&parts, AdamConfig { lr, ..AdamConfig::default() })?;
        Ok(Self { mean, log_std, std: vec![1.0; sizes.1], optimizer, lr, update_rng, noise: Vec::new() })
    }

    /// One step down `E[-w log pi(a|s)]` for weights w `[b]`; returns it.
    pub(super) fn regress(
        &mut self,
        obs: &Tensor,
        actions: &Tensor,
        weights: &Tensor,
    ) -> Result<f32, NnError> {
        let log_std = self.log_std.var().clamp(LOG_STD_MIN, LOG_STD_MAX)?;
        let log_prob = gaussian::log_prob(&self.mean.net.forward(obs)?, &log_std, actions)?;
        let loss = weights.mul(&log_prob)?.mean_all()?.neg()?;
        self.optimizer.backward_step(&loss)?;
        self.refresh()?;
        Ok(loss.to_scalar()?)
    }

    /// a ~ pi(.|s), `[b, act]` in [-1, 1], without a graph.
    pub(super) fn sample(&mut self, obs: &Tensor) -> Result<Tensor, NnError> {
        let mean = self.mean.net.forward_frozen(obs)?;
        let (rows, width) = mean.dims2()?;
        self.noise.resize(rows * width, 0.0);
        gaussian::standard_normal(&mut self.update_rng, &mut self.noise);
        for noise in self.noise.chunks_exact_mut(width) {
            noise.iter_mut().zip(&self.std).for_each(|(noise, std)| *noise *= std);
        }
        let noise = Tensor::from_slice(&self.noise, (rows, width), mean.device())?;
        Ok((mean + noise)?.clamp(-1.0_f32, 1.0_f32)?)
    }

    /// Multiplies the configured step size by `factor` from now on.
    pub(super) fn scale_lr(&mut self, factor: f64) {
        self.optimizer.set_lr(self.lr * factor);
    }

    fn refresh(&mut self) -> Result<(), NnError> {
        let log_std: Vec<f32> = self.log_std.var().as_detached_tensor().to_vec1()?;
        self.std.clear();
        self.std.extend(log_std.iter().map(|l| l.clamp(LOG_STD_MIN, LOG_STD_MAX).exp()));
        Ok(())
    }
}

impl Actor for GaussianActor {
    fn act(
        &mut self,
        range: &ActionRange,
        obs: &[f32],
        rows: usize,
        mode: ActMode,
        actions: &mut [f32],
    ) -> Result<(), AgentError> {
        self.mean.act(&self.std, range, obs, rows, mode, actions)
    }
}

impl Parameters for GaussianActor {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 2] = [&self.mean.net, &self.log_std];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for GaussianActor {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("optimizer", &self.optimizer);
        out.value("act_rng", &self.mean.act_rng);
        out.value("update_rng", &self.update_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        self.mean.act_rng = from.value("act_rng")?;
        self.update_rng = from.value("update_rng")?;
        self.refresh().map_err(|error| from.wrong("log_std", &error.to_string()))
    }
}
