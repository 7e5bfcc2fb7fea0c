//! Several ranks learn what one learner would that had all of their environments.
#![allow(clippy::unwrap_used)]

use std::thread;

use telos_agents::{
    Ppo, PpoConfig, RolloutBuffer,
    collective::{Collective, ThreadCollective},
    evaluate,
};
use telos_checkpoint::to_bytes;
use telos_envs::{VecEnv, registry};
use telos_nn::{Device, Parameters};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RANKS: usize = 4;

fn pendulums(n: usize, seed: u64) -> VecEnv {
    VecEnv::new(n, 1, seed, |_| registry::make("pendulum-classic")).unwrap()
}

/// Trains `RANKS` threads with four environments each; the learners, by rank.
fn train(seed: u64, updates: usize) -> Vec<Ppo> {
    let config =
        PpoConfig { rollout_steps: 64, minibatches: 4, lr: 1e-3, gamma: 0.95, ..PpoConfig::default() };
    let config = &config;
    let learn = |mut ranks: ThreadCollective| {
        let mut envs = pendulums(4, 100 * seed + ranks.rank() as u64);
        let mut ppo = Ppo::new(config, envs.spec(), seed, &Device::Cpu).unwrap();
        ppo.join(&mut ranks).unwrap();
        let mut rollout = RolloutBuffer::new(config.rollout_steps, 4, 3, 1);
        envs.reset();
        for update in 0..updates {
            while !rollout.is_full() {
                ppo.decide(&envs.batch().obs, &mut rollout).unwrap();
                let step = envs.step(rollout.env_actions());
                rollout.record(&step.reward, step);
            }
            ppo.anneal(update as f64 / updates as f64);
            ppo.update_together(&mut rollout, &mut ranks).unwrap();
        }
        ppo
    };
    let learn = &learn;
    thread::scope(|scope| {
        let ranks = ThreadCollective::group(RANKS).into_iter();
        let threads: Vec<_> = ranks.map(|rank| scope.spawn(move || learn(rank))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn weights(ppo: &Ppo) -> Vec<Vec<f32>> {
    let flat = |var: &telos_nn::Var| var.as_detached_tensor().flatten_all().unwrap().to_vec1().unwrap();
    ppo.named().into_iter().map(|(_, var)| flat(var)).collect()
}

#[test]
fn ranks_stay_equal_and_repeat_to_the_bit() {
    let (first, second) = (train(3, 4), train(3, 4));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(weights(a), weights(&first[0]));
        assert_eq!(a.observation_normalizer(), first[0].observation_normalizer());
        assert!(to_bytes(a) == to_bytes(b), "a repetition differs");
    }
}

#[test]
fn four_ranks_swing_the_pendulum_up() {
    let scores = [0, 1, 2].map(|seed| {
        let mut ppo = train(seed, 150).swap_remove(RANKS - 1);
        evaluate(&mut ppo, &mut pendulums(50, 0), 1_000).unwrap().iter().sum::<f32>() / 50.0
    });
    assert!(scores.iter().all(|score| *score > -250.0), "mean returns {scores:?}");
}
