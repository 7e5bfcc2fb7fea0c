//! The learner: decides, remembers what its chunks led to, and moves the policy by the chosen method.

use std::ops::Range;

use rand::{SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{EnvSpec, StepBatch, dataset::ChunkBatch};
use telos_nn::{Adam, AdamConfig, Device, NnError, gaussian, weights};

use super::{Judge, TuningConfig, TuningMethod, critic::Critic, rollout::ChunkRollout, value::Value};
use crate::{
    AgentError, ObservationNormalizer, RewardScaler,
    error::require,
    generative::{
        Chain, ChunkActor, ChunkPolicy, GenerativeConfig, GenerativePolicy, NoiseActor, ResidualActions,
        Spin, best_of_n::repeat_rows,
    },
};

/// Largest scaled reward of a chunk, in deviations of the return.
const REWARD_CLIP: f32 = 10.0;

/// A generative policy that is fine-tuned.
#[derive(Debug)]
pub struct Tuner {
    pub(super) config: TuningConfig,
    pub(super) actor: ChunkActor<ChunkPolicy>,
    /// The policy before fine-tuning.
    pub(super) reference: ChunkPolicy,
    pub(super) optimizer: Adam,
    pub(super) value: Value,
    /// For methods that score or improve chunks by it.
    pub(super) critic: Option<Critic>,
    /// The opponent of self-play.
    pub(super) spin: Option<Spin<ChunkPolicy>>,
    pub(super) scaler: RewardScaler,
    pub(super) rollout: ChunkRollout,
    pub(super) chain: Chain,
    /// Rollouts that were learned from, or updates of self-play.
    pub(super) updates: u64,
    pub(super) act_rng: Xoshiro256PlusPlus,
    pub(super) update_rng: Xoshiro256PlusPlus,
    obs: Vec<f32>,
    repeated: Vec<f32>,
    /// What the simulator's copies did with each candidate: rewards, whether it has no future, and the
    /// observations that followed.
    judged: Judged,
}

/// Outcomes of candidates that were executed in copies of the environment.
#[derive(Debug, Default)]
struct Judged {
    rewards: Vec<f32>,
    terminated: Vec<bool>,
    next_obs: Vec<f32>,
}

impl Tuner {
    /// A learner in `envs` environments of this spec. Its policy knows nothing until it
    /// [begins with](Self::begin_with) a trained one.
    ///
    /// # Errors
    /// When the configuration is wrong or the device refuses.
    pub fn new(
        config: &TuningConfig,
        generative: &GenerativeConfig,
        spec: &EnvSpec,
        envs: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AgentError> {
        config.validate()?;
        let (method, steps) = (config.method, generative.sampler.steps);
        let few = config.denoising_steps <= steps;
        let expected = "use at most `generative.sampler.steps`";
        require(few, "tuning.denoising_steps", &config.denoising_steps, expected)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let policy = generative.build(spec, &mut rng, device)?;
        let shape = policy.shape();
        let (reference, spin) = (policy.frozen_copy()?, method == TuningMethod::Spin);
        let spin = spin.then(|| Spin::new(config.flow_dpo.clone(), &policy)).transpose()?;
        let value = Value::new(config, shape.obs, &mut rng, device)?;
        let judges = method.compares() && config.judge == Judge::Critic;
        let wants_critic = judges || method.differentiates();
        let critic = wants_critic.then(|| Critic::new(config, shape, &mut rng, device)).transpose()?;
        let normalizer = ObservationNormalizer::new(shape.obs, f32::INFINITY);
        let mut actor = ChunkActor::new(policy, normalizer, spec, generative.executed, seed)?;
        if generative.residual {
            actor.draw_residuals(ResidualActions::identity(shape));
        }
        if method == TuningMethod::NoiseActor {
            actor.start_by(NoiseActor::new(&config.noise_actor, shape, &mut rng, device)?);
        }
        let adam =
            AdamConfig { lr: config.lr, max_grad_norm: Some(config.max_grad_norm), ..AdamConfig::default() };
        let optimizer = match actor.start() {
            Some(start) => Adam::new(start, adam)?,
            None => Adam::new(actor.policy(), adam)?,
        };
        // Where an actor chose the first latent, all steps are kept, to know it.
        let kept = if method == TuningMethod::NoiseActor { steps } else { config.denoising_steps };
        rng.jump();
        let mut update_rng = rng.clone();
        update_rng.jump();
        let rollout = ChunkRollout::new(envs, shape, generative.executed, config.per_decision(), kept);
        Ok(Self {
            scaler: RewardScaler::new(config.gamma, REWARD_CLIP),
            config: config.clone(),
            chain: Chain::default(),
            updates: 0,
            act_rng: rng,
            obs: Vec::new(),
            repeated: Vec::new(),
            judged: Judged::default(),
            actor,
            reference,
            optimizer,
            value,
            critic,
            spin,
            rollout,
            update_rng,
        })
    }

    /// Takes over a trained policy, and how it sees observations.
    ///
    /// # Errors
    /// When its network is another one.
    pub fn begin_with(&mut self, trained: &ChunkActor<ChunkPolicy>) -> Result<(), AgentError> {
        self.actor.take_over(trained)?;
        weights::copy(&self.reference, trained.policy())?;
        if let Some(spin) = &mut self.spin {
            spin.next_round(trained.policy())?;
        }
        Ok(())
    }

    /// What acts.
    pub fn actor(&self) -> &ChunkActor<ChunkPolicy> {
        &self.actor
    }

    /// Chooses the next action of every environment, `[envs, act]`, in the environment's units, for
    /// observations `[envs, obs]`. Returns the decisions that were made for it: environments whose chunk was
    /// used up got a new one.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn decide(&mut self, obs: &[f32], actions: &mut [f32]) -> Result<Range<usize>, AgentError> {
        let (size, due) = (self.actor.policy().shape().obs, self.rollout.due().collect::<Vec<usize>>());
        let mut decisions = self.rollout.len()..self.rollout.len();
        if !due.is_empty() {
            self.obs.resize(due.len() * size, 0.0);
            for (env, row) in due.iter().zip(self.obs.chunks_exact_mut(size)) {
                self.actor.normalizer().normalize(&obs[env * size..][..size], row);
            }
            self.draw(due.len())?;
            decisions = self.rollout.decide(&due, &self.obs, &self.chain);
        }
        self.rollout.next_actions(self.actor.residual(), actions);
        self.actor.range().to_env(actions);
        Ok(decisions)
    }

    /// Draws the chains of this many decisions.
    fn draw(&mut self, decisions: usize) -> Result<(), AgentError> {
        let policy = self.actor.policy();
        let (shape, steps, k) = (policy.shape(), policy.steps().len(), self.rollout.candidates);
        repeat_rows(&self.obs, shape.obs, k, &mut self.repeated);
        let noise = self.chain.begin(decisions * k, shape.width(), steps);
        match self.actor.start() {
            Some(start) => {
                let log_probs = start.draw(&self.repeated, &mut self.act_rng, noise)?;
                self.rollout.start_log_probs.extend(log_probs.to_vec1::<f32>().map_err(NnError::from)?);
            }
            None => gaussian::standard_normal(&mut self.act_rng, noise),
        }
        let (rng, chain) = (&mut self.act_rng, &mut self.chain);
        (0..steps).try_for_each(|step| policy.take_step(step, &self.repeated, Some(rng), chain))
    }

    /// Chunks per decision that a copy of the environment has to judge; 0 where a critic does.
    pub fn candidates_to_judge(&self) -> usize {
        let judges = self.config.method.compares() && self.config.judge == Judge::Simulator;
        if judges { self.rollout.candidates } else { 0 }
    }

    /// The environment of a decision.
    pub fn env_of(&self, decision: usize) -> usize {
        self.rollout.env_of(decision)
    }

    /// Actions of a chunk that are executed.
    pub fn executed(&self) -> usize {
        self.rollout.executed()
    }

    /// Writes action number `taken` of each candidate of a decision, `[k, act]`, in the environment's units.
    pub fn candidate_actions(&self, decision: usize, taken: usize, actions: &mut [f32]) {
        let (act, k) = (self.actor.policy().shape().act, self.rollout.candidates);
        for (j, action) in actions.chunks_exact_mut(act).enumerate() {
            let obs = self.rollout.observed(decision);
            action.copy_from_slice(&self.rollout.chunk(decision * k + j)[taken * act..][..act]);
            if let Some(residual) = self.actor.residual() {
                residual.to_action(obs, taken, action);
            }
        }
        self.actor.range().to_env(actions);
    }

    /// Takes in what each candidate of the next decision led to in a copy of the environment: rewards `[k]`,
    /// whether it has no future `[k]`, and the observations that followed `[k, obs]`.
    pub fn judge(&mut self, rewards: &[f32], terminated: &[bool], next_obs: &[f32]) {
        let (size, judged) = (self.actor.policy().shape().obs, &mut self.judged);
        judged.rewards.extend_from_slice(rewards);
        judged.terminated.extend_from_slice(terminated);
        let first = judged.next_obs.len();
        judged.next_obs.resize(first + next_obs.len(), 0.0);
        let rows = judged.next_obs[first..].chunks_exact_mut(size);
        rows.zip(next_obs.chunks_exact(size))
            .for_each(|(row, obs)| self.actor.normalizer().normalize(obs, row));
    }

    /// Takes in what the actions led to, with rewards `[envs]` of whatever origin.
    pub fn record(&mut self, rewards: &[f32], step: &StepBatch) {
        let done: Vec<bool> = (0..step.len()).map(|env| step.done(env)).collect();
        self.scaler.update(rewards, &done);
        let normalizer = self.actor.normalizer();
        self.rollout.record(rewards, step, |obs, row| normalizer.normalize(obs, row));
    }

    /// Learns from the rollout and forgets it. Returns metrics by name.
    ///
    /// # Errors
    /// When a gradient is not finite, or the device refuses.
    pub fn update(&mut self) -> Result<Vec<(&'static str, f32)>, AgentError> {
        let (epochs, batch_size) = (self.config.epochs, self.config.batch_size);
        let mut rewards = self.rollout.rewards.clone();
        self.scaler.scale(&mut rewards);
        let values = self.value.of(&self.rollout.obs)?;
        let next_values = self.value.of(&self.rollout.next_obs)?;
        let constants = (self.config.gamma, self.config.gae_lambda);
        let advantages = self.rollout.advantages(constants, &rewards, (&values, &next_values));
        let returns: Vec<f32> = advantages.iter().zip(&values).map(|(a, v)| a + v).collect();
        let data = (self.rollout.obs.as_slice(), returns.as_slice());
        let value_loss = self.value.fit(data, epochs, batch_size, &mut self.update_rng)?;
        let mut metrics = vec![("value_loss", value_loss)];
        if let Some(mut critic) = self.critic.take() {
            self.remember(&mut critic, &rewards, &next_values);
            let steps = epochs * self.rollout.len().div_ceil(batch_size);
            metrics.push(("critic_loss", critic.fit(steps, batch_size, &mut self.update_rng)?));
            self.critic = Some(critic);
        }
        self.rollout.scores = self.score(advantages)?;
        standardise(&mut self.rollout.scores);
        if self.updates >= self.config.warm_up {
            metrics.push(("policy_loss", self.improve()?));
        }
        self.rollout.clear();
        self.judged = Judged::default();
        self.updates += 1;
        Ok(metrics)
    }

    fn remember(&self, critic: &mut Critic, rewards: &[f32], next_values: &[f32]) {
        let (size, rollout) = (self.actor.policy().shape().obs, &self.rollout);
        for decision in 0..rollout.len() {
            let future = if rollout.terminated[decision] { 0.0 } else { next_values[decision] };
            let target = rewards[decision] + self.config.gamma * future;
            let obs = &rollout.obs[decision * size..][..size];
            critic.remember(obs, rollout.chunk(decision * rollout.candidates), target);
        }
    }

    /// How good each chunk of the rollout is.
    fn score(&self, advantages: Vec<f32>) -> Result<Vec<f32>, AgentError> {
        if !self.config.method.compares() {
            return Ok(advantages);
        }
        if let Some(critic) = &self.critic {
            return Ok(self.critic_scores(critic)?);
        }
        let mut scores = self.judged.rewards.clone();
        self.scaler.scale(&mut scores);
        let futures = self.value.of(&self.judged.next_obs)?;
        for ((score, future), terminated) in scores.iter_mut().zip(futures).zip(&self.judged.terminated) {
            *score += if *terminated { 0.0 } else { self.config.gamma * future };
        }
        AgentError::check_length(
            "judged chunks",
            scores.len(),
            self.rollout.len() * self.rollout.candidates,
        )?;
        Ok(scores)
    }

    /// Epochs of gradient steps of the policy; the mean loss.
    fn improve(&mut self) -> Result<f32, AgentError> {
        let mut order: Vec<usize> = (0..self.rollout.len()).collect();
        if self.config.method == TuningMethod::Eda {
            order.shuffle(&mut self.update_rng);
            let labelled = (self.config.eda.label_share * order.len() as f64).ceil() as usize;
            order.truncate(labelled.max(1));
        }
        let (mut sum, mut steps) = (0.0, 0.0f32);
        for _ in 0..self.config.epochs {
            order.shuffle(&mut self.update_rng);
            for decisions in order.chunks(self.config.batch_size) {
                let loss = self.loss(decisions)?;
                self.optimizer.backward_step(&loss)?;
                sum += loss.to_scalar::<f32>().map_err(NnError::from)?;
                steps += 1.0;
            }
        }
        Ok(sum / steps.max(1.0))
    }

    /// One update of self-play on recorded chunks, in the environment's units; returns the loss.
    ///
    /// # Errors
    /// When the batch's sizes are not the policy's, or the device refuses.
    pub fn self_play(&mut self, batch: &ChunkBatch) -> Result<f32, AgentError> {
        let Some(spin) = &mut self.spin else {
            return require(false, "tuning.method", &self.config.method, "use spin").map(|()| 0.0);
        };
        self.actor.demonstrated(batch, &mut self.obs, &mut self.repeated)?;
        let policy = self.actor.policy();
        let loss = spin.loss(policy, &self.obs, &self.repeated, &mut self.update_rng)?;
        self.optimizer.backward_step(&loss)?;
        self.updates += 1;
        if self.updates.is_multiple_of(self.config.spin_round) {
            spin.next_round(policy)?;
        }
        Ok(loss.to_scalar().map_err(NnError::from)?)
    }
}

/// Mean 0 and deviation 1; what is constant becomes 0.
fn standardise(scores: &mut [f32]) {
    let n = scores.len().max(1) as f64;
    let mean = scores.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let variance = scores.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
    let scale = 1.0 / (variance.sqrt() + 1e-8);
    scores.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) * scale) as f32);
}
