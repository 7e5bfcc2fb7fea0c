//! PEBBLE (Lee, Smith, Abbeel 2021, "PEBBLE: Feedback-Efficient Interactive Reinforcement Learning
//! via Relabeling Experience and Unsupervised Pre-training", arXiv 2106.05091).
//!
//! 1. Explore without any reward: soft actor-critic on the entropy of visited states (section 4.1).
//! 2. Show pairs of segments to a teacher and fit an ensemble of reward models to the answers by
//!    the Bradley-Terry likelihood (equations 1 and 3).
//! 3. Relabel the whole replay whenever the reward models change (section 4.3), go on learning, and
//!    repeat from 2 until the budget of questions is spent.
//!
//! The teacher may be slow: questions are submitted, answers are collected whenever they come, and
//! rollouts never wait for them.

use std::path::Path;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::Policy;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::TrajectoryStore;
use telos_nn::{Device, Parameters};
use telos_rewards::{
    feedback::FeedbackLedger,
    intrinsic::StateEntropy,
    query::{QueryContext, QuerySelector},
    reward_model::{PreferenceData, RewardLearner, RewardModel, StepSizes},
    teacher::{Teacher, TeacherSetting},
};

use super::{driver::TrainingLoop, off_policy::OffPolicy, report::PreferenceReport};
use crate::{
    TelosError,
    config::{Config, PreferencesConfig},
};

/// Finished episodes from which segments are drawn (B-Pref keeps the last 100).
const RECENT_EPISODES: usize = 100;

/// Gradient updates right after the critics were reset (B-Pref, `reset_update`).
const UPDATES_AFTER_RESET: usize = 100;

/// Environment steps after which the state entropy looks at the replay anew.
const REFRESH_INTERVAL: u64 = 500;

/// Keep the streams of a run apart.
const QUERY_STREAM: u64 = 0x5851_f42d_4c95_7f2d;
const HELD_OUT_STREAM: u64 = 0x1405_7b7e_f767_814f;

/// The PEBBLE loop around a soft actor-critic.
pub(super) struct PreferenceLoop {
    config: PreferencesConfig,
    seed: u64,
    core: OffPolicy,
    entropy: StateEntropy,
    trajectories: TrajectoryStore,
    selector: Box<dyn QuerySelector>,
    teacher: Box<dyn Teacher>,
    /// `None` when the loop is only built to read a checkpoint.
    ledger: Option<FeedbackLedger>,
    preferences: PreferenceData,
    model: Box<dyn RewardLearner>,
    /// Questions asked so far, answered or not.
    asked: usize,
    /// The step from which on the next questions are asked.
    next_session: u64,
    next_refresh: u64,
    rng: Xoshiro256PlusPlus,
}

impl PreferenceLoop {
    /// The loop before its first step. Answers are kept in the ledger at `feedback`.
    pub(super) fn new(config: &Config, feedback: Option<&Path>, device: &Device) -> Result<Self, TelosError> {
        let seed = config.seed;
        let core = OffPolicy::new(config, device)?;
        let spec = core.envs.spec();
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        let config = config.preferences.clone();
        let segment = config.query.segment;
        let sizes = StepSizes { observation: obs_size, action: action_size, segment };
        Ok(Self {
            entropy: StateEntropy::new(config.state_entropy.clone(), obs_size, seed)?,
            trajectories: TrajectoryStore::new(spec, core.envs.len(), RECENT_EPISODES)?,
            selector: config.query.selector(),
            teacher: config.teacher.build(TeacherSetting { spec, seed })?,
            ledger: feedback.map(|at| FeedbackLedger::open(at, obs_size, action_size)).transpose()?,
            preferences: PreferenceData::new(config.budget, segment, obs_size, action_size)?,
            model: config.reward_model.build(sizes, seed, device)?,
            asked: 0,
            next_session: config.unsupervised_steps,
            next_refresh: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed ^ QUERY_STREAM),
            config,
            seed,
            core,
        })
    }

    /// Whether there is no reward model yet, so that novelty is the only reward.
    fn exploring(&self) -> bool {
        self.model.version() == 0
    }

    /// Chooses the next questions and hands them to the teacher.
    fn ask(&mut self) -> Result<(), TelosError> {
        let count = self.config.queries_per_session.min(self.config.budget - self.asked);
        let context =
            QueryContext { store: &self.trajectories, model: &*self.model, answered: &self.preferences };
        let queries = self.selector.select(&context, count, &mut self.rng)?;
        self.asked += queries.len();
        self.next_session = self.core.step + self.config.session_interval;
        for query in queries {
            // A resumed run asks again what it had asked before; nobody answers twice.
            let stored = match &self.ledger {
                Some(ledger) => ledger.recall(query),
                None => Err(query),
            };
            match stored {
                Ok(answered) => self.teacher.resubmit(answered)?,
                Err(query) => self.teacher.submit(query)?,
            }
        }
        Ok(())
    }

    /// Takes in what the teacher has answered; once a session is complete, fits the reward models
    /// and relabels the replay.
    fn learn_from_answers(&mut self) -> Result<(), TelosError> {
        let mut answers = Vec::new();
        self.teacher.poll(&mut answers)?;
        if answers.is_empty() {
            return Ok(());
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.append(&answers)?;
        }
        for answer in &answers {
            self.preferences.push(answer)?;
        }
        if self.teacher.pending() > 0 || self.preferences.is_empty() {
            return Ok(());
        }
        let first_model = self.exploring();
        let fit = self.model.train(&self.preferences, &self.trajectories)?;
        self.core.losses.add("reward_model/epochs", fit.epochs as f32);
        self.core.losses.add("reward_model/loss", fit.last.loss);
        if let Some(accuracy) = fit.last.accuracy {
            self.core.losses.add("reward_model/accuracy", accuracy);
        }
        let model = &self.model;
        self.core.replay.relabel(|obs, actions, rows, rewards| model.predict(obs, actions, rows, rewards))?;
        if first_model {
            // The critics have learned the value of novelty, which is worth nothing from now on.
            self.core.learner.reset_critics()?;
            for _ in 0..UPDATES_AFTER_RESET {
                self.core.update_once(&mut |_, _| Ok(()))?;
            }
        }
        Ok(())
    }

    /// How well the reward model orders pairs of recent segments that it never saw.
    fn report(&self) -> Result<PreferenceReport, TelosError> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ HELD_OUT_STREAM);
        let (mut pairs, mut correct) = (0, 0);
        let mut draw = || self.trajectories.sample_segment(&mut rng, self.config.query.segment);
        while pairs < self.config.held_out_pairs {
            let (Some(first), Some(second)) = (draw(), draw()) else { break };
            let (Some(first), Some(second)) = (self.trajectories.view(first), self.trajectories.view(second))
            else {
                break;
            };
            let margin = first.gold_return() - second.gold_return();
            pairs += 1;
            // A tie has no right order: it counts half, as guessing would.
            let logit = self.model.logit(first, second)?;
            correct += if margin == 0.0 { 1 } else { 2 * usize::from((logit > 0.0) == (margin > 0.0)) };
        }
        Ok(PreferenceReport {
            asked: self.asked,
            answered: self.preferences.len(),
            held_out_pairs: pairs,
            held_out_accuracy: correct as f64 / (2 * pairs.max(1)) as f64,
        })
    }
}

impl TrainingLoop for PreferenceLoop {
    fn step(&self) -> u64 {
        self.core.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        let exploring = self.exploring();
        let Self { core, model, trajectories, teacher, .. } = self;
        core.collect(|obs, actions, outcome, rewards| {
            if exploring {
                rewards.fill(0.0);
            } else {
                model.predict(obs, actions, outcome.len(), rewards)?;
            }
            trajectories.push_with(obs, actions, outcome, |episode| teacher.observe_episode(episode));
            Ok(())
        })?;
        if self.core.step >= self.next_session && self.asked < self.config.budget {
            self.ask()?;
        }
        self.learn_from_answers()?;
        if !self.exploring() {
            return self.core.update(|_, _| Ok(()));
        }
        let Self { core, entropy, .. } = self;
        if core.step >= self.next_refresh {
            self.next_refresh = core.step + REFRESH_INTERVAL;
            entropy.refresh(core.replay.obs(), core.replay.len())?;
        }
        core.update(|_, batch| Ok(entropy.observe(&batch.obs, batch.rows, &mut batch.rewards)?))
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        let model = (!self.exploring()).then_some(&*self.model as &dyn RewardModel);
        (&mut self.core.learner, model)
    }

    fn recent_return(&self) -> Option<f64> {
        self.core.episodes.mean_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        let mut metrics = self.core.drain_metrics();
        metrics.push(("preferences/asked".into(), self.asked as f64));
        metrics.push(("preferences/answered".into(), self.preferences.len() as f64));
        metrics
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        let mut weights = self.core.weights();
        weights.push(&*self.model);
        weights
    }

    fn preference_report(&self) -> Result<Option<PreferenceReport>, TelosError> {
        self.report().map(Some)
    }
}

impl Checkpoint for PreferenceLoop {
    fn save(&self, out: &mut Writer) {
        out.part("core", &self.core);
        out.part("entropy", &self.entropy);
        out.part("trajectories", &self.trajectories);
        out.part("teacher", self.teacher.as_ref());
        out.part("preferences", &self.preferences);
        out.part("model", &*self.model);
        out.value("asked", &self.asked);
        out.value("next_session", &self.next_session);
        out.value("next_refresh", &self.next_refresh);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("core", &mut self.core)?;
        from.part("entropy", &mut self.entropy)?;
        from.part("trajectories", &mut self.trajectories)?;
        from.part("teacher", self.teacher.as_mut())?;
        from.part("preferences", &mut self.preferences)?;
        from.part("model", &mut *self.model)?;
        self.asked = from.value("asked")?;
        self.next_session = from.value("next_session")?;
        self.next_refresh = from.value("next_refresh")?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}
