//! Online on-policy learning from the environment's own (gold) reward: collect a rollout with the
//! present policy, improve the policy on it, forget it.

use telos_agents::{Policy, Ppo, PpoMetrics, RolloutBuffer};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::VecEnv;
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{driver::TrainingLoop, episodes::EpisodeWindow, means::RunningMeans};
use crate::{TelosError, config::Config};

/// Proximal policy optimisation on the gold reward.
pub(super) struct OnPolicyLoop {
    envs: VecEnv,
    learner: Ppo,
    rollout: RolloutBuffer,
    episodes: EpisodeWindow,
    losses: RunningMeans,
    /// Environment steps taken, all environments together.
    step: u64,
    /// Environment steps of the whole run, for the annealing of the step size.
    steps: u64,
}

impl OnPolicyLoop {
    pub(super) fn new(config: &Config, device: &Device) -> Result<Self, TelosError> {
        let n = config.env.count;
        let mut envs = VecEnv::new(n, config.env.thread_count(), config.seed, |_| config.env.make())?;
        envs.reset();
        let spec = envs.spec();
        let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
        Ok(Self {
            learner: Ppo::new(&config.ppo, spec, config.seed, device)?,
            rollout: RolloutBuffer::new(config.ppo.rollout_steps, n, obs_size, action_size),
            episodes: EpisodeWindow::default(),
            losses: RunningMeans::default(),
            step: 0,
            steps: config.steps,
            envs,
        })
    }
}

/// Improves the policy on a full rollout and keeps the update's metrics.
pub(super) fn update(
    learner: &mut Ppo,
    rollout: &mut RolloutBuffer,
    losses: &mut RunningMeans,
) -> Result<(), TelosError> {
    let PpoMetrics { policy_loss, value_loss, entropy, approximate_kl, .. } = learner.update(rollout)?;
    losses.add("ppo/policy_loss", policy_loss);
    losses.add("ppo/value_loss", value_loss);
    losses.add("ppo/entropy", entropy);
    losses.add("ppo/approximate_kl", approximate_kl);
    Ok(())
}

impl TrainingLoop for OnPolicyLoop {
    fn step(&self) -> u64 {
        self.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        self.learner.decide(&self.envs.batch().obs, &mut self.rollout)?;
        let outcome = self.envs.step(self.rollout.env_actions());
        self.rollout.record(&outcome.reward, outcome);
        self.episodes.observe(outcome);
        self.step += outcome.len() as u64;
        if self.rollout.is_full() {
            self.learner.anneal(self.step as f64 / self.steps as f64);
            update(&mut self.learner, &mut self.rollout, &mut self.losses)?;
        }
        Ok(())
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
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("learner", &mut self.learner)?;
        from.part("rollout", &mut self.rollout)?;
        from.part("episodes", &mut self.episodes)?;
        from.part("losses", &mut self.losses)?;
        self.step = from.value("step")?;
        Ok(())
    }
}
