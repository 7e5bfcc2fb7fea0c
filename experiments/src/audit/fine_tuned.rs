//! Reinforcement learning of the run's own policy on a proxy, as far as it will go (Gao, Schulman, Hilton
//! 2022, arXiv 2210.10760, section 2.2, without a price on the divergence, which they found to act like
//! stopping early).
//!
//! Proximal policy optimisation starts from the policy of the run. Before every update its rollout says how
//! far it has come: the divergence from where it started, per segment, and what a segment is worth to the
//! proxy and to the gold reward, in deviations of the first policy's segments.

use telos_agents::{Ppo, PriorPenalty, PriorPenaltyConfig, RolloutBuffer};
use telos_envs::VecEnv;
use telos_nn::Device;
use telos_rewards::reward_model::RewardModel;

use super::over_optimisation::Optimised;
use crate::{TelosError, config::Config};

/// Rollouts of the first policy that tell what is usual.
const PRIOR_ROLLOUTS: usize = 8;

/// What is fine-tuned, and how far.
pub(super) struct FineTuning<'a> {
    config: &'a Config,
    prior: &'a Ppo,
    /// Environment steps per segment.
    segment: usize,
    updates: usize,
}

/// Mean and deviation of the worth of segments.
struct Usual {
    mean: f64,
    deviation: f64,
}

impl<'a> FineTuning<'a> {
    /// # Errors
    /// When a rollout of the run is shorter than a segment.
    pub(super) fn new(
        config: &'a Config,
        prior: &'a Ppo,
        segment: usize,
        updates: usize,
    ) -> Result<Self, TelosError> {
        let steps = config.ppo.rollout_steps;
        if steps < segment {
            return Err(TelosError::Usage(format!(
                "--segment is {segment}, but the run has ppo.rollout_steps = {steps}; choose segments of at most \
                 {steps} steps"
            )));
        }
        Ok(Self { config, prior, segment, updates })
    }

    /// Where each update leads, from the prior outwards.
    ///
    /// # Errors
    /// When the environment cannot be built or a gradient is not finite.
    pub(super) fn curve(&self, model: &dyn RewardModel, seed: u64) -> Result<Vec<Optimised>, TelosError> {
        let Config { env, ppo, .. } = self.config;
        let mut envs = VecEnv::new(env.count, env.thread_count(), seed, |_| env.make())?;
        let spec = envs.spec();
        let mut rollout =
            RolloutBuffer::new(ppo.rollout_steps, env.count, spec.observation.size(), spec.action.size());
        let mut learner = Ppo::new(ppo, spec, seed, &Device::Cpu)?;
        telos_checkpoint::from_bytes(&mut learner, &telos_checkpoint::to_bytes(self.prior))?;
        learner.reset_critic()?;
        learner.anneal(0.0);
        let prior = PriorPenalty::new(PriorPenaltyConfig::default(), &learner)?;
        envs.reset();

        let (mut gold, mut proxy) = (Vec::new(), Vec::new());
        for _ in 0..PRIOR_ROLLOUTS {
            let [gold_now, proxy_now] = self.collect(&mut learner, &mut envs, &mut rollout, model)?;
            gold.extend(gold_now);
            proxy.extend(proxy_now);
            rollout.clear();
        }
        let (usual_gold, usual_proxy) = (Usual::of(&gold), Usual::of(&proxy));
        let mut curve = vec![Optimised::default()];
        for update in 0..=self.updates {
            let [gold, proxy] = self.collect(&mut learner, &mut envs, &mut rollout, model)?;
            if update > 0 {
                // An estimate may fall below 0 where the truth is near it.
                let kl = (prior.divergence(&rollout)? * self.segment as f64).max(0.0);
                curve.push(Optimised { kl, proxy: usual_proxy.score(&proxy), gold: usual_gold.score(&gold) });
            }
            learner.update(&mut rollout)?;
        }
        Ok(curve)
    }

    /// Fills a rollout, rewarded by the model, and returns the worth of its segments: gold, then proxy.
    fn collect(
        &self,
        learner: &mut Ppo,
        envs: &mut VecEnv,
        rollout: &mut RolloutBuffer,
        model: &dyn RewardModel,
    ) -> Result<[Vec<f64>; 2], TelosError> {
        while !rollout.is_full() {
            learner.decide(&envs.batch().obs, rollout)?;
            let outcome = envs.step(rollout.env_actions());
            rollout.record(&outcome.reward, outcome);
        }
        let gold = self.segments(rollout);
        rollout.relabel(|obs, actions, rows, rewards| model.predict(obs, actions, rows, rewards))?;
        Ok([gold, self.segments(rollout)])
    }

    /// Sums of rewards over the whole segments of every environment.
    fn segments(&self, rollout: &RolloutBuffer) -> Vec<f64> {
        let (envs, rewards) = (rollout.envs(), rollout.rewards());
        let rows = self.segment * envs;
        let mut sums = Vec::new();
        for steps in rewards.chunks_exact(rows) {
            let of_env = |env: usize| steps.iter().skip(env).step_by(envs).map(|&reward| f64::from(reward));
            sums.extend((0..envs).map(|env| of_env(env).sum::<f64>()));
        }
        sums
    }
}

impl Usual {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        Self { mean, deviation: variance.sqrt().max(1e-12) }
    }

    /// How many deviations the mean of these is above the usual one.
    fn score(&self, values: &[f64]) -> f64 {
        (Self::of(values).mean - self.mean) / self.deviation
    }
}
