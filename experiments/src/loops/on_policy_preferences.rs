//! PrefPPO, the on-policy counterpart of PEBBLE (Lee et al. 2021, "B-Pref", arXiv 2111.03026, section
//! 5.1; after Christiano et al. 2017, arXiv 1706.03741).
//!
//! 1. Explore without any reward: proximal policy optimisation on the entropy of visited states.
//! 2. Show segments to a teacher and fit the reward models to the answers, as in PEBBLE.
//! 3. Reward every rollout, as a whole, by the reward models of the moment in which it is learned from:
//!    nothing is ever learned under a stale reward, so there is no replay to relabel.
//!
//! With a prior, leaving it costs ([`PriorPenalty`]): the policy as it was when exploration ended, or
//! that of a given run, from which training then begins.

use std::path::Path;

use telos_agents::{Policy, Ppo, PriorPenalty, PriorPenaltyConfig, PriorPenaltyMetrics, RolloutBuffer};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::VecEnv;
use telos_nn::{Device, Parameters};
use telos_rewards::{intrinsic::StateEntropy, reward_model::RewardModel};

use super::{
    driver::TrainingLoop, episodes::EpisodeWindow, means::RunningMeans, on_policy, report::PreferenceReport,
    reward_learning::RewardLearning,
};
use crate::{
    TelosError,
    config::{Config, PriorConfig},
};

/// The PrefPPO loop.
pub(super) struct OnPolicyPreferenceLoop {
    envs: VecEnv,
    learner: Ppo,
    rollout: RolloutBuffer,
    learning: RewardLearning,
    entropy: StateEntropy,
    /// `[visited, obs]`: all observations since the run began, while it explores; empty afterwards.
    visited: Vec<f32>,
    /// Whose settings are used once there is a prior.
    penalty_config: Option<PriorPenaltyConfig>,
    /// None while the policy explores, and where no prior is wanted.
    penalty: Option<PriorPenalty>,
    episodes: EpisodeWindow,
    losses: RunningMeans,
    /// Environment steps taken, all environments together.
    step: u64,
    /// Environment steps of the whole run, for the annealing of the step size.
    steps: u64,
    /// What the environments were seen to be before the step.
    obs: Vec<f32>,
    /// The reward column until a rollout is complete.
    unknown: Vec<f32>,
}

impl OnPolicyPreferenceLoop {
    /// The loop before its first step. Answers are kept in the ledger at `feedback`.
    pub(super) fn new(config: &Config, feedback: Option<&Path>, device: &Device) -> Result<Self, TelosError> {
        let n = config.env.count;
        let mut envs = VecEnv::new(n, config.env.thread_count(), config.seed, |_| config.env.make())?;
        let obs = envs.reset().obs.clone();
        let spec = envs.spec();
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        let entropy = config.preferences.state_entropy.clone();
        Ok(Self {
            learner: Ppo::new(&config.ppo, spec, config.seed, device)?,
            rollout: RolloutBuffer::new(config.ppo.rollout_steps, n, obs_size, action_size),
            learning: RewardLearning::new(config, spec, feedback, device)?,
            entropy: StateEntropy::new(entropy, obs_size, config.seed)?,
            visited: Vec::new(),
            penalty_config: config.preferences.prior.as_ref().map(PriorConfig::penalty),
            penalty: None,
            episodes: EpisodeWindow::default(),
            losses: RunningMeans::default(),
            step: 0,
            steps: config.steps,
            obs,
            unknown: vec![0.0; n],
            envs,
        })
    }

    /// Begins with `policy`, and makes it the prior.
    pub(super) fn begin_with(&mut self, policy: &Ppo) -> Result<(), TelosError> {
        telos_checkpoint::from_bytes(&mut self.learner, &telos_checkpoint::to_bytes(policy))?;
        self.learner.reset_critic()?;
        self.freeze_prior()
    }

    /// Makes the present policy the prior, if one is wanted and there is none yet.
    fn freeze_prior(&mut self) -> Result<(), TelosError> {
        if let (Some(config), None) = (&self.penalty_config, &self.penalty) {
            self.penalty = Some(PriorPenalty::new(config.clone(), &self.learner)?);
        }
        Ok(())
    }

    /// Writes the rewards of the full rollout.
    fn reward(&mut self) -> Result<(), TelosError> {
        let Self { rollout, entropy, visited, learning, .. } = self;
        if learning.exploring() {
            return rollout.relabel(|obs, _, rows, rewards| {
                visited.extend_from_slice(obs);
                entropy.refresh(visited, visited.len() * rows / obs.len())?;
                Ok(entropy.observe(obs, rows, rewards)?)
            });
        }
        rollout.relabel(|obs, actions, rows, rewards| learning.model.predict(obs, actions, rows, rewards))?;
        if let Some(penalty) = &mut self.penalty {
            let PriorPenaltyMetrics { kl, coefficient } = penalty.charge(rollout)?;
            self.losses.add("prior/kl", kl);
            self.losses.add("prior/coefficient", coefficient);
        }
        Ok(())
    }
}

impl TrainingLoop for OnPolicyPreferenceLoop {
    fn step(&self) -> u64 {
        self.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        let exploring = self.learning.exploring();
        self.learner.decide(&self.obs, &mut self.rollout)?;
        let outcome = self.envs.step(self.rollout.env_actions());
        self.learning.observe(&self.obs, self.rollout.env_actions(), outcome);
        self.rollout.record(&self.unknown, outcome);
        self.episodes.observe(outcome);
        self.obs.copy_from_slice(&outcome.obs);
        self.step += outcome.len() as u64;
        if self.learning.advance(self.step, &mut self.losses)? && exploring {
            self.freeze_prior()?;
            // The critic has learned the value of novelty, which is worth nothing from now on.
            self.learner.reset_critic()?;
            self.visited = Vec::new();
        }
        if self.rollout.is_full() {
            self.reward()?;
            self.learner.anneal(self.step as f64 / self.steps as f64);
            on_policy::keep(self.learner.update(&mut self.rollout)?, &mut self.losses);
        }
        Ok(())
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        let model = (!self.learning.exploring()).then_some(&*self.learning.model as &dyn RewardModel);
        (&mut self.learner, model)
    }

    fn recent_return(&self) -> Option<f64> {
        self.episodes.mean_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        let mut metrics = self.episodes.drain();
        metrics.extend(self.losses.drain());
        metrics.extend(self.learning.metrics());
        metrics
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        vec![&self.learner, &*self.learning.model]
    }

    fn preference_report(&self) -> Result<Option<PreferenceReport>, TelosError> {
        self.learning.report().map(Some)
    }

    fn ppo(&self) -> Option<&Ppo> {
        Some(&self.learner)
    }
}

impl Checkpoint for OnPolicyPreferenceLoop {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("learner", &self.learner);
        out.part("rollout", &self.rollout);
        out.part("learning", &self.learning);
        out.part("entropy", &self.entropy);
        out.f32s("visited", &self.visited);
        out.value("has_prior", &self.penalty.is_some());
        if let Some(penalty) = &self.penalty {
            out.part("penalty", penalty);
        }
        out.part("episodes", &self.episodes);
        out.part("losses", &self.losses);
        out.value("step", &self.step);
        out.f32s("obs", &self.obs);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("learner", &mut self.learner)?;
        from.part("rollout", &mut self.rollout)?;
        from.part("learning", &mut self.learning)?;
        from.part("entropy", &mut self.entropy)?;
        self.visited = from.f32_vec("visited")?;
        self.penalty = None;
        if from.value("has_prior")? {
            // Of the right shape; its numbers are read next.
            self.freeze_prior().map_err(|error| from.wrong("penalty", &error.to_string()))?;
            let penalty = self.penalty.as_mut();
            let penalty = penalty.ok_or_else(|| from.wrong("penalty", "was saved with a prior"))?;
            from.part("penalty", penalty)?;
        }
        from.part("episodes", &mut self.episodes)?;
        from.part("losses", &mut self.losses)?;
        self.step = from.value("step")?;
        from.f32s("obs", &mut self.obs)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
        loop = 'preferences'
        learner = 'ppo'
        steps = 4000
        [env]
        id = 'pendulum-classic'
        count = 4
        threads = 1
        [ppo]
        rollout_steps = 300
        hidden = [8]
        [preferences]
        budget = 8
        queries_per_session = 4
        session_interval = 100
        unsupervised_steps = 1000
        query = { segment = 20 }
        reward_model = { hidden = [8], max_epochs = 5 }
    ";

    #[test]
    fn a_rollout_is_rewarded_as_a_whole_by_the_present_model() {
        let config = Config::parse("test.toml", CONFIG, &[]).unwrap();
        let mut training = OnPolicyPreferenceLoop::new(&config, None, &Device::Cpu).unwrap();
        // The second session comes in the middle of a rollout.
        while training.learning.model.version() < 2 {
            training.advance().unwrap();
        }
        let rows = 4 * training.rollout.len();
        assert!((1000..1200).contains(&rows), "{rows}");
        training.reward().unwrap();
        let model = &training.learning.model;
        let checked: Result<(), TelosError> = training.rollout.relabel(|obs, actions, rows, rewards| {
            let mut expected = vec![0.0; rows];
            model.predict(obs, actions, rows, &mut expected)?;
            assert_eq!(rewards, expected);
            Ok(())
        });
        checked.unwrap();
        assert!(training.visited.is_empty(), "exploration is over");
    }
}
