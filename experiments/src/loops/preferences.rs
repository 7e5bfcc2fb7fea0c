//! PEBBLE (Lee, Smith, Abbeel 2021, "PEBBLE: Feedback-Efficient Interactive Reinforcement Learning
//! via Relabeling Experience and Unsupervised Pre-training", arXiv 2106.05091).
//!
//! 1. Explore without any reward: soft actor-critic on the entropy of visited states (section 4.1).
//! 2. Show pairs of segments to a teacher and fit an ensemble of reward models to the answers by
//!    the Bradley-Terry likelihood (equations 1 and 3).
//! 3. Relabel the whole replay whenever the reward models change (section 4.3), go on learning, and
//!    repeat from 2 until the budget of questions is spent.
//!
//! With a ledger given, the reward models learn from it before the first step, and nothing is asked.

use std::path::Path;

use telos_agents::Policy;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::{Device, Parameters};
use telos_rewards::{intrinsic::StateEntropy, reward_model::RewardModel};

use super::{
    driver::TrainingLoop, off_policy::OffPolicy, report::PreferenceReport, reward_learning::RewardLearning,
};
use crate::{TelosError, config::Config};

/// Gradient updates right after the critics were reset (B-Pref, `reset_update`).
const UPDATES_AFTER_RESET: usize = 100;

/// Environment steps after which the state entropy looks at the replay anew.
const REFRESH_INTERVAL: u64 = 500;

/// The PEBBLE loop around a soft actor-critic.
pub(super) struct PreferenceLoop {
    core: OffPolicy,
    learning: RewardLearning,
    entropy: StateEntropy,
    next_refresh: u64,
}

impl PreferenceLoop {
    /// The loop before its first step. Answers are kept in the ledger at `feedback`.
    pub(super) fn new(config: &Config, feedback: Option<&Path>, device: &Device) -> Result<Self, TelosError> {
        let core = OffPolicy::new(config, device)?;
        let spec = core.envs.spec();
        let (entropy, obs_size) = (config.preferences.state_entropy.clone(), spec.observation.size());
        Ok(Self {
            learning: RewardLearning::new(config, spec, feedback, device)?,
            entropy: StateEntropy::new(entropy, obs_size, config.seed)?,
            next_refresh: 0,
            core,
        })
    }

    fn relabel(&mut self) -> Result<(), TelosError> {
        let model = &self.learning.model;
        self.core.replay.relabel(|obs, actions, rows, rewards| model.predict(obs, actions, rows, rewards))?;
        Ok(())
    }
}

impl TrainingLoop for PreferenceLoop {
    fn step(&self) -> u64 {
        self.core.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        let exploring = self.learning.exploring();
        let Self { core, learning, .. } = self;
        core.collect(|obs, actions, envs, rewards| {
            let outcome = envs.batch();
            if exploring {
                rewards.fill(0.0);
            } else {
                learning.model.predict(obs, actions, outcome.len(), rewards)?;
            }
            learning.observe(obs, actions, outcome);
            Ok(())
        })?;
        if learning.advance(core.step, &mut core.losses)? {
            self.relabel()?;
            if exploring && self.core.updates > 0 {
                // The critics have learned the value of novelty, which is worth nothing from now on.
                self.core.learner.reset_critics()?;
                for _ in 0..UPDATES_AFTER_RESET {
                    self.core.update_once(&mut |_, _| Ok(()))?;
                }
            }
        }
        if !self.learning.exploring() {
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
        let model = (!self.learning.exploring()).then_some(&*self.learning.model as &dyn RewardModel);
        (&mut self.core.learner, model)
    }

    fn recent_return(&self) -> Option<f64> {
        self.core.episodes.mean_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        let mut metrics = self.core.drain_metrics();
        metrics.extend(self.learning.metrics());
        metrics
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        let mut weights = self.core.weights();
        weights.push(&*self.learning.model);
        weights
    }

    fn preference_report(&self) -> Result<Option<PreferenceReport>, TelosError> {
        self.learning.report().map(Some)
    }
}

impl Checkpoint for PreferenceLoop {
    fn save(&self, out: &mut Writer) {
        out.part("core", &self.core);
        out.part("learning", &self.learning);
        out.part("entropy", &self.entropy);
        out.value("next_refresh", &self.next_refresh);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("core", &mut self.core)?;
        from.part("learning", &mut self.learning)?;
        from.part("entropy", &mut self.entropy)?;
        self.next_refresh = from.value("next_refresh")?;
        Ok(())
    }
}
