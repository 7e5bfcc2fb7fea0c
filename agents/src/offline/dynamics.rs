//! A probabilistic ensemble of dynamics models: Chua, Calandra, McAllister, Levine 2018, "Deep
//! Reinforcement Learning in a Handful of Trials using Probabilistic Dynamics Models" (PETS), arXiv
//! 1805.12114, in the form that MBPO and MOPO use.
//!
//! Member i predicts `(s' - s, r)` as independent Gaussians of mean `mu_i(s, a)` and variance
//! `v_i(s, a)`, by the negative log-likelihood of PETS, equation 1:
//!
//! `L_i = E[ (mu_i - y)^2 / v_i + log v_i ] + 0.01 sum (log v_max - log v_min)`
//!
//! with log-variances kept softly between the two learned bounds (its appendix A.1).

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Activation, Adam, AdamConfig, Device, MlpConfig, MlpEnsemble, NnError, Parameter, Parameters, Tensor,
    Var, kernels::softplus, weights,
};

use crate::{ObservationNormalizer, transitions::Transitions};

/// Bounds of log-variances at the start, and the weight of their distance (PETS).
const LOG_VARIANCE: [f32; 2] = [-10.0, 0.5];
const BOUND_WEIGHT: f64 = 0.01;
/// Largest normalised input, in standard deviations.
const CLIP: f32 = 10.0;
/// Share of the past in the running error that elites are chosen by.
const ERROR_MEMORY: f64 = 0.99;

/// What shapes [`Dynamics`].
pub(super) struct DynamicsShape<'a> {
    pub(super) members: usize,
    pub(super) elites: usize,
    pub(super) hidden: &'a [usize],
    pub(super) lr: f64,
    pub(super) weight_decay: f64,
}

/// The models.
pub(super) struct Dynamics {
    /// (s, a), normalised -> means and raw log-variances of `(s' - s, r)`.
    networks: MlpEnsemble,
    /// log v_min and log v_max, `[outputs]` each.
    least: Parameter,
    most: Parameter,
    optimizer: Adam,
    inputs: ObservationNormalizer,
    elites: usize,
    /// Per member: mean squared error on batches before they were learned from.
    errors: Vec<f64>,
    obs_size: usize,
    scratch: Vec<f32>,
}

/// Predictions of all members for some states and actions.
#[derive(Default)]
pub(super) struct Predictions {
    members: usize,
    rows: usize,
    /// `[members, rows, obs + 1]`.
    means: Vec<f32>,
    /// `[members, rows, obs + 1]`.
    deviations: Vec<f32>,
}

impl Dynamics {
    pub(super) fn new(
        shape: &DynamicsShape<'_>,
        (obs_size, action_size): (usize, usize),
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let outputs = obs_size + 1;
        let layers = MlpConfig {
            inputs: obs_size + action_size,
            hidden: shape.hidden.to_vec(),
            outputs: 2 * outputs,
            activation: Activation::Silu,
            ..MlpConfig::default()
        };
        let networks = MlpEnsemble::new("dynamics", shape.members, &layers, rng, device)?;
        let bound = |name, value| Parameter::new(name, &[outputs], vec![value; outputs], device);
        let (least, most) =
            (bound("least_log_variance", LOG_VARIANCE[0])?, bound("most_log_variance", LOG_VARIANCE[1])?);
        let adam = AdamConfig { lr: shape.lr, weight_decay: shape.weight_decay, ..AdamConfig::default() };
        let parts: [&dyn Parameters; 3] = [&networks, &least, &most];
        Ok(Self {
            optimizer: Adam::new(&parts, adam)?,
            inputs: ObservationNormalizer::new(obs_size + action_size, CLIP),
            elites: shape.elites,
            errors: vec![0.0; shape.members],
            scratch: Vec::new(),
            obs_size,
            networks,
            least,
            most,
        })
    }

    /// One step of every member on a bootstrap sample of the batch of its own; returns the loss, and the
    /// mean squared error before the step.
    pub(super) fn fit(
        &mut self,
        batch: &Transitions,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<(f32, f32), NnError> {
        let (members, rows, width) = (self.networks.members(), batch.rows(), self.obs_size + 1);
        let inputs: Vec<f32> = batch.obs_actions()?.flatten_all()?.to_vec1()?;
        self.inputs.update(&inputs);
        let inputs = self.normalized(&inputs, batch.obs.device())?;
        let change = (&batch.next_obs - &batch.obs)?;
        let targets = Tensor::cat(&[&change, &batch.rewards.unsqueeze(1)?], 1)?;

        let chosen = (0..members * rows).map(|_| rng.random_range(0..rows as u32));
        let chosen = Tensor::from_iter(chosen, inputs.device())?;
        let inputs = inputs.index_select(&chosen, 0)?.reshape((members, rows, ()))?;
        let targets = targets.index_select(&chosen, 0)?.reshape((members, rows, width))?;

        let output = self.networks.forward(&inputs)?;
        let raw = output.narrow(2, width, width)?;
        let below = softplus_of(&self.most.var().broadcast_sub(&raw)?)?;
        let capped = self.most.var().broadcast_sub(&below)?;
        let log_variance =
            self.least.var().broadcast_add(&softplus_of(&capped.broadcast_sub(self.least.var())?)?)?;
        let squares = (output.narrow(2, 0, width)? - &targets)?.sqr()?;
        let likelihood = (squares.mul(&log_variance.neg()?.exp()?)? + &log_variance)?;
        let bounds = (self.most.var().sum_all()? - self.least.var().sum_all()?)?;
        let loss =
            (likelihood.mean_all()?.affine(members as f64, 0.0)? + bounds.affine(BOUND_WEIGHT, 0.0)?)?;
        self.optimizer.backward_step(&loss)?;

        let errors: Vec<f32> = squares.detach().mean((1, 2))?.to_vec1()?;
        for (memory, error) in self.errors.iter_mut().zip(&errors) {
            *memory = ERROR_MEMORY * *memory + (1.0 - ERROR_MEMORY) * f64::from(*error);
        }
        Ok((loss.to_scalar()?, errors.iter().sum::<f32>() / members as f32))
    }

    /// All members' predictions for (s, a) `[rows, obs + act]`, actions in [-1, 1].
    pub(super) fn predict(&mut self, obs_actions: &[f32], out: &mut Predictions) -> Result<(), NnError> {
        let (members, inputs, width) = (self.networks.members(), self.networks.inputs(), self.obs_size + 1);
        let rows = obs_actions.len() / inputs;
        let mut normal = vec![0.0; obs_actions.len()];
        self.inputs.normalize(obs_actions, &mut normal);
        self.scratch.resize(members * rows * 2 * width, 0.0);
        self.networks.infer(&normal, rows, &mut self.scratch)?;
        let least: Vec<f32> = self.least.var().as_detached_tensor().to_vec1()?;
        let most: Vec<f32> = self.most.var().as_detached_tensor().to_vec1()?;
        (out.members, out.rows) = (members, rows);
        out.means.clear();
        out.deviations.clear();
        for row in self.scratch.chunks_exact(2 * width) {
            let (means, raw) = row.split_at(width);
            out.means.extend_from_slice(means);
            out.deviations.extend(raw.iter().zip(least.iter().zip(&most)).map(|(raw, (least, most))| {
                let capped = most - softplus(most - raw);
                (0.5 * (least + softplus(capped - least))).exp()
            }));
        }
        Ok(())
    }

    /// The members with the smallest running errors, best first.
    pub(super) fn elites(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.errors.len()).collect();
        order.sort_by(|a, b| self.errors[*a].total_cmp(&self.errors[*b]));
        order.truncate(self.elites);
        order
    }

    fn normalized(&self, inputs: &[f32], device: &Device) -> Result<Tensor, NnError> {
        let mut normal = vec![0.0; inputs.len()];
        self.inputs.normalize(inputs, &mut normal);
        let width = self.networks.inputs();
        Ok(Tensor::from_vec(normal, (inputs.len() / width, width), device)?)
    }
}

fn softplus_of(x: &Tensor) -> Result<Tensor, NnError> {
    Activation::Softplus.apply(x)
}

impl Predictions {
    /// Mean and deviation of `(s' - s, r)` by one member for one row, `[obs + 1]` each.
    pub(super) fn of(&self, member: usize, row: usize) -> (&[f32], &[f32]) {
        let width = self.means.len() / (self.members * self.rows);
        let part = (member * self.rows + row) * width..(member * self.rows + row + 1) * width;
        (&self.means[part.clone()], &self.deviations[part])
    }

    /// MOPO's uncertainty of one row, `max_i |sigma_i(s, a)|`.
    pub(super) fn uncertainty(&self, row: usize) -> f32 {
        let norm = |member| self.of(member, row).1.iter().map(|x| x * x).sum::<f32>().sqrt();
        (0..self.members).map(norm).fold(0.0, f32::max)
    }
}

impl Parameters for Dynamics {
    fn named(&self) -> Vec<(String, &Var)> {
        let parts: [&dyn Parameters; 3] = [&self.networks, &self.least, &self.most];
        parts.into_iter().flat_map(Parameters::named).collect()
    }
}

impl Checkpoint for Dynamics {
    fn save(&self, out: &mut Writer) {
        weights::save_values(self, out);
        out.part("optimizer", &self.optimizer);
        out.part("inputs", &self.inputs);
        out.value("errors", &self.errors);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(self, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        from.part("inputs", &mut self.inputs)?;
        self.errors = from.value("errors")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use telos_envs::{BoxSpace, EnvSpec};

    use super::*;
    use crate::{ReplayBatch, transitions::TransitionReader};

    fn rail() -> EnvSpec {
        EnvSpec {
            id: "rail".into(),
            task: String::new(),
            observation: BoxSpace::unbounded(1),
            action: BoxSpace::uniform(1, -1.0, 1.0),
            dt: 0.1,
            horizon: 10,
            factors: vec![],
            can_terminate: false,
            goal: None,
        }
    }

    #[test]
    fn means_and_deviations_become_those_of_the_world() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let shape = DynamicsShape { members: 3, elites: 2, hidden: &[32], lr: 3e-3, weight_decay: 0.0 };
        let mut dynamics = Dynamics::new(&shape, (1, 1), &mut rng, &Device::Cpu).unwrap();
        let mut reader = TransitionReader::new(&rail(), 1.0, &Device::Cpu).unwrap();
        for _ in 0..1500 {
            // s' = s + 0.5 a, and a reward of -s with a noise of 0.3 sqrt(3) deviations: 0.3.
            let mut uniform = || -> Vec<f32> { (0..64).map(|_| rng.random_range(-1.0..1.0)).collect() };
            let (obs, actions, noise) = (uniform(), uniform(), uniform());
            let batch = ReplayBatch {
                rows: 64,
                next_obs: obs.iter().zip(&actions).map(|(s, a)| s + 0.5 * a).collect(),
                rewards: obs.iter().zip(&noise).map(|(s, n)| 0.3 * 3f32.sqrt() * n - s).collect(),
                obs,
                actions,
                terminated: vec![false; 64],
                ..ReplayBatch::default()
            };
            dynamics.fit(&reader.read(&batch).unwrap(), &mut rng).unwrap();
        }
        let mut found = Predictions::default();
        dynamics.predict(&[0.4, -0.8], &mut found).unwrap();
        for member in dynamics.elites() {
            let (means, deviations) = found.of(member, 0);
            assert!((means[0] + 0.4).abs() < 0.05 && (means[1] + 0.4).abs() < 0.1, "{means:?}");
            assert!(deviations[0] < 0.06 && (deviations[1] - 0.3).abs() < 0.06, "{deviations:?}");
        }
        assert!((0.25..0.5).contains(&found.uncertainty(0)), "{}", found.uncertainty(0));
        assert_eq!(dynamics.elites().len(), 2);
    }
}
