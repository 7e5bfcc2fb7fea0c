//! A reward from the question "is it done?": a classifier of states, learned from states that somebody
//! called a success or not, as RoboFuME has one (Yang et al. 2023, "Robot Fine-Tuning Made Easy: Pre-Training
//! Rewards and Policies for Autonomous Real-World Reinforcement Learning", arXiv 2310.15145, section 4.2;
//! there a vision-language model on images, here a network on observations).
//!
//! * `L(psi) = -E[ y log p_psi(s) + (1 - y) log(1 - p_psi(s)) ]`, half of every batch successes
//! * `r(s) = 1[ p_psi(s) > threshold ]`
//!
//! A policy seeks out what the classifier takes for success and is not: false positives cost more than
//! false negatives, hence a threshold above one half, and failures of the policy among the examples.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Adam, AdamConfig, Device, Mlp, MlpConfig, NnError, Parameters, Tensor, Var, weights};

use crate::{RewardError, reward_model::RewardModel};

/// Settings of a [`SuccessClassifier`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuccessClassifierConfig {
    /// Units of each hidden layer. Default `[128, 128]`.
    pub hidden: Vec<usize>,
    /// Step size of Adam. Default 3e-4.
    pub lr: f64,
    /// Examples per update, half of them successes. Default 256.
    pub batch_size: usize,
    /// Updates per training. Default 500.
    pub updates: usize,
    /// The probability above which a state counts as a success. Default 0.8.
    pub threshold: f32,
}

impl Default for SuccessClassifierConfig {
    fn default() -> Self {
        Self { hidden: vec![128, 128], lr: 3e-4, batch_size: 256, updates: 500, threshold: 0.8 }
    }
}

impl SuccessClassifierConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`RewardError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), RewardError> {
        let wrong = |key, value, reason| Err(RewardError::Config { key, value, reason });
        if self.hidden.contains(&0) {
            return wrong("hidden", format!("{:?}", self.hidden), "every layer needs a unit");
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return wrong("lr", self.lr.to_string(), "must be above 0");
        }
        if self.batch_size < 2 {
            return wrong("batch_size", self.batch_size.to_string(), "must be at least 2");
        }
        if self.updates == 0 {
            return wrong("updates", "0".into(), "must be at least 1");
        }
        if !(0.0..1.0).contains(&self.threshold) {
            return wrong("threshold", self.threshold.to_string(), "must be in [0, 1)");
        }
        Ok(())
    }
}

/// States with a verdict each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SuccessExamples {
    obs_size: usize,
    /// `[n, obs]` of successes, then of failures.
    states: [Vec<f32>; 2],
}

impl SuccessExamples {
    /// None yet, of `obs_size` numbers each.
    pub fn new(obs_size: usize) -> Self {
        Self { obs_size, states: [Vec::new(), Vec::new()] }
    }

    /// Adds a state.
    ///
    /// # Panics
    /// When it has another size.
    pub fn push(&mut self, obs: &[f32], success: bool) {
        assert_eq!(obs.len(), self.obs_size, "one observation");
        self.states[usize::from(!success)].extend_from_slice(obs);
    }

    /// How many successes and failures there are.
    pub fn counts(&self) -> [usize; 2] {
        [0, 1].map(|kind: usize| self.states[kind].len() / self.obs_size)
    }

    fn draw(&self, kind: usize, rng: &mut Xoshiro256PlusPlus) -> &[f32] {
        let at = rng.random_range(0..self.counts()[kind]);
        &self.states[kind][at * self.obs_size..][..self.obs_size]
    }
}

impl Checkpoint for SuccessExamples {
    fn save(&self, out: &mut Writer) {
        out.value("states", &self.states);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.states = from.value("states")?;
        Ok(())
    }
}

/// The classifier, and with it the reward.
pub struct SuccessClassifier {
    config: SuccessClassifierConfig,
    obs_size: usize,
    net: Mlp,
    optimizer: Adam,
    /// Shift and scale of each component, those of the first examples; empty before.
    moments: [Vec<f32>; 2],
    version: u64,
    rng: Xoshiro256PlusPlus,
}

impl SuccessClassifier {
    /// A classifier of observations of `obs_size` numbers, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong or the device refuses.
    pub fn new(
        config: &SuccessClassifierConfig,
        obs_size: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, RewardError> {
        config.validate()?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let shape = MlpConfig { inputs: obs_size, hidden: config.hidden.clone(), ..MlpConfig::default() };
        let net = Mlp::new("success_classifier", &shape, &mut rng, device)?;
        let optimizer = Adam::new(&net, AdamConfig { lr: config.lr, ..AdamConfig::default() })?;
        let moments = [Vec::new(), Vec::new()];
        Ok(Self { config: config.clone(), obs_size, net, optimizer, moments, version: 0, rng })
    }

    /// Trainings so far.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Trains on `examples`; returns the mean loss. Without both kinds of examples there is nothing to tell
    /// apart: then nothing happens, and the loss is `None`.
    ///
    /// # Errors
    /// When a gradient is not finite or the device refuses.
    pub fn train(&mut self, examples: &SuccessExamples) -> Result<Option<f32>, RewardError> {
        if examples.counts().contains(&0) {
            return Ok(None);
        }
        if self.version == 0 {
            self.fit_moments(examples);
        }
        let (rows, mut sum) = (self.config.batch_size, 0.0);
        let mut states = Vec::new();
        for _ in 0..self.config.updates {
            states.clear();
            for row in 0..rows {
                states.extend_from_slice(examples.draw(row % 2, &mut self.rng));
            }
            self.normalize(&mut states);
            sum += self.step(&states, rows)?;
        }
        self.version += 1;
        Ok(Some(sum / self.config.updates as f32))
    }

    /// One step down L for states of which every second one, from the first on, is a success.
    fn step(&mut self, states: &[f32], rows: usize) -> Result<f32, NnError> {
        let device = self.net.device().clone();
        let states = Tensor::from_slice(states, (rows, self.obs_size), &device)?;
        let sign =
            Tensor::from_iter((0..rows).map(|row| if row % 2 == 0 { -1.0_f32 } else { 1.0 }), &device)?;
        // -log p of the right answer is softplus(-+z) = max(x, 0) + log(1 + exp(-|x|)), x = -+z.
        let x = (self.net.forward(&states)?.squeeze(1)? * sign)?;
        let loss = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?.mean_all()?;
        self.optimizer.backward_step(&loss)?;
        Ok(loss.to_scalar()?)
    }

    /// `p_psi(s)` of observations `[rows, obs]`, into `out` `[rows]`.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn probabilities(&self, obs: &[f32], out: &mut [f32]) -> Result<(), RewardError> {
        let mut states = obs.to_vec();
        self.normalize(&mut states);
        self.net.infer(&states, out.len(), out)?;
        out.iter_mut().for_each(|z| *z = 1.0 / (1.0 + (-*z).exp()));
        Ok(())
    }

    fn fit_moments(&mut self, examples: &SuccessExamples) {
        let count = examples.counts().iter().sum::<usize>() as f64;
        let of = |power: i32, component: usize| -> f64 {
            let all = examples.states.iter().flat_map(|states| states.iter().skip(component));
            all.step_by(self.obs_size).map(|x| f64::from(*x).powi(power)).sum::<f64>() / count
        };
        let (mut shift, mut scale) = (Vec::new(), Vec::new());
        for component in 0..self.obs_size {
            let mean = of(1, component);
            shift.push(mean as f32);
            scale.push((of(2, component) - mean * mean).max(0.0).sqrt().max(1e-3).recip() as f32);
        }
        self.moments = [shift, scale];
    }

    fn normalize(&self, states: &mut [f32]) {
        let [shift, scale] = &self.moments;
        for state in states.chunks_exact_mut(self.obs_size) {
            for ((x, shift), scale) in state.iter_mut().zip(shift).zip(scale) {
                *x = (*x - shift) * scale;
            }
        }
    }
}

impl RewardModel for SuccessClassifier {
    fn predict(&self, obs: &[f32], _: &[f32], rows: usize, out: &mut [f32]) -> Result<(), RewardError> {
        if self.version == 0 {
            out.fill(0.0);
            return Ok(());
        }
        self.probabilities(obs, &mut out[..rows])?;
        let threshold = self.config.threshold;
        out.iter_mut().for_each(|p| *p = f32::from(*p > threshold));
        Ok(())
    }

    fn predict_members(
        &self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        out: &mut [f32],
    ) -> Result<(), RewardError> {
        self.predict(obs, actions, rows, out)
    }
}

impl Parameters for SuccessClassifier {
    fn named(&self) -> Vec<(String, &Var)> {
        self.net.named()
    }
}

impl Checkpoint for SuccessClassifier {
    fn save(&self, out: &mut Writer) {
        weights::save_values(&self.net, out);
        out.part("optimizer", &self.optimizer);
        out.value("moments", &self.moments);
        out.value("version", &self.version);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(&self.net, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        self.moments = from.value("moments")?;
        self.version = from.value("version")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of a square, of which those near its centre are successes.
    fn examples(count: usize, seed: u64) -> SuccessExamples {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut examples = SuccessExamples::new(2);
        for _ in 0..count {
            let state: [f32; 2] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
            examples.push(&state, state[0].hypot(state[1]) < 0.4);
        }
        examples
    }

    fn classifier() -> SuccessClassifier {
        let config = SuccessClassifierConfig {
            hidden: vec![32, 32],
            lr: 3e-3,
            batch_size: 64,
            ..SuccessClassifierConfig::default()
        };
        SuccessClassifier::new(&config, 2, 0, &Device::Cpu).unwrap()
    }

    #[test]
    fn it_tells_success_from_failure_and_is_stricter_about_the_former() {
        let mut classifier = classifier();
        assert_eq!(classifier.train(&SuccessExamples::new(2)).unwrap(), None);
        classifier.train(&examples(1000, 0)).unwrap().unwrap();
        let held_out = examples(2000, 1);
        let [successes, failures] = held_out.states.clone().map(|states| {
            let mut rewards = vec![0.0; states.len() / 2];
            classifier.predict(&states, &[], states.len() / 2, &mut rewards).unwrap();
            rewards.iter().sum::<f32>() / rewards.len() as f32
        });
        assert!(successes > 0.75, "true positives {successes}");
        assert!(failures < 0.03, "false positives {failures}");
    }

    #[test]
    fn it_goes_on_from_a_checkpoint() {
        let (mut classifier, mut restored) = (classifier(), classifier());
        classifier.train(&examples(100, 0)).unwrap();
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&classifier)).unwrap();
        for classifier in [&mut classifier, &mut restored] {
            classifier.train(&examples(100, 1)).unwrap();
        }
        assert!(telos_checkpoint::to_bytes(&classifier) == telos_checkpoint::to_bytes(&restored));
    }
}
