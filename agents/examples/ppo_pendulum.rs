//! PPO swings a pendulum up: `cargo run --release --example ppo_pendulum -- [SEED]`.

use std::{error::Error, time::Instant};

use telos_agents::{Ppo, PpoConfig, RolloutBuffer, evaluate};
use telos_envs::{VecEnv, registry};
use telos_nn::Device;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STEPS: usize = 300_000;
const ENVS: usize = 32;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(0), |seed| seed.parse())?;
    let mut envs = VecEnv::new(ENVS, 1, seed, |_| registry::make("pendulum-classic"))?;
    let (obs_size, action_size) = (envs.spec().observation.size(), envs.spec().action.size());

    let config = PpoConfig {
        rollout_steps: 64,
        epochs: 10,
        minibatches: 8,
        lr: 1e-3,
        gamma: 0.95,
        ..PpoConfig::default()
    };
    let mut ppo = Ppo::new(&config, envs.spec(), seed, &Device::Cpu)?;
    let mut rollout = RolloutBuffer::new(config.rollout_steps, ENVS, obs_size, action_size);

    let start = Instant::now();
    envs.reset();
    let updates = STEPS / (ENVS * config.rollout_steps);
    for update in 0..updates {
        while !rollout.is_full() {
            ppo.decide(&envs.batch().obs, &mut rollout)?;
            let step = envs.step(rollout.env_actions());
            rollout.record(&step.reward, step);
        }
        ppo.anneal(update as f64 / updates as f64);
        let metrics = ppo.update(&mut rollout)?;
        if update % 25 == 0 {
            let mean = envs.batch().episode_return.iter().sum::<f32>() / ENVS as f32;
            println!("update {update}: return so far {mean:.1}, {metrics:?}");
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut eval_envs = VecEnv::new(100, 1, 0, |_| registry::make("pendulum-classic"))?;
    let returns = evaluate(&mut ppo, &mut eval_envs, 1_000)?;
    let mean = returns.iter().sum::<f32>() / returns.len() as f32;
    println!("seed {seed}: return {mean:.1} over 100 episodes, trained in {seconds:.2} s");
    Ok(())
}
