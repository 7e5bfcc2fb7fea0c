//! From the same data every learner gets further than the data's own behaviour and than cloning it.
//!
//! The best possible mean return is about -150, hanging still about -1200.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, Policy, Replay, ReplayBatch, SacConfig,
    offline::{
        Awac, AwacConfig, Bc, BcConfig, Cql, CqlConfig, Iql, IqlConfig, Mopo, MopoConfig, MorecConfig,
        Normalized, OfflineLearner, Rebrac, RebracConfig, RewardScale, RewardScaleConfig, Rlpd, RlpdConfig,
        Td3Bc, Td3BcConfig, best_episodes,
    },
};
use telos_envs::{EnvSpec, VecEnv, dataset::Episode, registry};
use telos_nn::Device;

use crate::recording::{ENV, episodes, mean_return, score};

const EPISODES: usize = 60;
const HIDDEN: [usize; 2] = [64, 64];
const BATCH: usize = 128;

fn spec() -> EnvSpec {
    registry::make(ENV).unwrap().spec().clone()
}

fn replay(episodes: &[Episode], gamma: f32) -> Replay {
    let mut replay = Replay::from_episodes(3, 1, gamma, episodes.iter().map(Episode::view)).unwrap();
    let scale = RewardScaleConfig { scale: 0.1, ..RewardScaleConfig::default() };
    let scale = RewardScale::fit(&scale, &replay);
    replay.rewrite_rewards(|rewards| scale.apply(rewards));
    replay
}

/// Trains on `episodes` alone.
fn train(learner: impl OfflineLearner + 'static, episodes: &[Episode], updates: usize) -> f64 {
    let replay = replay(episodes, learner.agent().gamma());
    let mut learner = Normalized::by(Box::new(learner), replay.obs(), 3);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut batch = ReplayBatch::default();
    for update in 0..updates {
        learner.anneal(update as f64 / updates as f64);
        replay.sample(&mut rng, learner.batch_size(), &mut batch);
        learner.update(&mut batch).unwrap();
    }
    score(&mut learner)
}

fn cloned(episodes: &[Episode]) -> f64 {
    let config = BcConfig { hidden: HIDDEN.to_vec(), batch_size: BATCH, lr: 1e-3, ..BcConfig::default() };
    train(Bc::new(&config, &spec(), 0, &Device::Cpu).unwrap(), episodes, 2000)
}

/// Requires `found` to lie well above both the data and its clone.
fn assert_better(name: &str, found: f64, data: &[Episode]) {
    let (behaviour, cloned) = (mean_return(data), cloned(data));
    assert!(found > behaviour.max(cloned) + 200.0, "{name}: {found}, behaviour {behaviour}, cloned {cloned}");
}

#[test]
fn cloning_the_best_episodes_beats_cloning_all() {
    let data = episodes(EPISODES, 0);
    let best = best_episodes(data.iter().map(Episode::view), 0.2);
    let steps: usize = best.iter().map(|episode| episode.steps).sum();
    assert_eq!(steps, EPISODES / 5 * 200);
    let best: Vec<Episode> = best.into_iter().map(|view| view.to_episode()).collect();
    assert_better("percent BC", cloned(&best), &data);
}

#[test]
fn implicit_q_learning() {
    let data = episodes(EPISODES, 0);
    let config = IqlConfig {
        hidden: HIDDEN.to_vec(),
        batch_size: BATCH,
        expectile: 0.9,
        beta: 10.0,
        lr: 1e-3,
        gamma: 0.98,
        polyak: 0.01,
        ..IqlConfig::default()
    };
    let found = train(Iql::new(&config, &spec(), 0, &Device::Cpu).unwrap(), &data, 4000);
    assert_better("IQL", found, &data);
}

#[test]
fn advantage_weighted_actor_critic() {
    let data = episodes(EPISODES, 0);
    let config = AwacConfig {
        hidden: HIDDEN.to_vec(),
        batch_size: BATCH,
        lambda: 0.3,
        lr: 1e-3,
        gamma: 0.98,
        polyak: 0.01,
        ..AwacConfig::default()
    };
    let found = train(Awac::new(&config, &spec(), 0, &Device::Cpu).unwrap(), &data, 4000);
    assert_better("AWAC", found, &data);
}

#[test]
fn td3_with_behaviour_cloning() {
    let data = episodes(EPISODES, 0);
    let config = Td3BcConfig {
        hidden: HIDDEN.to_vec(),
        batch_size: BATCH,
        lr: 1e-3,
        gamma: 0.98,
        polyak: 0.01,
        // The returns are large against their differences, which the weight is relative to.
        alpha: 100.0,
        ..Td3BcConfig::default()
    };
    let found = train(Td3Bc::new(&config, &spec(), 0, &Device::Cpu).unwrap(), &data, 4000);
    assert_better("TD3+BC", found, &data);
}

#[test]
fn rebrac() {
    let data = episodes(EPISODES, 0);
    let config = RebracConfig {
        hidden: HIDDEN.to_vec(),
        batch_size: BATCH,
        gamma: 0.98,
        polyak: 0.01,
        ..RebracConfig::default()
    };
    let found = train(Rebrac::new(&config, &spec(), 0, &Device::Cpu).unwrap(), &data, 4000);
    assert_better("ReBRAC", found, &data);
}

#[test]
fn conservative_q_learning_calibrated_or_not() {
    let data = episodes(EPISODES, 0);
    for (name, calibrated) in [("CQL", false), ("Cal-QL", true)] {
        let config = CqlConfig {
            calibrated,
            actor_hidden: HIDDEN.to_vec(),
            critic_hidden: HIDDEN.to_vec(),
            batch_size: 64,
            samples: 4,
            alpha: 0.5,
            actor_lr: 1e-3,
            critic_lr: 1e-3,
            gamma: 0.98,
            polyak: 0.01,
            ..CqlConfig::default()
        };
        let found = train(Cql::new(&config, &spec(), 0, &Device::Cpu).unwrap(), &data, 3000);
        assert_better(name, found, &data);
    }
}

#[test]
fn model_based_with_and_without_the_transition_filter() {
    let data = episodes(EPISODES, 0);
    let morec = MorecConfig { hidden: HIDDEN.to_vec(), snapshots: 5, ..Default::default() };
    for (name, morec) in [("MOPO", None), ("MOREC", Some(morec))] {
        let config = MopoConfig {
            model_updates: 1500,
            members: 3,
            elites: 2,
            model_hidden: HIDDEN.to_vec(),
            horizon: 5,
            replay_capacity: 20_000,
            morec,
            sac: SacConfig {
                hidden: HIDDEN.to_vec(),
                batch_size: BATCH,
                actor_lr: 1e-3,
                critic_lr: 1e-3,
                temperature_lr: 1e-3,
                gamma: 0.98,
                tau: 0.01,
                ..Default::default()
            },
            ..Default::default()
        };
        let found = train(Mopo::new(&config, &spec(), 0, &Device::Cpu).unwrap(), &data, 5500);
        assert_better(name, found, &data);
    }
}

#[test]
fn rlpd_learns_online_from_few_steps_with_recorded_data() {
    const STEPS: usize = 1500;
    let data = episodes(EPISODES, 0);
    let config = RlpdConfig {
        hidden: HIDDEN.to_vec(),
        batch_size: BATCH,
        critics: 4,
        lr: 1e-3,
        gamma: 0.98,
        polyak: 0.01,
        actor_period: 2,
        ..RlpdConfig::default()
    };
    let mut learner = Normalized::new(Box::new(Rlpd::new(&config, &spec(), 0, &Device::Cpu).unwrap()));
    let offline = replay(&data, config.gamma);
    let mut envs = VecEnv::new(1, 1, 0, |_| registry::make(ENV)).unwrap();
    let mut online = Replay::new(STEPS, 3, 1);
    online.remember_episodes(config.gamma);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let (mut batch, mut actions, mut obs) = (ReplayBatch::default(), [0.0], envs.reset().obs.clone());
    for _ in 0..STEPS {
        learner.act(&obs, 1, ActMode::Sample, &mut actions).unwrap();
        let step = envs.step(&actions);
        online.push(&obs, &actions, &[0.1 * step.reward[0]], step);
        obs.copy_from_slice(&step.obs);
        for _ in 0..4 {
            offline.sample_rows(&mut rng, 0..BATCH / 2, &mut batch);
            online.sample_rows(&mut rng, BATCH / 2..BATCH, &mut batch);
            learner.update(&mut batch).unwrap();
        }
    }
    assert_better("RLPD", score(&mut learner), &data);
}
