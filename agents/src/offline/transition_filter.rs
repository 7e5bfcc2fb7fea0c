//! MOREC's dynamics reward and transition filter: Luo et al. 2023, "Reward-Consistent Dynamics Models are
//! Strongly Generalizable for Offline Reinforcement Learning", arXiv 2310.05422.
//!
//! A transition model is seen as a policy whose state is (s, a) and whose action is s'. Discriminators D
//! learn to tell the data's transitions from the model's while the model improves, and snapshots of them
//! are kept; the dynamics reward of a transition is their mean,
//! `r_D(s, a, s') = mean_k D_k(s, a, s')`. In a rollout several next states are drawn in each state, one is
//! chosen by `softmax(r_D / temperature)`, and the rollout ends where even that one has `r_D` below a bound.
//!
//! The paper's adversary is a model trained against D; here it is the likelihood-trained ensemble itself at
//! the successive stages of its training, and how well D can tell the two apart depends on the task. So the bound is not
//! the authors' 0.6, below which everything may lie, but a quantile of the dynamics rewards of the data.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{
    Activation, Adam, AdamConfig, Device, Mlp, MlpConfig, NnError, Parameters, Tensor, Var, kernels::sigmoid,
    weights,
};

use crate::{
    AgentError, ObservationNormalizer,
    error::{at_least_one, layers, positive, unit},
};

/// Largest normalised input, in standard deviations.
const CLIP: f32 = 10.0;
/// Intervals of [0, 1] in which the dynamics rewards of data are counted.
const INTERVALS: usize = 1000;

/// Settings of the filter. The source is the authors' code (`polixir/MOREC`), but for what training the
/// discriminators needs, which it does not publish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MorecConfig {
    /// Next states drawn from each elite member in each state. Default 2.
    pub candidates: usize,
    /// Temperature of the choice among them. Default 0.1.
    pub temperature: f32,
    /// Share of the data's own transitions that have less than the dynamics reward below which a rollout ends, in
    /// [0, 1], as a histogram of 1000 intervals tells it. Default 0.05.
    pub refused_share: f32,
    /// Snapshots of the discriminator that are kept, evenly over the training of the model. Default 20
    /// (authors 400).
    pub snapshots: usize,
    /// Units of each hidden layer of the discriminator. Default `[256, 256]`.
    pub hidden: Vec<usize>,
    /// Step size of the discriminator's Adam. Default 1e-4.
    pub lr: f64,
}

impl Default for MorecConfig {
    fn default() -> Self {
        Self {
            candidates: 2,
            temperature: 0.1,
            refused_share: 0.05,
            snapshots: 20,
            hidden: vec![256, 256],
            lr: 1e-4,
        }
    }
}

impl MorecConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        at_least_one("mopo.morec.candidates", self.candidates)?;
        positive("mopo.morec.temperature", self.temperature.into())?;
        unit("mopo.morec.refused_share", self.refused_share)?;
        at_least_one("mopo.morec.snapshots", self.snapshots)?;
        layers("mopo.morec.hidden", &self.hidden)?;
        positive("mopo.morec.lr", self.lr)
    }
}

/// The discriminator that learns, and its snapshots.
pub(super) struct TransitionFilter {
    config: MorecConfig,
    /// (s, a, s' - s), normalised -> logit of being data.
    discriminator: Mlp,
    snapshots: Vec<Mlp>,
    optimizer: Adam,
    inputs: ObservationNormalizer,
    /// `[INTERVALS]`: transitions of the data with such a dynamics reward.
    counts: Vec<u64>,
    /// The dynamics reward below which a rollout ends.
    bound: f32,
}

impl TransitionFilter {
    pub(super) fn new(
        config: &MorecConfig,
        inputs: usize,
        rng: &mut Xoshiro256PlusPlus,
        device: &Device,
    ) -> Result<Self, NnError> {
        let shape = MlpConfig {
            inputs,
            hidden: config.hidden.clone(),
            activation: Activation::LeakyRelu,
            ..MlpConfig::default()
        };
        let discriminator = Mlp::new("discriminator", &shape, rng, device)?;
        let adam = AdamConfig { lr: config.lr, ..AdamConfig::default() };
        Ok(Self {
            optimizer: Adam::new(&discriminator, adam)?,
            inputs: ObservationNormalizer::new(inputs, CLIP),
            config: config.clone(),
            snapshots: Vec::new(),
            counts: vec![0; INTERVALS],
            bound: 0.0,
            discriminator,
        })
    }

    /// One step of the discriminator on transitions of the data and of the model, rows of (s, a, s' - s);
    /// returns the logistic loss.
    pub(super) fn fit(&mut self, data: &[f32], model: &[f32]) -> Result<f32, NnError> {
        self.inputs.update(data);
        // -log D for data and -log (1 - D) for the model: softplus of the logit against each.
        let logits = |columns: &[f32]| self.discriminator.forward(&self.normalized(columns)?);
        let of_data = Activation::Softplus.apply(&logits(data)?.neg()?)?.mean_all()?;
        let of_model = Activation::Softplus.apply(&logits(model)?)?.mean_all()?;
        let loss = (of_data + of_model)?.affine(0.5, 0.0)?;
        self.optimizer.backward_step(&loss)?;
        Ok(loss.to_scalar()?)
    }

    /// Keeps a copy of the discriminator as it is.
    pub(super) fn take_snapshot(&mut self) -> Result<(), NnError> {
        self.snapshots.push(self.discriminator.deep_clone()?);
        Ok(())
    }

    /// Number of snapshots that the settings ask for.
    pub(super) fn wanted_snapshots(&self) -> usize {
        self.config.snapshots
    }

    /// Next states to draw from each elite member.
    pub(super) fn candidates(&self) -> usize {
        self.config.candidates
    }

    /// The dynamics reward of rows of (s, a, s' - s), into `out`.
    pub(super) fn rewards(&self, transitions: &[f32], out: &mut [f32]) -> Result<(), NnError> {
        let mut normal = vec![0.0; transitions.len()];
        self.inputs.normalize(transitions, &mut normal);
        let mut logits = vec![0.0; out.len()];
        out.fill(0.0);
        for snapshot in &self.snapshots {
            snapshot.infer(&normal, out.len(), &mut logits)?;
            out.iter_mut().zip(&logits).for_each(|(sum, logit)| *sum += sigmoid(*logit));
        }
        out.iter_mut().for_each(|sum| *sum /= self.snapshots.len().max(1) as f32);
        Ok(())
    }

    /// Takes in more transitions of the data, rows of (s, a, s' - s), for the bound to be a quantile of them all.
    pub(super) fn calibrate(&mut self, data: &[f32]) -> Result<(), NnError> {
        let mut rewards = vec![0.0; data.len() / self.inputs.size()];
        self.rewards(data, &mut rewards)?;
        for reward in rewards {
            self.counts[((reward * INTERVALS as f32) as usize).min(INTERVALS - 1)] += 1;
        }
        self.bound = self.quantile();
        Ok(())
    }

    /// The dynamics reward that its share of the data lies below, by a line through the interval that it is in; 0
    /// without data.
    fn quantile(&self) -> f32 {
        let total: u64 = self.counts.iter().sum();
        let mut below = f64::from(self.config.refused_share) * total as f64;
        for (interval, count) in self.counts.iter().map(|count| *count as f64).enumerate() {
            if below < count {
                return ((interval as f64 + below / count) / INTERVALS as f64) as f32;
            }
            below -= count;
        }
        if total == 0 { 0.0 } else { 1.0 }
    }

    /// The candidate to go on with, drawn by the softmax of the dynamics rewards of one state's
    /// candidates; `None` where it is too unlike the data.
    pub(super) fn choose(&self, rewards: &[f32], rng: &mut Xoshiro256PlusPlus) -> Option<usize> {
        let best = rewards.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |reward: &f32| ((reward - best) / self.config.temperature).exp();
        let mut left = rng.random_range(0.0..1.0) * rewards.iter().map(weight).sum::<f32>();
        let chosen = rewards.iter().position(|reward| {
            left -= weight(reward);
            left < 0.0
        });
        let chosen = chosen.unwrap_or(rewards.len() - 1);
        (rewards[chosen] >= self.bound).then_some(chosen)
    }

    fn normalized(&self, columns: &[f32]) -> Result<Tensor, NnError> {
        let width = self.inputs.size();
        let mut normal = vec![0.0; columns.len()];
        self.inputs.normalize(columns, &mut normal);
        Ok(Tensor::from_vec(normal, (columns.len() / width, width), self.discriminator.device())?)
    }
}

impl Parameters for TransitionFilter {
    fn named(&self) -> Vec<(String, &Var)> {
        self.discriminator.named()
    }
}

impl Checkpoint for TransitionFilter {
    fn save(&self, out: &mut Writer) {
        weights::save_values(&self.discriminator, out);
        out.part("optimizer", &self.optimizer);
        out.part("inputs", &self.inputs);
        out.value("counts", &self.counts);
        out.value("snapshots", &self.snapshots.len());
        self.snapshots.iter().for_each(|snapshot| weights::save_values(snapshot, out));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        weights::load_values(&self.discriminator, from)?;
        from.part("optimizer", &mut self.optimizer)?;
        from.part("inputs", &mut self.inputs)?;
        let counts: Vec<u64> = from.value("counts")?;
        if counts.len() != INTERVALS {
            return Err(from.wrong("counts", &format!("are {}, not {INTERVALS}", counts.len())));
        }
        self.counts = counts;
        self.bound = self.quantile();
        let count: usize = from.value("snapshots")?;
        if count > self.config.snapshots {
            return Err(from.wrong("snapshots", &format!("are {count}, at most {}", self.config.snapshots)));
        }
        self.snapshots.clear();
        for _ in 0..count {
            let snapshot = self
                .discriminator
                .deep_clone()
                .map_err(|error| from.wrong("snapshots", &error.to_string()))?;
            weights::load_values(&snapshot, from)?;
            self.snapshots.push(snapshot);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn filter(config: &MorecConfig) -> TransitionFilter {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        TransitionFilter::new(config, 2, &mut rng, &Device::Cpu).unwrap()
    }

    #[test]
    fn transitions_of_the_data_earn_more_than_those_of_a_wrong_model() {
        let config = MorecConfig { hidden: vec![16], lr: 1e-2, snapshots: 3, ..MorecConfig::default() };
        let mut filter = filter(&config);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let mut losses = Vec::new();
        for step in 0..300 {
            // The data doubles x; the model halves it.
            let x: Vec<f32> = (0..64).map(|_| rng.random_range(0.5..1.5)).collect();
            let rows = |factor: f32| x.iter().flat_map(|x| [*x, factor * x]).collect::<Vec<f32>>();
            losses.push(filter.fit(&rows(2.0), &rows(0.5)).unwrap());
            if step % 100 == 99 {
                filter.take_snapshot().unwrap();
            }
        }
        assert!(losses[0] > 0.5 && losses[299] < 0.2, "from {} to {}", losses[0], losses[299]);
        let mut rewards = [0.0; 2];
        filter.rewards(&[1.0, 2.0, 1.0, 0.5], &mut rewards).unwrap();
        assert!(rewards[0] > 0.8 && rewards[1] < 0.2, "{rewards:?}");
    }

    #[test]
    fn better_candidates_are_chosen_more_often_and_bad_ones_end_the_rollout() {
        let mut filter = filter(&MorecConfig::default());
        filter.bound = 0.6;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let draws = 4000;
        let first = (0..draws).filter(|_| filter.choose(&[0.9, 0.8], &mut rng) == Some(0)).count();
        // 1 / (1 + exp(-1)) = 0.731 with a standard error of 0.007.
        assert!((first as f64 / f64::from(draws) - 0.731).abs() < 0.03, "{first}");
        assert_eq!(filter.choose(&[0.5, 0.55], &mut rng), None);
    }

    #[test]
    fn the_bound_refuses_its_share_of_the_data() {
        let mut filter = filter(&MorecConfig { refused_share: 0.2, ..MorecConfig::default() });
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        let mut rows = |n: usize| (0..2 * n).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f32>>();
        filter.fit(&rows(64), &rows(64)).unwrap();
        filter.take_snapshot().unwrap();
        for _ in 0..20 {
            filter.calibrate(&rows(500)).unwrap();
        }
        let data = rows(4000);
        let mut rewards = vec![0.0; 4000];
        filter.rewards(&data, &mut rewards).unwrap();
        let refused = rewards.iter().filter(|reward| **reward < filter.bound).count() as f64 / 4000.0;
        // Standard error of the share 0.006.
        assert!((0.17..=0.23).contains(&refused), "{refused}, bound {}", filter.bound);
        let bytes = telos_checkpoint::to_bytes(&filter);
        let mut restored = self::filter(&MorecConfig { refused_share: 0.2, ..MorecConfig::default() });
        telos_checkpoint::from_bytes(&mut restored, &bytes).unwrap();
        assert_eq!(restored.bound, filter.bound);
    }
}
