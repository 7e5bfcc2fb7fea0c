//! A success classifier that learns from recorded states, and goes on learning from those that the policy
//! visits.

use rand::{SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, StepBatch, dataset::Dataset};
use telos_nn::Device;
use telos_rewards::{SuccessClassifier, SuccessExamples, reward_model::RewardModel};

use super::means::RunningMeans;
use crate::{
    TelosError,
    config::{Config, SuccessConfig},
};

/// Keeps the choice of states to ask about apart from the run's other draws.
const STREAM: u64 = 0x94d0_49bb_1331_11eb;

/// Examples, the classifier of them, and what may become one.
pub(super) struct SuccessLearning {
    config: SuccessConfig,
    obs_size: usize,
    pub(super) classifier: SuccessClassifier,
    examples: SuccessExamples,
    /// `[n, obs]`: states visited since the last session.
    visited: Vec<f32>,
    /// `[n]`: what the task says of them.
    verdicts: Vec<bool>,
    asked: usize,
    next_session: u64,
    rng: Xoshiro256PlusPlus,
}

impl SuccessLearning {
    /// Before the first training, with the recorded examples where there is data.
    pub(super) fn new(
        config: &Config,
        spec: &EnvSpec,
        dataset: Option<&Dataset>,
        device: &Device,
    ) -> Result<Self, TelosError> {
        let obs_size = spec.observation.size();
        let mut examples = SuccessExamples::new(obs_size);
        if let Some(dataset) = dataset {
            take_recorded(dataset, obs_size, config.success.recorded, &mut examples);
            if examples.counts().contains(&0) {
                return Err(TelosError::Usage(format!(
                    "`data.labels` is \"success\", but {} holds {} successes and {} failures; record some of both",
                    config.data.path,
                    examples.counts()[0],
                    examples.counts()[1]
                )));
            }
        }
        Ok(Self {
            classifier: SuccessClassifier::new(&config.success.classifier, obs_size, config.seed, device)?,
            config: config.success.clone(),
            obs_size,
            examples,
            visited: Vec::new(),
            verdicts: Vec::new(),
            asked: 0,
            next_session: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(config.seed ^ STREAM),
        })
    }

    /// Takes in the states that a step of all environments led to.
    pub(super) fn observe(&mut self, outcome: &StepBatch) {
        for (state, success) in outcome.final_obs.chunks_exact(self.obs_size).zip(&outcome.success) {
            if let Some(success) = success {
                self.visited.extend_from_slice(state);
                self.verdicts.push(*success);
            }
        }
    }

    /// Learns what is due at `step`; returns whether the classifier has changed.
    pub(super) fn advance(&mut self, step: u64, losses: &mut RunningMeans) -> Result<bool, TelosError> {
        if self.classifier.version() > 0 {
            let due = step >= self.next_session && self.asked < self.config.budget;
            if !due || self.verdicts.is_empty() {
                return Ok(false);
            }
            self.next_session = step + self.config.session_interval;
            self.judge(losses)?;
        }
        let Some(loss) = self.classifier.train(&self.examples)? else { return Ok(false) };
        losses.add("success/loss", loss);
        Ok(true)
    }

    /// One session: how often the classifier was wrong about what it has not learned from, and then some
    /// of that as further examples.
    fn judge(&mut self, losses: &mut RunningMeans) -> Result<(), TelosError> {
        let count = self.verdicts.len();
        let (mut found, mut likely) = (vec![0.0; count], vec![0.0; count]);
        self.classifier.predict(&self.visited, &[], count, &mut found)?;
        self.classifier.probabilities(&self.visited, &mut likely)?;
        for (name, verdict) in [("success/false_negatives", true), ("success/false_positives", false)] {
            let of_kind: Vec<usize> = (0..count).filter(|i| self.verdicts[*i] == verdict).collect();
            let wrong = of_kind.iter().filter(|i| (found[**i] > 0.5) != verdict).count();
            if !of_kind.is_empty() {
                losses.add(name, wrong as f32 / of_kind.len() as f32);
            }
        }
        let wanted = self.config.per_session.min(self.config.budget - self.asked).min(count);
        let mut order: Vec<usize> = (0..count).collect();
        // Stable, so that equals keep the order of time.
        order.sort_by(|a, b| likely[*b].total_cmp(&likely[*a]));
        order[wanted / 2..].shuffle(&mut self.rng);
        for &at in &order[..wanted] {
            self.examples.push(&self.visited[at * self.obs_size..][..self.obs_size], self.verdicts[at]);
        }
        self.asked += wanted;
        self.visited.clear();
        self.verdicts.clear();
        Ok(())
    }
}

/// Evenly chosen states of the data, half of them successes where there are enough.
fn take_recorded(dataset: &Dataset, obs_size: usize, wanted: usize, examples: &mut SuccessExamples) {
    for verdict in [true, false] {
        let states = || {
            dataset.episodes().flat_map(move |episode| {
                let led_to = episode.obs[obs_size..].chunks_exact(obs_size);
                led_to.zip(episode.success).filter(move |(_, success)| **success == verdict)
            })
        };
        let stride = states().count().div_ceil((wanted / 2).max(1)).max(1);
        states().step_by(stride).for_each(|(state, _)| examples.push(state, verdict));
    }
}

impl Checkpoint for SuccessLearning {
    fn save(&self, out: &mut Writer) {
        out.part("classifier", &self.classifier);
        out.part("examples", &self.examples);
        out.value("visited", &self.visited);
        out.value("verdicts", &self.verdicts);
        out.value("asked", &self.asked);
        out.value("next_session", &self.next_session);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("classifier", &mut self.classifier)?;
        from.part("examples", &mut self.examples)?;
        self.visited = from.value("visited")?;
        self.verdicts = from.value("verdicts")?;
        self.asked = from.value("asked")?;
        self.next_session = from.value("next_session")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}
