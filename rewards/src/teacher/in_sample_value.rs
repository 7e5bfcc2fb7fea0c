//! An estimate of the optimal value from recorded behaviour alone, by expectile regression (Kostrikov,
//! Nair, Levine 2022, "Offline Reinforcement Learning with Implicit Q-Learning", arXiv 2110.06169).
//!
//! In deterministic worlds no Q is needed: what a transition led to is what its action is worth, and
//! the upper expectile over the transitions recorded at a state approaches their maximum,
//!
//! ```text
//! L(V) = E |tau - 1(u < 0)| u^2,   u = r + gamma V_bar(s') - V(s)     (equation 5, Q replaced)
//! ```
//!
//! so that `V` tends to the optimal value among recorded actions as `tau -> 1`. Where the world is
//! noisy, the expectile also takes luck for skill.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::SegmentView;
use telos_nn::{Adam, AdamConfig, Device, Mlp, MlpConfig, NnError, Tensor, weights};

use crate::{RewardError, error::require};

/// How the value is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InSampleValueConfig {
    /// Discount gamma. Default 0.99.
    pub discount: f32,
    /// Expectile tau. Default 0.9 (the paper's value for tasks that need stitching, table 2).
    pub expectile: f32,
    /// Widths of the hidden layers. Default `[64, 64]`.
    pub hidden: Vec<usize>,
    /// Adam's learning rate. Default 1e-3.
    pub learning_rate: f64,
    /// Transitions per gradient step. Default 256 (same paper).
    pub batch: usize,
    /// Gradient steps before each session of answers. Default 1000.
    pub updates: usize,
    /// Rate of the target network. Default 0.01.
    pub tau: f64,
    /// Transitions that are remembered; beyond that the oldest are replaced. Default 20,000.
    pub memory: usize,
}

impl Default for InSampleValueConfig {
    fn default() -> Self {
        Self {
            discount: 0.99,
            expectile: 0.9,
            hidden: vec![64, 64],
            learning_rate: 1e-3,
            batch: 256,
            updates: 1000,
            tau: 0.01,
            memory: 20_000,
        }
    }
}

impl InSampleValueConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), RewardError> {
        let discount = self.discount;
        require((0.0..1.0).contains(&discount), "value.discount", discount, "must be in [0, 1)")?;
        let expectile = self.expectile;
        require((0.5..1.0).contains(&expectile), "value.expectile", expectile, "must be in [0.5, 1)")?;
        let widths = format!("{:?}", self.hidden);
        let sound = self.hidden.iter().all(|&width| width > 0);
        require(sound, "value.hidden", widths, "every width must be at least 1")?;
        let rate = self.learning_rate;
        require(rate > 0.0 && rate.is_finite(), "value.learning_rate", rate, "must be positive")?;
        require(self.batch > 0, "value.batch", self.batch, "must be at least 1 transition")?;
        require(self.updates > 0, "value.updates", self.updates, "must be at least 1")?;
        require(self.tau > 0.0 && self.tau <= 1.0, "value.tau", self.tau, "must be in (0, 1]")?;
        require(self.memory > 0, "value.memory", self.memory, "must be at least 1 transition")
    }
}

/// `V(s)`, learned from the transitions that it was shown.
///
/// The network predicts `(1 - gamma) V`, which has the scale of one reward, from observations whose
/// components are squashed by `sign(x) ln(1 + |x|)`.
pub struct InSampleValue {
    config: InSampleValueConfig,
    observation: usize,
    network: Mlp,
    target: Mlp,
    adam: Adam,
    /// `[stored, obs]`, squashed.
    obs: Vec<f32>,
    /// `[stored, obs]`, squashed.
    next_obs: Vec<f32>,
    gold: Vec<f32>,
    terminated: Vec<bool>,
    /// Where the next transition goes once the memory is full.
    oldest: usize,
    rng: Xoshiro256PlusPlus,
}

impl InSampleValue {
    /// A value that has seen nothing, for observations of `observation` numbers.
    ///
    /// # Errors
    /// When the configuration is out of range.
    pub fn new(config: InSampleValueConfig, observation: usize, seed: u64) -> Result<Self, RewardError> {
        config.validate()?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let shape = MlpConfig { inputs: observation, hidden: config.hidden.clone(), ..MlpConfig::default() };
        let network = Mlp::new("value", &shape, &mut rng, &Device::Cpu)?;
        let target = network.deep_clone()?;
        let adam = Adam::new(&network, AdamConfig { lr: config.learning_rate, ..AdamConfig::default() })?;
        let (obs, next_obs) = (Vec::new(), Vec::new());
        let (gold, terminated) = (Vec::new(), Vec::new());
        Ok(Self {
            config,
            observation,
            network,
            target,
            adam,
            obs,
            next_obs,
            gold,
            terminated,
            oldest: 0,
            rng,
        })
    }

    /// The discount gamma.
    pub fn discount(&self) -> f32 {
        self.config.discount
    }

    /// Takes in the transitions of a segment that knows where its last one led.
    pub fn remember(&mut self, segment: SegmentView<'_>) {
        let width = self.observation;
        for t in 0..segment.len {
            let last = t + 1 == segment.len;
            let next = if last { segment.final_obs } else { &segment.obs[(t + 1) * width..][..width] };
            let at = if self.gold.len() < self.config.memory {
                self.gold.push(0.0);
                self.terminated.push(false);
                self.obs.resize(self.gold.len() * width, 0.0);
                self.next_obs.resize(self.gold.len() * width, 0.0);
                self.gold.len() - 1
            } else {
                let replaced = self.oldest;
                self.oldest = (self.oldest + 1) % self.config.memory;
                replaced
            };
            squash(&segment.obs[t * width..][..width], &mut self.obs[at * width..][..width]);
            squash(next, &mut self.next_obs[at * width..][..width]);
            self.gold[at] = segment.gold[t];
            self.terminated[at] = last && segment.terminated;
        }
    }

    /// Takes the configured number of gradient steps; none while nothing has been seen.
    ///
    /// # Errors
    /// When a gradient is not finite.
    pub fn fit(&mut self) -> Result<(), RewardError> {
        if !self.gold.is_empty() {
            for _ in 0..self.config.updates {
                self.step()?;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), NnError> {
        let (rows, width) = (self.config.batch, self.observation);
        let gamma = self.config.discount;
        let (mut obs, mut next_obs) = (Vec::with_capacity(rows * width), Vec::with_capacity(rows * width));
        let (mut rewards, mut discounts) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        for _ in 0..rows {
            let at = self.rng.random_range(0..self.gold.len() as u64) as usize;
            obs.extend_from_slice(&self.obs[at * width..][..width]);
            next_obs.extend_from_slice(&self.next_obs[at * width..][..width]);
            rewards.push((1.0 - gamma) * self.gold[at]);
            discounts.push(if self.terminated[at] { 0.0 } else { gamma });
        }
        let tensor = |values, width| Tensor::from_vec(values, (rows, width), &Device::Cpu);
        let next = self.target.forward_frozen(&tensor(next_obs, width)?)?;
        let target = (tensor(rewards, 1)? + tensor(discounts, 1)?.mul(&next)?)?;
        let u = (target - self.network.forward(&tensor(obs, width)?)?)?;
        // |tau - 1(u < 0)|: tau where the target is above the value, 1 - tau where it is below.
        let tau = f64::from(self.config.expectile);
        let above = u.detach().ge(0.0)?.to_dtype(u.dtype())?;
        let weight = above.affine(2.0 * tau - 1.0, 1.0 - tau)?;
        self.adam.backward_step(&u.sqr()?.mul(&weight)?.mean_all()?)?;
        weights::polyak(&self.target, &self.network, self.config.tau)
    }

    /// Writes the value of each observation (`[rows, obs]` to `[rows]`).
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn of(&self, obs: &[f32], out: &mut [f32]) -> Result<(), RewardError> {
        let mut squashed = vec![0.0; obs.len()];
        squash(obs, &mut squashed);
        self.network.infer(&squashed, out.len(), out)?;
        out.iter_mut().for_each(|value| *value /= 1.0 - self.config.discount);
        Ok(())
    }
}

fn squash(obs: &[f32], out: &mut [f32]) {
    out.iter_mut().zip(obs).for_each(|(out, x)| *out = x.signum() * x.abs().ln_1p());
}

impl Checkpoint for InSampleValue {
    fn save(&self, out: &mut Writer) {
        out.part("network", &self.network);
        out.part("target", &self.target);
        out.part("adam", &self.adam);
        out.f32s("obs", &self.obs);
        out.f32s("next_obs", &self.next_obs);
        out.f32s("gold", &self.gold);
        out.value("terminated", &self.terminated);
        out.value("oldest", &self.oldest);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("network", &mut self.network)?;
        from.part("target", &mut self.target)?;
        from.part("adam", &mut self.adam)?;
        self.obs = from.f32_vec("obs")?;
        self.next_obs = from.f32_vec("next_obs")?;
        self.gold = from.f32_vec("gold")?;
        self.terminated = from.value("terminated")?;
        self.oldest = from.value("oldest")?;
        self.rng = from.value("rng")?;
        let stored = self.gold.len();
        let sound = stored <= self.config.memory
            && self.terminated.len() == stored
            && self.oldest < self.config.memory
            && [&self.obs, &self.next_obs].iter().all(|column| column.len() == stored * self.observation);
        if sound { Ok(()) } else { Err(from.wrong("gold", "the columns do not fit this memory")) }
    }
}
