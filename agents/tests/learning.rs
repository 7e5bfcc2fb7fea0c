//! Both learners solve the classic pendulum, on several seeds, within a budget of steps.
//!
//! A random policy returns about -1200, the best possible is about -150. Small networks keep this
//! affordable; the settings are otherwise those of the examples.
#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, Policy, Ppo, PpoConfig, RandomPolicy, Replay, ReplayBatch, RolloutBuffer, Sac, SacConfig,
    evaluate,
};
use telos_envs::{VecEnv, registry};
use telos_nn::Device;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEEDS: [u64; 3] = [0, 1, 2];

fn pendulums(n: usize, seed: u64) -> VecEnv {
    VecEnv::new(n, 1, seed, |_| registry::make("pendulum-classic")).unwrap()
}

/// Mean return over 50 initial states.
fn score(policy: &mut impl Policy) -> f32 {
    evaluate(policy, &mut pendulums(50, 0), 1_000).unwrap().iter().sum::<f32>() / 50.0
}

fn train_sac(seed: u64, steps: usize) -> f32 {
    let mut envs = pendulums(1, seed);
    let config = SacConfig {
        hidden: vec![64, 64],
        batch_size: 128,
        actor_lr: 5e-4,
        critic_lr: 5e-4,
        temperature_lr: 5e-4,
        ..SacConfig::default()
    };
    let mut sac = Sac::new(&config, envs.spec(), seed, &Device::Cpu).unwrap();
    let mut random = RandomPolicy::new(envs.spec(), seed).unwrap();
    let mut replay = Replay::new(steps, 3, 1);
    let mut batch = ReplayBatch::default();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut obs = envs.reset().obs.clone();
    let mut actions = [0.0];
    for step in 0..steps {
        if step < 500 {
            random.act(&obs, 1, ActMode::Sample, &mut actions).unwrap();
        } else {
            sac.act(&obs, 1, ActMode::Sample, &mut actions).unwrap();
            replay.sample(&mut rng, config.batch_size, &mut batch);
            sac.update(&batch).unwrap();
        }
        let transition = envs.step(&actions);
        replay.push(&obs, &actions, &transition.reward, transition);
        obs.copy_from_slice(&transition.obs);
    }
    score(&mut sac)
}

fn train_ppo(seed: u64, steps: usize) -> f32 {
    const ENVS: usize = 16;
    let mut envs = pendulums(ENVS, seed);
    let config = PpoConfig {
        rollout_steps: 64,
        epochs: 10,
        minibatches: 4,
        lr: 1e-3,
        gamma: 0.95,
        ..PpoConfig::default()
    };
    let mut ppo = Ppo::new(&config, envs.spec(), seed, &Device::Cpu).unwrap();
    let mut rollout = RolloutBuffer::new(config.rollout_steps, ENVS, 3, 1);
    envs.reset();
    let updates = steps / (ENVS * config.rollout_steps);
    for update in 0..updates {
        while !rollout.is_full() {
            ppo.decide(&envs.batch().obs, &mut rollout).unwrap();
            let step = envs.step(rollout.env_actions());
            rollout.record(&step.reward, step);
        }
        ppo.anneal(update as f64 / updates as f64);
        ppo.update(&mut rollout).unwrap();
    }
    score(&mut ppo)
}

#[test]
fn sac_swings_the_pendulum_up() {
    let scores = SEEDS.map(|seed| train_sac(seed, 8_000));

    assert!(scores.iter().all(|score| *score > -250.0), "mean returns {scores:?}");
}

#[test]
fn ppo_swings_the_pendulum_up() {
    let scores = SEEDS.map(|seed| train_ppo(seed, 150_000));

    assert!(scores.iter().all(|score| *score > -250.0), "mean returns {scores:?}");
}

#[test]
fn before_training_the_pendulum_hangs() {
    let score = score(&mut Sac::new(&SacConfig::default(), pendulums(1, 0).spec(), 0, &Device::Cpu).unwrap());
    assert!(score < -900.0, "an untrained policy returns {score}, so the thresholds above mean nothing");
}
