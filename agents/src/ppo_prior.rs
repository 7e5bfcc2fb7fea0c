//! A penalty for leaving a prior policy, with a coefficient that seeks a given divergence (Ziegler et
//! al. 2019, "Fine-Tuning Language Models from Human Preferences", arXiv 1909.08593).
//!
//! ```text
//! R(s, a) = r(s, a) - beta log(pi(a|s) / rho(a|s))                                  (equation 2)
//! e_t = clip((KL(pi_t, rho) - KL_target) / KL_target, -0.2, 0.2)
//! beta_{t+1} = beta_t (1 + K_beta e_t)                                              (section 2.2)
//! ```
//!
//! The paper's KL is that of a whole answer; ours is the mean per step, so that it does not depend on
//! the horizon.

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_nn::Mlp;

use crate::{
    AgentError, ObservationNormalizer, Ppo, RolloutBuffer, error::require,
    observation_normalizer::normalized, ppo_objective::log_prob,
};

/// Largest relative error that one step of the controller answers to (same section).
const ERROR_CLIP: f64 = 0.2;

/// Settings of the controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriorPenaltyConfig {
    /// The divergence that is sought, in nats per step. Default 0.1.
    pub kl_target: f64,
    /// The coefficient beta to begin with, in units of reward per nat. Default 0.1.
    pub coefficient: f64,
    /// The gain K_beta per update. Default 0.1 (section 2.2).
    pub gain: f64,
}

impl Default for PriorPenaltyConfig {
    fn default() -> Self {
        Self { kl_target: 0.1, coefficient: 0.1, gain: 0.1 }
    }
}

impl PriorPenaltyConfig {
    /// # Errors
    /// When a value is outside its range; the error names the key.
    pub fn validate(&self) -> Result<(), AgentError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let Self { kl_target, coefficient, gain } = *self;
        require(positive(kl_target), "preferences.prior.kl_target", &kl_target, "must be positive")?;
        require(positive(coefficient), "preferences.prior.coefficient", &coefficient, "must be positive")?;
        require(positive(gain) && gain <= 1.0, "preferences.prior.gain", &gain, "must be in (0, 1]")
    }
}

/// What a penalty did to one rollout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorPenaltyMetrics {
    /// Estimate of KL(pi, rho) in nats per step: the mean of log(pi / rho) over the rollout.
    pub kl: f32,
    /// The coefficient beta that was charged.
    pub coefficient: f32,
}

/// A frozen policy and the price of leaving it.
pub struct PriorPenalty {
    config: PriorPenaltyConfig,
    actor: Mlp,
    log_std: Vec<f32>,
    normalizer: Option<ObservationNormalizer>,
    coefficient: f64,
}

impl PriorPenalty {
    /// Freezes a copy of what `policy` is now.
    ///
    /// # Errors
    /// When the configuration is out of range or the device refuses.
    pub fn new(config: PriorPenaltyConfig, policy: &Ppo) -> Result<Self, AgentError> {
        config.validate()?;
        Ok(Self {
            actor: policy.actor().deep_clone()?,
            log_std: policy.log_std().to_vec(),
            normalizer: policy.observation_normalizer().cloned(),
            coefficient: config.coefficient,
            config,
        })
    }

    /// Estimate of KL(pi, rho) in nats per step: the mean of log(pi / rho) over a full rollout of `pi`.
    ///
    /// # Errors
    /// When the rollout is of another environment, or the device refuses.
    pub fn divergence(&self, rollout: &RolloutBuffer) -> Result<f64, AgentError> {
        Ok(mean(&self.log_ratios(rollout)?))
    }

    /// Subtracts the penalty from the rewards of a full rollout, then adapts the coefficient.
    ///
    /// # Errors
    /// As [`divergence`](Self::divergence).
    pub fn charge(&mut self, rollout: &mut RolloutBuffer) -> Result<PriorPenaltyMetrics, AgentError> {
        let ratios = self.log_ratios(rollout)?;
        for (reward, ratio) in rollout.rewards.iter_mut().zip(&ratios) {
            *reward -= self.coefficient as f32 * ratio;
        }
        let kl = mean(&ratios);
        let metrics = PriorPenaltyMetrics { kl: kl as f32, coefficient: self.coefficient as f32 };
        self.adapt(kl);
        Ok(metrics)
    }

    /// log(pi / rho) of every row.
    fn log_ratios(&self, rollout: &RolloutBuffer) -> Result<Vec<f32>, AgentError> {
        let (rows, width) = (rollout.log_probs.len(), self.log_std.len());
        let (mut obs, mut means) = (Vec::new(), vec![0.0; rows * width]);
        normalized(&self.normalizer, &rollout.obs, &mut obs);
        self.actor.infer(&obs, rows, &mut means)?;
        let drawn = means.chunks_exact(width).zip(rollout.actions.chunks_exact(width));
        let ratios = drawn
            .zip(&rollout.log_probs)
            .map(|((mean, action), log_pi)| log_pi - log_prob(mean, &self.log_std, action));
        Ok(ratios.collect())
    }

    /// One step of the proportional controller.
    fn adapt(&mut self, kl: f64) {
        let PriorPenaltyConfig { kl_target, gain, .. } = self.config;
        let error = ((kl - kl_target) / kl_target).clamp(-ERROR_CLIP, ERROR_CLIP);
        self.coefficient *= 1.0 + gain * error;
    }
}

fn mean(ratios: &[f32]) -> f64 {
    ratios.iter().map(|&ratio| f64::from(ratio)).sum::<f64>() / ratios.len() as f64
}

impl Checkpoint for PriorPenalty {
    fn save(&self, out: &mut Writer) {
        out.part("actor", &self.actor);
        out.f32s("log_std", &self.log_std);
        if let Some(normalizer) = &self.normalizer {
            out.part("normalizer", normalizer);
        }
        out.value("coefficient", &self.coefficient);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("actor", &mut self.actor)?;
        from.f32s("log_std", &mut self.log_std)?;
        if let Some(normalizer) = &mut self.normalizer {
            from.part("normalizer", normalizer)?;
        }
        self.coefficient = from.value("coefficient")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::{VecEnv, registry};
    use telos_nn::Device;

    use super::*;
    use crate::PpoConfig;

    /// A policy, and a full rollout of it with rewards of 0.
    fn rollout(seed: u64) -> (Ppo, RolloutBuffer) {
        let mut envs = VecEnv::new(4, 1, 0, |_| registry::make("pendulum-classic")).unwrap();
        let config = PpoConfig { rollout_steps: 500, minibatches: 4, ..PpoConfig::default() };
        let mut ppo = Ppo::new(&config, envs.spec(), seed, &Device::Cpu).unwrap();
        let mut rollout = RolloutBuffer::new(500, 4, 3, 1);
        envs.reset();
        while !rollout.is_full() {
            ppo.decide(&envs.batch().obs, &mut rollout).unwrap();
            let step = envs.step(rollout.env_actions());
            rollout.record(&[0.0; 4], step);
        }
        (ppo, rollout)
    }

    #[test]
    fn a_policy_that_is_its_prior_pays_nothing() {
        let (ppo, mut own) = rollout(0);
        let mut penalty = PriorPenalty::new(PriorPenaltyConfig::default(), &ppo).unwrap();
        let metrics = penalty.charge(&mut own).unwrap();
        assert!(metrics.kl.abs() < 1e-5, "{metrics:?}");
        assert!(penalty.divergence(&own).unwrap().abs() < 1e-5);
        assert!(own.rewards.iter().all(|reward| reward.abs() < 1e-5));
    }

    #[test]
    fn the_penalty_is_the_closed_forms_divergence() {
        let (ppo, mut own) = rollout(0);
        let mut penalty = PriorPenalty::new(PriorPenaltyConfig::default(), &ppo).unwrap();
        // The same mean, and twice the deviation: KL = ln 2 + 1/8 - 1/2 per component.
        penalty.log_std[0] += 2f32.ln();
        let metrics = penalty.charge(&mut own).unwrap();
        let expected = 2f32.ln() + 0.125 - 0.5;
        // 2000 draws of (z^2 - z^2/4)/2 about their mean: a standard error of 0.012.
        assert!((metrics.kl - expected).abs() < 0.05, "{metrics:?}, expected {expected}");
        let mean = own.rewards.iter().sum::<f32>() / own.rewards.len() as f32;
        assert!((mean + 0.1 * metrics.kl).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn the_controller_moves_against_the_error_within_its_clip() {
        let (ppo, _) = rollout(0);
        let config = PriorPenaltyConfig { kl_target: 1.0, coefficient: 0.5, gain: 0.1 };
        let mut penalty = PriorPenalty::new(config, &ppo).unwrap();
        penalty.adapt(9.0);
        assert!((penalty.coefficient - 0.5 * 1.02).abs() < 1e-12);
        penalty.adapt(0.9);
        assert!((penalty.coefficient - 0.5 * 1.02 * 0.99).abs() < 1e-12);
    }

    #[test]
    fn a_checkpoint_keeps_prior_and_coefficient() {
        let ((ppo, own), (other, _)) = (rollout(0), rollout(1));
        let mut penalty = PriorPenalty::new(PriorPenaltyConfig::default(), &ppo).unwrap();
        penalty.adapt(5.0);
        let mut restored = PriorPenalty::new(PriorPenaltyConfig::default(), &other).unwrap();
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&penalty)).unwrap();
        let charged = [&mut penalty, &mut restored].map(|penalty| {
            let mut copy = RolloutBuffer::new(500, 4, 3, 1);
            telos_checkpoint::from_bytes(&mut copy, &telos_checkpoint::to_bytes(&own)).unwrap();
            penalty.charge(&mut copy).unwrap();
            copy.rewards
        });
        assert_eq!(charged[0], charged[1]);
    }
}
