//! What wrapping, vectorising and a second thread cost or gain: environment steps per second of the
//! bare worlds, of a `VecEnv` on one thread and of one on two, over the same trajectories.
//!
//!     cargo run --release -p telos-envs --example stepping_rate

#![allow(clippy::print_stdout)]

use std::{sync::Arc, time::Instant};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{Env, EnvError, VecEnv, episode_seed, registry, tasks};
use telos_sim::World;

const ENVS: usize = 16;
const STEPS: usize = 200;
const ROUNDS: usize = 15;

/// The worlds that a `VecEnv` of seed 0 begins with, and their physics steps per environment step.
fn worlds<T: tasks::RobotTask>(
    make: fn() -> Result<tasks::RobotEnv<T>, EnvError>,
) -> Result<(Vec<World>, usize), EnvError> {
    let mut worlds = Vec::new();
    let mut frame_skip = 1;
    for i in 0..ENVS {
        let mut env = make()?;
        env.reset(episode_seed(0, i as u64, 0), &mut vec![0.0; env.spec().observation.size()]);
        let mut world = World::new(Arc::clone(env.world().model()));
        world.copy_from(env.world());
        frame_skip = (env.spec().dt / env.world().model().timestep()).round() as usize;
        worlds.push(world);
    }
    Ok((worlds, frame_skip))
}

fn compare<T: tasks::RobotTask>(
    id: &str,
    make: fn() -> Result<tasks::RobotEnv<T>, EnvError>,
) -> Result<(), EnvError> {
    let width = registry::make(id)?.spec().action.size();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let actions: Vec<f32> = (0..STEPS * ENVS * width).map(|_| rng.random_range(-1.0..=1.0)).collect();
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let (mut worlds, frame_skip) = worlds(make)?;
        let start = Instant::now();
        for step in actions.chunks_exact(ENVS * width) {
            for (world, action) in worlds.iter_mut().zip(step.chunks_exact(width)) {
                world.set_ctrl(action);
                (0..frame_skip).for_each(|_| world.step());
            }
        }
        rates[0].push((STEPS * ENVS) as f64 / start.elapsed().as_secs_f64());
        for threads in [1, 2] {
            let mut envs = VecEnv::new(ENVS, threads, 0, |_| registry::make(id))?;
            envs.reset();
            let start = Instant::now();
            for step in actions.chunks_exact(ENVS * width) {
                envs.step(step);
            }
            rates[threads].push((STEPS * ENVS) as f64 / start.elapsed().as_secs_f64());
        }
    }
    // Ratios are taken within each round, whose parts share the state of the machine.
    let ratio = |a: usize, b: usize| median(rates[a].iter().zip(&rates[b]).map(|(a, b)| a / b).collect());
    let (bare, one, two) = (median(rates[0].clone()), ratio(1, 0), ratio(2, 1));
    println!("{id:18} {bare:9.0} steps/s bare   1 thread {one:.3} of it   2 threads {two:.2} times 1 thread");
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), EnvError> {
    compare("pendulum-swingup", tasks::PendulumSwingup::env)?;
    compare("cartpole-swingup", tasks::Cartpole::swingup)?;
    compare("reacher", tasks::Reacher::env)?;
    compare("hopper-hop", tasks::Hopper::hop)?;
    compare("cheetah-run", tasks::CheetahRun::env)?;
    compare("walker-walk", tasks::Walker::walk)
}
