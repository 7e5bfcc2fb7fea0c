//! Updates and forward passes at the sizes of the usual locomotion benchmarks.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{ActMode, AgentError, Policy, Replay, ReplayBatch, Sac, SacConfig};
use telos_envs::{BoxSpace, EnvSpec, StepBatch};
use telos_nn::Device;

use super::measurement::{Measurement, medians};
use crate::TelosError;

/// Environments of one policy forward pass.
const ROWS: usize = 64;
/// Updates per round.
const UPDATES: usize = 20;
/// Forward passes per round.
const PASSES: usize = 200;

/// Time of one SAC update (twin critics, actor, temperature and targets; 256x256 networks, batch
/// 256, 17 observations, 6 actions) and of one forward pass of its policy for 64 environments.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let spec = half_cheetah_sized();
    let config = SacConfig::default();
    let mut learner = Sac::new(&config, &spec, 1, &Device::Cpu)?;
    let batch = random_batch(&spec, config.batch_size);
    let mut failure: Option<AgentError> = None;
    let mut keep = |result: Result<(), AgentError>| failure = failure.take().or(result.err());
    let [update] = medians(
        rounds,
        [&mut || {
            for _ in 0..UPDATES {
                keep(learner.update(&batch).map(drop));
            }
        }],
    );
    let obs = vec![0.1; ROWS * spec.observation.size()];
    let mut actions = vec![0.0; ROWS * spec.action.size()];
    let [sample, mode] = [ActMode::Sample, ActMode::Mode].map(|how| {
        let [time] = medians(
            rounds,
            [&mut || {
                for _ in 0..PASSES {
                    keep(learner.act(&obs, ROWS, how, &mut actions));
                }
            }],
        );
        time
    });
    if let Some(error) = failure {
        return Err(error.into());
    }
    let microseconds = |time: std::time::Duration, count: usize| time.as_secs_f64() * 1e6 / count as f64;
    Ok(vec![
        Measurement::new("sac update", microseconds(update, UPDATES), "us"),
        Measurement::new("sac policy, 64 sampled actions", microseconds(sample, PASSES), "us"),
        Measurement::new("sac policy, 64 modes", microseconds(mode, PASSES), "us"),
    ])
}

fn half_cheetah_sized() -> EnvSpec {
    EnvSpec {
        id: "bench".into(),
        task: "Numbers of the size of a planar runner's.".into(),
        observation: BoxSpace::unbounded(17),
        action: BoxSpace::uniform(6, -1.0, 1.0),
        dt: 0.05,
        horizon: 1000,
        factors: Vec::new(),
        can_terminate: false,
        goal: None,
    }
}

fn random_batch(spec: &EnvSpec, rows: usize) -> ReplayBatch {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let (obs_size, action_size) = (spec.observation.size(), spec.action.size());
    let mut replay = Replay::new(rows, obs_size, action_size);
    let mut column =
        |size: usize| (0..rows * size).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f32>>();
    let mut step = StepBatch::new(rows, spec);
    step.final_obs = column(obs_size);
    replay.push(&column(obs_size), &column(action_size), &column(1), &step);
    let mut batch = ReplayBatch::default();
    replay.sample(&mut rng, rows, &mut batch);
    batch
}
