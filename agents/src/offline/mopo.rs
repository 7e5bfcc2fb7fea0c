//! MOPO: Yu et al. 2020, "MOPO: Model-based Offline Policy Optimization", arXiv 2005.13239, algorithm 2,
//! with MOREC's transition filter (arXiv 2310.05422) as an option.
//!
//! 1. Fit a probabilistic ensemble of dynamics models to the data.
//! 2. From states of the data, let the policy act in the models for h steps. Rewards are lowered by the
//!    models' uncertainty (equation 8 in practice): `r~(s, a) = r^(s, a) - lambda max_i |sigma_i(s, a)|`.
//! 3. Train soft actor-critic on these transitions, with a small share of the data's own.

use rand::{SeedableRng, seq::IndexedRandom};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, StepBatch};
use telos_nn::{Device, Parameters, Var};

use super::{
    Agent, Metrics, MorecConfig, OfflineLearner,
    dynamics::{Dynamics, DynamicsShape, Predictions},
    transition_filter::TransitionFilter,
};
use crate::{
    ActMode, AgentError, Policy, Replay, ReplayBatch, Sac, SacConfig,
    error::{at_least_one, layers, not_negative, positive, require, unit},
    transitions::TransitionReader,
};

/// `[mopo]`: settings of MOPO. The sources are the paper, section 5 and appendix G, and its authors' code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MopoConfig {
    /// Updates that go to the models before the policy learns. Default 20,000 (authors: until the error on
    /// held-out data no longer falls).
    pub model_updates: u64,
    /// Members of the ensemble. Default 7.
    pub members: usize,
    /// Members with the smallest errors, which rollouts draw from. Default 5.
    pub elites: usize,
    /// Units of each hidden layer of the models. Default `[200, 200, 200, 200]`.
    pub model_hidden: Vec<usize>,
    /// Step size of the models' Adam. Default 1e-3.
    pub model_lr: f64,
    /// Decoupled weight decay of the models. Default 5e-5 (authors: 2.5e-5 to 1e-4 from layer to layer).
    pub weight_decay: f64,
    /// Steps h of a rollout. Default 5 (1 or 5 by task).
    pub horizon: usize,
    /// Weight lambda of the uncertainty. Default 1 (0.5 to 5 by task).
    pub penalty: f32,
    /// Policy updates from one rollout, which starts from the states of a batch, to the next. Default 10.
    pub rollout_interval: u64,
    /// Imagined transitions that are kept. Default 100,000.
    pub replay_capacity: usize,
    /// Share of every batch that is data. Default 0.05.
    pub real_share: f64,
    /// Choose among several imagined next states, and end rollouts that leave the data. Default none.
    pub morec: Option<MorecConfig>,
    /// The learner of the policy, batch size and discount included.
    pub sac: SacConfig,
}

impl Default for MopoConfig {
    fn default() -> Self {
        Self {
            model_updates: 20_000,
            members: 7,
            elites: 5,
            model_hidden: vec![200; 4],
            model_lr: 1e-3,
            weight_decay: 5e-5,
            horizon: 5,
            penalty: 1.0,
            rollout_interval: 10,
            replay_capacity: 100_000,
            real_share: 0.05,
            morec: None,
            sac: SacConfig::default(),
        }
    }
}

impl MopoConfig {
    /// Checks every value that has a range.
    ///
    /// # Errors
    /// [`AgentError::Config`] for the first value outside its range.
    pub fn validate(&self) -> Result<(), AgentError> {
        require(self.model_updates > 0, "mopo.model_updates", &self.model_updates, "use at least 1")?;
        at_least_one("mopo.members", self.members)?;
        let elites = self.elites;
        let fits = elites > 0 && elites <= self.members;
        require(fits, "mopo.elites", &elites, "use a number from 1 to `mopo.members`")?;
        layers("mopo.model_hidden", &self.model_hidden)?;
        positive("mopo.model_lr", self.model_lr)?;
        not_negative("mopo.weight_decay", self.weight_decay as f32)?;
        at_least_one("mopo.horizon", self.horizon)?;
        not_negative("mopo.penalty", self.penalty)?;
        require(
            self.rollout_interval > 0,
            "mopo.rollout_interval",
            &self.rollout_interval,
            "use at least 1",
        )?;
        at_least_one("mopo.replay_capacity", self.replay_capacity)?;
        unit("mopo.real_share", self.real_share as f32)?;
        self.morec.as_ref().map_or(Ok(()), MorecConfig::validate)?;
        self.sac.validate()
    }
}

/// The learner: dynamics models, what they imagined, and a soft actor-critic.
pub struct Mopo {
    config: MopoConfig,
    reader: TransitionReader,
    dynamics: Dynamics,
    filter: Option<TransitionFilter>,
    imagined: Replay,
    policy: Sac,
    updates: u64,
    rng: Xoshiro256PlusPlus,
    predictions: Predictions,
    batch: ReplayBatch,
    /// Mean number of steps of the latest rollouts.
    rollout_steps: f32,
}

impl Mopo {
    /// A learner for environments of this spec, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the configuration is wrong, episodes can end by themselves, which the models do not learn, an
    /// action component has no finite bounds, or the device refuses.
    pub fn new(config: &MopoConfig, spec: &EnvSpec, seed: u64, device: &Device) -> Result<Self, AgentError> {
        config.validate()?;
        let endless = "MOPO's models do not predict the end of an episode; use a task without termination";
        require(!spec.can_terminate, "env.id", &spec.id, endless)?;
        let reader = TransitionReader::new(spec, config.sac.gamma, device)?;
        let sizes = (reader.obs_size(), reader.action_size());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        rng.long_jump();
        let shape = DynamicsShape {
            members: config.members,
            elites: config.elites,
            hidden: &config.model_hidden,
            lr: config.model_lr,
            weight_decay: config.weight_decay,
        };
        let dynamics = Dynamics::new(&shape, sizes, &mut rng, device)?;
        let inputs = 2 * sizes.0 + sizes.1;
        let filter = config.morec.as_ref();
        let filter =
            filter.map(|morec| TransitionFilter::new(morec, inputs, &mut rng, device)).transpose()?;
        Ok(Self {
            imagined: Replay::new(config.replay_capacity, sizes.0, sizes.1),
            policy: Sac::new(&config.sac, spec, seed, device)?,
            config: config.clone(),
            updates: 0,
            predictions: Predictions::default(),
            batch: ReplayBatch::default(),
            rollout_steps: 0.0,
            reader,
            dynamics,
            filter,
            rng,
        })
    }

    /// Line 1: one step of the models, and of the filter's discriminator.
    fn fit_models(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        let transitions = self.reader.read(batch)?;
        let (loss, error) = self.dynamics.fit(&transitions, &mut self.rng)?;
        let metrics = Metrics::new(&[("model_loss", loss), ("model_error", error)]);
        let Some(filter) = &mut self.filter else { return Ok(metrics) };

        let data = recorded_transitions(&mut self.reader, batch)?;
        let (o, size) = (self.reader.obs_size(), data.len() / batch.rows);
        self.dynamics.predict(self.reader.join(&batch.obs, &batch.actions)?, &mut self.predictions)?;
        let mut model = Vec::new();
        let elites = self.dynamics.elites();
        for (row, transition) in data.chunks_exact(size).enumerate() {
            let member = *elites.choose(&mut self.rng).unwrap_or(&0);
            model.extend_from_slice(&transition[..size - o]);
            draw(&self.predictions, member, row, &mut self.rng, &mut model);
            // The reward is no part of a transition.
            model.truncate((row + 1) * size);
        }
        let loss = filter.fit(&data, &model)?;
        let interval = self.config.model_updates.div_ceil(filter.wanted_snapshots() as u64);
        if (self.updates + 1).is_multiple_of(interval) && self.updates < self.config.model_updates {
            filter.take_snapshot()?;
        }
        Ok(metrics.with("discriminator_loss", loss))
    }

    /// Lines 5 to 9: the policy acts in the models for h steps from the states of the batch.
    fn roll_out(&mut self, batch: &ReplayBatch) -> Result<(), AgentError> {
        if let Some(filter) = &mut self.filter {
            filter.calibrate(&recorded_transitions(&mut self.reader, batch)?)?;
        }
        let mut obs = batch.obs.clone();
        let mut steps = 0;
        for _ in 0..self.config.horizon {
            let rows = obs.len() / self.reader.obs_size();
            if rows == 0 {
                break;
            }
            let mut actions = vec![0.0; rows * self.reader.action_size()];
            self.policy.act(&obs, rows, ActMode::Sample, &mut actions)?;
            let candidates = self.imagine(&obs, &actions, rows)?;
            let chosen = self.choose(&obs, &actions, rows, &candidates)?;
            obs = self.remember(&obs, &actions, &candidates, &chosen);
            steps += obs.len() / self.reader.obs_size();
        }
        self.rollout_steps = steps as f32 / batch.rows as f32;
        Ok(())
    }

    /// Draws of `(s' - s, r)`, the same number for every row: one from a random elite member, or several
    /// from each where there is a filter.
    fn imagine(&mut self, obs: &[f32], actions: &[f32], rows: usize) -> Result<Vec<f32>, AgentError> {
        self.dynamics.predict(self.reader.join(obs, actions)?, &mut self.predictions)?;
        let elites = self.dynamics.elites();
        let mut candidates = Vec::new();
        for row in 0..rows {
            let Some(filter) = &self.filter else {
                let member = *elites.choose(&mut self.rng).unwrap_or(&0);
                draw(&self.predictions, member, row, &mut self.rng, &mut candidates);
                continue;
            };
            for &member in &elites {
                for _ in 0..filter.candidates() {
                    draw(&self.predictions, member, row, &mut self.rng, &mut candidates);
                }
            }
        }
        Ok(candidates)
    }

    /// Which candidate of every row to go on with; `None` where the rollout ends.
    fn choose(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        candidates: &[f32],
    ) -> Result<Vec<Option<usize>>, AgentError> {
        let Some(filter) = &self.filter else { return Ok(vec![Some(0); rows]) };
        let width = self.reader.obs_size();
        let count = candidates.len() / (rows * (width + 1));
        let obs_actions = self.reader.join(obs, actions)?;
        let size = obs_actions.len() / rows;
        let mut transitions = Vec::new();
        for (index, candidate) in candidates.chunks_exact(width + 1).enumerate() {
            transitions.extend_from_slice(&obs_actions[index / count * size..][..size]);
            // The reward is no part of a transition.
            transitions.extend_from_slice(&candidate[..width]);
        }
        let mut rewards = vec![0.0; rows * count];
        filter.rewards(&transitions, &mut rewards)?;
        Ok(rewards.chunks_exact(count).map(|rewards| filter.choose(rewards, &mut self.rng)).collect())
    }

    /// Stores the chosen transitions with lowered rewards; returns the states they led to.
    fn remember(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        candidates: &[f32],
        chosen: &[Option<usize>],
    ) -> Vec<f32> {
        let (o, a, rows) = (self.reader.obs_size(), self.reader.action_size(), chosen.len());
        let count = candidates.len() / (rows * (o + 1));
        let (mut from, mut did, mut rewards, mut next) = (vec![], vec![], vec![], vec![]);
        for (row, index) in chosen.iter().enumerate().filter_map(|(row, index)| Some((row, (*index)?))) {
            let candidate = &candidates[(row * count + index) * (o + 1)..][..=o];
            let now = &obs[row * o..][..o];
            next.extend(now.iter().zip(candidate).map(|(now, change)| now + change));
            from.extend_from_slice(now);
            did.extend_from_slice(&actions[row * a..][..a]);
            rewards.push(candidate[o] - self.config.penalty * self.predictions.uncertainty(row));
        }
        let step = StepBatch {
            final_obs: next.clone(),
            reward: rewards.clone(),
            terminated: vec![false; rewards.len()],
            truncated: vec![false; rewards.len()],
            ..StepBatch::default()
        };
        self.imagined.push(&from, &did, &rewards, &step);
        next
    }
}

/// Appends a draw of `(s' - s, r)` from one member's prediction for one row.
fn draw(
    predictions: &Predictions,
    member: usize,
    row: usize,
    rng: &mut Xoshiro256PlusPlus,
    out: &mut Vec<f32>,
) {
    let (means, deviations) = predictions.of(member, row);
    out.extend(means.iter().zip(deviations).map(|(mean, deviation)| {
        let noise: f32 = StandardNormal.sample(rng);
        deviation.mul_add(noise, *mean)
    }));
}

/// Rows of (s, a, s' - s) of a batch of data.
fn recorded_transitions(reader: &mut TransitionReader, batch: &ReplayBatch) -> Result<Vec<f32>, AgentError> {
    let (o, size) = (reader.obs_size(), reader.obs_size() + reader.action_size());
    let mut data = Vec::new();
    let obs_actions = reader.join(&batch.obs, &batch.actions)?;
    let changes = batch.next_obs.chunks_exact(o).zip(batch.obs.chunks_exact(o));
    for (obs_action, (next_obs, obs)) in obs_actions.chunks_exact(size).zip(changes) {
        data.extend_from_slice(obs_action);
        data.extend(next_obs.iter().zip(obs).map(|(next, now)| next - now));
    }
    Ok(data)
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

impl OfflineLearner for Mopo {
    /// The first updates go to the models, all others to the policy.
    fn update(&mut self, batch: &ReplayBatch) -> Result<Metrics, AgentError> {
        if self.updates < self.config.model_updates {
            let metrics = self.fit_models(batch)?;
            self.updates += 1;
            return Ok(metrics);
        }
        let policy_updates = self.updates - self.config.model_updates;
        if policy_updates.is_multiple_of(self.config.rollout_interval) {
            self.roll_out(batch)?;
        }
        self.updates += 1;
        self.batch.clone_from(batch);
        if !self.imagined.is_empty() {
            let real = (self.config.real_share * batch.rows as f64).round() as usize;
            self.imagined.sample_rows(&mut self.rng, real..batch.rows, &mut self.batch);
        }
        let found = self.policy.update(&self.batch)?;
        let metrics = Metrics::new(&[
            ("critic_loss", found.critic_loss),
            ("q", found.q),
            ("temperature", found.temperature),
            ("imagined_reward", mean(&self.batch.rewards)),
            ("rollout_steps", self.rollout_steps),
        ]);
        Ok(found.actor_loss.map_or(metrics, |loss| metrics.with("actor_loss", loss)))
    }

    fn batch_size(&self) -> usize {
        self.config.sac.batch_size
    }

    fn agent(&self) -> &dyn Agent {
        &self.policy.nets
    }

    fn agent_mut(&mut self) -> &mut dyn Agent {
        &mut self.policy.nets
    }
}

impl Parameters for Mopo {
    fn named(&self) -> Vec<(String, &Var)> {
        let mut named = self.policy.named();
        named.extend(self.dynamics.named());
        named.extend(self.filter.iter().flat_map(Parameters::named));
        named
    }
}

impl Checkpoint for Mopo {
    fn save(&self, out: &mut Writer) {
        out.part("dynamics", &self.dynamics);
        if let Some(filter) = &self.filter {
            out.part("filter", filter);
        }
        out.part("imagined", &self.imagined);
        out.part("policy", &self.policy);
        out.value("updates", &self.updates);
        out.value("rollout_steps", &self.rollout_steps);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("dynamics", &mut self.dynamics)?;
        if let Some(filter) = &mut self.filter {
            from.part("filter", filter)?;
        }
        from.part("imagined", &mut self.imagined)?;
        from.part("policy", &mut self.policy)?;
        self.updates = from.value("updates")?;
        self.rollout_steps = from.value("rollout_steps")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}
