//! Soft Actor-Critic swings a pendulum up: `cargo run --release --example sac_pendulum -- [SEED]`.

use std::{error::Error, time::Instant};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{ActMode, Policy, RandomPolicy, Replay, ReplayBatch, Sac, SacConfig, evaluate};
use telos_envs::{VecEnv, registry};
use telos_nn::Device;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STEPS: usize = 8_000;
const LEARNING_STARTS: usize = 500;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(0), |seed| seed.parse())?;
    let mut envs = VecEnv::new(1, 1, seed, |_| registry::make("pendulum-classic"))?;
    let mut eval_envs = VecEnv::new(100, 1, seed, |_| registry::make("pendulum-classic"))?;
    let (obs_size, action_size) = (envs.spec().observation.size(), envs.spec().action.size());

    let config = SacConfig {
        hidden: vec![64, 64],
        batch_size: 128,
        actor_lr: 5e-4,
        critic_lr: 5e-4,
        temperature_lr: 5e-4,
        ..SacConfig::default()
    };
    let mut sac = Sac::new(&config, envs.spec(), seed, &Device::Cpu)?;
    let mut random = RandomPolicy::new(envs.spec(), seed)?;
    let mut replay = Replay::new(STEPS, obs_size, action_size);
    let mut batch = ReplayBatch::default();
    let mut replay_rng = Xoshiro256PlusPlus::seed_from_u64(seed);

    let start = Instant::now();
    let mut obs = envs.reset().obs.clone();
    let mut actions = vec![0.0; action_size];
    for step in 1..=STEPS {
        if step <= LEARNING_STARTS {
            random.act(&obs, 1, ActMode::Sample, &mut actions)?;
        } else {
            sac.act(&obs, 1, ActMode::Sample, &mut actions)?;
        }
        let transition = envs.step(&actions);
        replay.push(&obs, &actions, &transition.reward, transition);
        obs.copy_from_slice(&transition.obs);
        if step > LEARNING_STARTS {
            replay.sample(&mut replay_rng, config.batch_size, &mut batch);
            let metrics = sac.update(&batch)?;
            if step % 1_000 == 0 {
                let returns = evaluate(&mut sac, &mut eval_envs, 1_000)?;
                let mean = returns.iter().sum::<f32>() / returns.len() as f32;
                let seconds = start.elapsed().as_secs_f64();
                println!("step {step}: return {mean:.1} over 100 episodes, {seconds:.1} s, {metrics:?}");
            }
        }
    }
    Ok(())
}
