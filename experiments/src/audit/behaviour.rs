//! Recorded behaviour of every quality between a trained policy's and random actions.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{ActMode, Policy};
use telos_envs::{Segment, TrajectoryStore, VecEnv};

use crate::{TelosError, config::Config};

/// Environments that step together.
const ENVS: usize = 16;

/// Which segments of which behaviour.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Environment steps per segment.
    pub(super) length: usize,
    pub(super) count: usize,
    /// Range of the probabilities with which an action is random, one drawn for each episode.
    pub(super) noise: Range<f32>,
    pub(super) seed: u64,
}

/// Draws segments of a policy that acts at random now and then, from as many environment steps as they
/// have together.
///
/// # Errors
/// When the environment cannot be built or its episodes are shorter than a segment.
pub(super) fn mixed_segments(
    config: &Config,
    policy: &mut dyn Policy,
    wanted: &Wanted,
) -> Result<Vec<Segment>, TelosError> {
    let Wanted { length, count, seed, .. } = *wanted;
    let steps = length * count;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut envs = VecEnv::new(ENVS, config.env.thread_count(), seed, |_| config.env.make())?;
    let spec = envs.spec().clone();
    let (action_size, space) = (spec.action.size(), &spec.action);
    let mut store = TrajectoryStore::new(&spec, ENVS, steps.div_ceil(spec.horizon).max(1) + ENVS)?;
    let mut obs = envs.reset().obs.clone();
    let mut actions = vec![0.0; ENVS * action_size];
    let share = |rng: &mut Xoshiro256PlusPlus| rng.random_range(wanted.noise.clone());
    let mut noise: Vec<f32> = (0..ENVS).map(|_| share(&mut rng)).collect();
    for _ in 0..steps.div_ceil(ENVS) {
        policy.act(&obs, ENVS, ActMode::Mode, &mut actions)?;
        for (action, noise) in actions.chunks_exact_mut(action_size).zip(&noise) {
            if rng.random::<f32>() < *noise {
                for ((action, low), high) in action.iter_mut().zip(&space.low).zip(&space.high) {
                    *action = rng.random_range(*low..=*high);
                }
            }
        }
        let outcome = envs.step(&actions);
        store.push(&obs, &actions, outcome);
        for (env, noise) in noise.iter_mut().enumerate() {
            if outcome.done(env) {
                *noise = share(&mut rng);
            }
        }
        obs.copy_from_slice(&outcome.obs);
    }
    (0..count)
        .map(|_| {
            let segment = store.sample_segment(&mut rng, length).and_then(|at| store.segment(at));
            segment.ok_or_else(|| {
                TelosError::Usage(format!("no episode has {length} steps; choose a shorter --segment"))
            })
        })
        .collect()
}
