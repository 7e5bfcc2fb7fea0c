//! Every task rolls out bit for bit alike for any number of threads and environments, and across a
//! checkpoint in the middle of an episode.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{VecEnv, registry};

const STEPS: usize = 30;

fn vector(id: &str, n: usize, threads: usize, seed: u64) -> VecEnv {
    VecEnv::new(n, threads, seed, |_| registry::make(id)).unwrap()
}

/// Random actions of each environment, the same whatever the number of environments.
struct Actions(Vec<Xoshiro256PlusPlus>);

impl Actions {
    fn new(n: usize) -> Self {
        Self((0..n as u64).map(Xoshiro256PlusPlus::seed_from_u64).collect())
    }

    fn draw(&mut self, size: usize) -> Vec<f32> {
        let row = |rng: &mut Xoshiro256PlusPlus| {
            (0..size).map(|_| rng.random_range(-1.0..=1.0)).collect::<Vec<f32>>()
        };
        self.0.iter_mut().flat_map(row).collect()
    }
}

/// The hashes of all environments after the reset and after each step, `[STEPS + 1, n]`.
fn hashes(id: &str, n: usize, threads: usize) -> Vec<Vec<u64>> {
    let mut envs = vector(id, n, threads, 3);
    let mut actions = Actions::new(n);
    envs.reset();
    let all = |envs: &VecEnv| (0..n).map(|i| envs.env(i).state_hash()).collect::<Vec<u64>>();
    let mut hashes = vec![all(&envs)];
    for _ in 0..STEPS {
        let drawn = actions.draw(envs.spec().action.size());
        envs.step(&drawn);
        hashes.push(all(&envs));
    }
    hashes
}

#[test]
fn no_task_depends_on_threads_or_on_the_size_of_the_batch() {
    for id in registry::ids() {
        let five = hashes(id, 5, 1);
        for threads in [2, 8] {
            assert!(hashes(id, 5, threads) == five, "{id}: {threads} threads differ from one");
        }
        let alone = hashes(id, 1, 1);
        assert!(alone.iter().zip(&five).all(|(alone, five)| alone[0] == five[0]), "{id}: alone or of five");
        assert!(five.iter().all(|row| row[0] != row[1]), "{id}: environments start and move differently");
    }
}

#[test]
fn every_task_goes_on_bit_for_bit_from_a_checkpoint() {
    for id in registry::ids() {
        let mut envs = vector(id, 2, 1, 3);
        let mut actions = Actions::new(2);
        let size = envs.spec().action.size();
        envs.reset();
        (0..STEPS).for_each(|_| _ = envs.step(&actions.draw(size)));
        let mut resumed = vector(id, 2, 2, 99);
        from_bytes(&mut resumed, &to_bytes(&envs)).unwrap();
        for step in 0..STEPS {
            let drawn = actions.draw(size);
            assert!(envs.step(&drawn) == resumed.step(&drawn), "{id}: step {step} after the checkpoint");
            for i in 0..2 {
                assert_eq!(envs.env(i).state_hash(), resumed.env(i).state_hash(), "{id}: step {step}");
            }
        }
    }
}
