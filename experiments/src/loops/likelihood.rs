//! VIPER (Escontrela et al. 2023, "Video Prediction Models as Rewards for Reinforcement Learning", arXiv
//! 2305.14343) around soft actor-critic:
//!
//! r = ln p(x_{t+1} | x_{..t}), scaled so that random actions earn 0 and the expert 1, + beta · r_exploration
//!
//! The model p learns from an expert's observations before the first step; the environment's own reward is
//! never looked at. Exploration is rewarded by state entropy, anew whenever a transition is sampled, in
//! place of the paper's Plan2Explore.

use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, VecEnv, dataset::Dataset};
use telos_nn::{Device, Parameters};
use telos_rewards::{
    intrinsic::StateEntropy,
    likelihood::{Contexts, LikelihoodReward},
    reward_model::RewardModel,
};

use super::{driver::TrainingLoop, off_policy::OffPolicy, recorded};
use crate::{
    TelosError,
    config::{Config, LikelihoodLoopConfig},
};

/// Random actions whose observations earn nothing: whole episodes of so many environments, always the same.
const RANDOM_ENVS: usize = 8;
const RANDOM_SEED: u64 = 0x11_ce;

/// Environment steps after which the state entropy looks at the replay anew.
const REFRESH_INTERVAL: u64 = 500;

/// What the expert did.
pub(super) fn demonstrations(config: &LikelihoodLoopConfig, spec: &EnvSpec) -> Result<Dataset, TelosError> {
    recorded::open("likelihood.demonstrations", &config.demonstrations, spec)
}

/// The loop.
pub(super) struct LikelihoodLoop {
    core: OffPolicy,
    config: Config,
    likelihood: LikelihoodReward,
    contexts: Contexts,
    entropy: StateEntropy,
    next_refresh: u64,
    bonus: Vec<f32>,
}

impl LikelihoodLoop {
    /// The loop before its first step, at which it reads the demonstrations.
    pub(super) fn new(config: &Config, device: &Device) -> Result<Self, TelosError> {
        let core = OffPolicy::new(config, device)?;
        let (observation, seed) = (core.envs.spec().observation.size(), config.seed);
        let envs = config.env.count;
        let LikelihoodLoopConfig { model, state_entropy, .. } = &config.likelihood;
        Ok(Self {
            likelihood: LikelihoodReward::new(model.clone(), observation, seed, device)?,
            contexts: Contexts::new(envs, model.context, observation),
            entropy: StateEntropy::new(state_entropy.clone(), observation, seed)?,
            next_refresh: 0,
            bonus: Vec::new(),
            config: config.clone(),
            core,
        })
    }

    fn learn_expert(&mut self) -> Result<(), TelosError> {
        let dataset = demonstrations(&self.config.likelihood, self.core.envs.spec())?;
        let episodes: Vec<&[f32]> = dataset.episodes().map(|episode| episode.obs).collect();
        let fit = self.likelihood.learn(&episodes)?;
        let others = self.random_episodes()?;
        self.likelihood.contrast(&others.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        self.core.losses.add("likelihood/loss", fit.training);
        self.core.losses.add("likelihood/held_out_loss", fit.held_out);
        Ok(())
    }

    /// Observations of random actions: `[steps + 1, obs]` of one episode of each environment.
    fn random_episodes(&self) -> Result<Vec<Vec<f32>>, TelosError> {
        let mut envs = VecEnv::new(RANDOM_ENVS, 1, RANDOM_SEED, |_| self.config.env.make())?;
        let (width, horizon) = (envs.spec().observation.size(), envs.spec().horizon);
        let mut policy = RandomPolicy::new(envs.spec(), RANDOM_SEED)?;
        let mut actions = vec![0.0; RANDOM_ENVS * envs.spec().action.size()];
        let mut episodes: Vec<Vec<f32>> = envs.reset().obs.chunks_exact(width).map(<[f32]>::to_vec).collect();
        let mut over = [false; RANDOM_ENVS];
        for _ in 0..horizon {
            policy.act(&envs.batch().obs, RANDOM_ENVS, ActMode::Sample, &mut actions)?;
            let outcome = envs.step(&actions);
            let led_to = outcome.final_obs.chunks_exact(width);
            for (i, (episode, obs)) in episodes.iter_mut().zip(led_to).enumerate() {
                if !over[i] {
                    episode.extend(obs);
                    over[i] = outcome.done(i);
                }
            }
        }
        Ok(episodes)
    }
}

impl TrainingLoop for LikelihoodLoop {
    fn step(&self) -> u64 {
        self.core.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        if !self.likelihood.is_learned() {
            self.learn_expert()?;
        }
        let Self { core, likelihood, contexts, entropy, bonus, .. } = self;
        let mut mean = 0.0;
        core.collect(|obs, _, envs, rewards| {
            let outcome = envs.batch();
            contexts.push(obs);
            likelihood.reward(contexts, &outcome.final_obs, rewards)?;
            (0..outcome.len()).filter(|env| outcome.done(*env)).for_each(|env| contexts.clear(env));
            mean = rewards.iter().sum::<f32>() / rewards.len() as f32;
            Ok(())
        })?;
        core.losses.add("likelihood/reward", mean);
        let weight = self.config.likelihood.exploration;
        if weight == 0.0 {
            return core.update(|_, _| Ok(()));
        }
        if core.step >= self.next_refresh {
            self.next_refresh = core.step + REFRESH_INTERVAL;
            entropy.refresh(core.replay.obs(), core.replay.len())?;
        }
        core.update(|_, batch| {
            bonus.resize(batch.rows, 0.0);
            entropy.observe(&batch.obs, batch.rows, bonus)?;
            batch.rewards.iter_mut().zip(bonus.iter()).for_each(|(reward, bonus)| *reward += weight * bonus);
            Ok(())
        })
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        (&mut self.core.learner, None)
    }

    fn recent_return(&self) -> Option<f64> {
        self.core.episodes.mean_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        self.core.drain_metrics()
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        let mut weights = self.core.weights();
        weights.push(&self.likelihood);
        weights
    }
}

impl Checkpoint for LikelihoodLoop {
    fn save(&self, out: &mut Writer) {
        out.part("core", &self.core);
        out.part("likelihood", &self.likelihood);
        out.part("contexts", &self.contexts);
        out.part("entropy", &self.entropy);
        out.value("next_refresh", &self.next_refresh);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("core", &mut self.core)?;
        from.part("likelihood", &mut self.likelihood)?;
        from.part("contexts", &mut self.contexts)?;
        from.part("entropy", &mut self.entropy)?;
        self.next_refresh = from.value("next_refresh")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use telos_checkpoint::{from_bytes, to_bytes};
    use telos_envs::{
        dataset::{DatasetInfo, DatasetWriter, Episode},
        registry,
    };

    use super::*;

    /// An expert at letting a pendulum hang: it begins near the bottom and brakes.
    fn record(path: &Path) {
        let mut env = registry::make("pendulum-swingup").unwrap();
        let mut info = DatasetInfo::of(env.spec(), false, "a test");
        info.factors.clear();
        let mut writer = DatasetWriter::create(path, info).unwrap();
        let mut obs = [0.0; 3];
        for seed in 0..4 {
            env.reset(seed, &mut obs);
            let mut episode = Episode { obs: obs.to_vec(), ..Episode::default() };
            for _ in 0..env.spec().horizon {
                let action = [(-obs[2]).clamp(-1.0, 1.0)];
                let transition = env.step(&action, &mut obs);
                episode.obs.extend(obs);
                episode.actions.extend(action);
                episode.rewards.push(transition.reward);
            }
            writer.push(episode.view()).unwrap();
        }
        writer.finish().unwrap();
    }

    fn training(demonstrations: &Path) -> LikelihoodLoop {
        let text = format!(
            "loop = 'likelihood'
            steps = 2000
            [env]
            id = 'pendulum-swingup'
            count = 2
            threads = 1
            [training]
            learning_starts = 100
            updates_per_step = 0.05
            [sac]
            hidden = [8]
            batch_size = 16
            [likelihood]
            demonstrations = '{}'
            model = {{ updates = 300, context = 4, transformer = {{ width = 16, heads = 2, layers = 1 }} }}
            state_entropy = {{ references = 64 }}",
            demonstrations.display()
        );
        let config = Config::parse("test.toml", &text, &[]).unwrap();
        LikelihoodLoop::new(&config, &Device::Cpu).unwrap()
    }

    fn advance_to(training: &mut LikelihoodLoop, step: u64) {
        while training.step() < step {
            training.advance().unwrap();
        }
    }

    #[test]
    fn a_restored_loop_goes_on_bit_for_bit_and_needs_no_demonstrations() {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        record(&data);
        let mut whole = training(&data);
        advance_to(&mut whole, 900);
        let bytes = to_bytes(&whole);
        advance_to(&mut whole, 1200);
        let metric =
            |name: &str, metrics: &[(String, f64)]| metrics.iter().find(|(key, _)| key == name).unwrap().1;
        let metrics = whole.drain_metrics();
        let loss = metric("likelihood/held_out_loss", &metrics);
        assert!(loss < 0.6 * 32f64.ln(), "{loss}, where guessing has {}", 32f64.ln());
        let reward = metric("likelihood/reward", &metrics);
        // It has hardly learned, and what random actions do is worth 0.
        assert!(reward != 0.0 && reward.abs() < 0.3, "{reward}");
        std::fs::remove_dir_all(&data).unwrap();
        let mut resumed = training(&data);
        from_bytes(&mut resumed, &bytes).unwrap();
        advance_to(&mut resumed, 1200);
        resumed.drain_metrics();
        assert!(to_bytes(&resumed) == to_bytes(&whole));
    }

    #[test]
    fn demonstrations_of_another_robot_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        record(&data);
        let other = Config::parse(
            "test.toml",
            &format!(
                "loop = 'likelihood'\n[env]\nid = 'reacher'\n[likelihood]\ndemonstrations = '{}'",
                data.display()
            ),
            &[],
        );
        let mut training = LikelihoodLoop::new(&other.unwrap(), &Device::Cpu).unwrap();
        let error = training.advance().unwrap_err();
        assert_eq!(error.exit_code(), crate::error::exit_code::INPUT);
        assert!(error.to_string().contains("`likelihood.demonstrations`"), "{error}");
    }
}
