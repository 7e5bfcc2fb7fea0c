//! Online on-policy learning from a reward that is known: collect a rollout with the present policy,
//! improve the policy on it, forget it.

use std::sync::Arc;

use telos_agents::{
    Policy, Ppo, PpoMetrics, RolloutBuffer,
    collective::{Alone, Collective},
};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{VecEnv, episode_seed};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{
    driver::TrainingLoop,
    episodes::EpisodeWindow,
    known_reward::KnownReward,
    means::RunningMeans,
    sentence::{SentenceTask, wrapped},
};
use crate::{TelosError, config::Config};

/// Keeps the seeds of further ranks apart from those of episodes.
const RANK_STREAM: u64 = 1 << 63;

/// Proximal policy optimisation, of one learner or of one rank of it.
pub(super) struct OnPolicyLoop {
    envs: VecEnv,
    reward: KnownReward,
    learner: Ppo,
    rollout: RolloutBuffer,
    episodes: EpisodeWindow,
    losses: RunningMeans,
    /// Environment steps taken, all environments of all ranks together.
    step: u64,
    /// Environments of all ranks.
    count: u64,
    /// Environment steps of the whole run, for the annealing of the step size.
    steps: u64,
}

impl OnPolicyLoop {
    /// The only learner, or the first of its ranks.
    pub(super) fn new(config: &Config, device: &Device) -> Result<Self, TelosError> {
        Self::of_rank(config, device, 0)
    }

    /// Rank `rank` with its share of the environments, whose initial states are its own.
    fn of_rank(config: &Config, device: &Device, rank: usize) -> Result<Self, TelosError> {
        let ranks = config.parallel.ranks;
        let (n, threads) = (config.env.count / ranks, (config.env.thread_count() / ranks).max(1));
        let seed = match rank {
            0 => config.seed,
            rank => episode_seed(config.seed, RANK_STREAM, rank as u64),
        };
        let sentence = SentenceTask::open(config, device)?;
        let mut envs = VecEnv::new(n, threads, seed, |_| wrapped(config, sentence.as_deref()))?;
        envs.reset();
        let spec = envs.spec();
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        Ok(Self {
            reward: KnownReward::new(&config.reward, sentence, &envs)?,
            learner: Ppo::new(&config.ppo, spec, config.seed, device)?,
            rollout: RolloutBuffer::new(config.ppo.rollout_steps, n, obs_size, action_size),
            episodes: EpisodeWindow::default(),
            losses: RunningMeans::default(),
            step: 0,
            count: config.env.count as u64,
            steps: config.steps,
            envs,
        })
    }

    /// One of several ranks.
    ///
    /// # Errors
    /// When a rank is lost, and as [`new`](Self::new).
    pub(super) fn join(
        config: &Config,
        device: &Device,
        ranks: &mut dyn Collective,
    ) -> Result<Self, TelosError> {
        let mut rank = Self::of_rank(config, device, ranks.rank())?;
        rank.learner.join(ranks)?;
        Ok(rank)
    }

    /// Collects a whole rollout, or what is left of the run, and learns from it together with the
    /// other ranks.
    pub(super) fn advance_together(&mut self, ranks: &mut dyn Collective) -> Result<(), TelosError> {
        while !self.rollout.is_full() && self.step < self.steps {
            self.collect()?;
        }
        self.learn(ranks)
    }

    /// One step of every environment.
    fn collect(&mut self) -> Result<(), TelosError> {
        self.learner.decide(&self.envs.batch().obs, &mut self.rollout)?;
        self.envs.step(self.rollout.env_actions());
        let outcome = self.envs.batch();
        self.rollout.record(self.reward.of(&self.envs)?, outcome);
        self.episodes.observe(outcome);
        self.step += self.count;
        Ok(())
    }

    /// Learns from the rollout if it is full.
    fn learn(&mut self, ranks: &mut dyn Collective) -> Result<(), TelosError> {
        if self.rollout.is_full() {
            self.learner.anneal(self.step as f64 / self.steps as f64);
            keep(self.learner.update_together(&mut self.rollout, ranks)?, &mut self.losses);
        }
        Ok(())
    }
}

/// Keeps what an update did for the next report.
pub(super) fn keep(metrics: PpoMetrics, losses: &mut RunningMeans) {
    let PpoMetrics { policy_loss, value_loss, entropy, approximate_kl, .. } = metrics;
    losses.add("ppo/policy_loss", policy_loss);
    losses.add("ppo/value_loss", value_loss);
    losses.add("ppo/entropy", entropy);
    losses.add("ppo/approximate_kl", approximate_kl);
}

impl TrainingLoop for OnPolicyLoop {
    fn step(&self) -> u64 {
        self.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        self.collect()?;
        self.learn(&mut Alone::default())
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        (&mut self.learner, None)
    }

    fn recent_return(&self) -> Option<f64> {
        self.episodes.mean_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        let mut metrics = self.episodes.drain();
        metrics.extend(self.losses.drain());
        metrics
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        vec![&self.learner]
    }

    fn sentence(&self) -> Option<Arc<SentenceTask>> {
        self.reward.sentence()
    }

    fn ppo(&self) -> Option<&Ppo> {
        Some(&self.learner)
    }
}

impl Checkpoint for OnPolicyLoop {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("learner", &self.learner);
        out.part("rollout", &self.rollout);
        out.part("episodes", &self.episodes);
        out.part("losses", &self.losses);
        out.value("step", &self.step);
        self.reward.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("learner", &mut self.learner)?;
        from.part("rollout", &mut self.rollout)?;
        from.part("episodes", &mut self.episodes)?;
        from.part("losses", &mut self.losses)?;
        self.step = from.value("step")?;
        self.reward.load(from)
    }
}
