//! Updates of learners and forward passes at the sizes of the usual locomotion benchmarks.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, AgentError, Policy, Replay, ReplayBatch, Sac, SacConfig,
    offline::{Cql, CqlConfig, Iql, IqlConfig, OfflineLearner, Td3Bc, Td3BcConfig},
};
use telos_envs::{BoxSpace, EnvSpec, StepBatch};
use telos_nn::Device;

use super::measurement::{Measurement, medians};
use crate::TelosError;

/// Environments of one policy forward pass.
const ROWS: usize = 64;
/// Updates per round.
const UPDATES: usize = 20;
/// Transitions per update.
const BATCH: usize = 256;
/// Forward passes per round.
const PASSES: usize = 200;

/// Time of one SAC update (twin critics, actor, temperature and targets; 256x256 networks, batch
/// 256, 17 observations, 6 actions), of one forward pass of its policy for 64 environments, and of updates
/// of learners of recorded data at the same sizes.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let spec = half_cheetah_sized();
    let mut learner = Sac::new(&SacConfig::default(), &spec, 1, &Device::Cpu)?;
    let batch = random_batch(&spec, BATCH);
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
    let mut measurements = vec![
        Measurement::new("sac update", microseconds(update, UPDATES), "us"),
        Measurement::new("sac policy, 64 sampled actions", microseconds(sample, PASSES), "us"),
        Measurement::new("sac policy, 64 modes", microseconds(mode, PASSES), "us"),
    ];
    for (name, time) in offline_updates(rounds, &spec, &batch)? {
        measurements.push(Measurement::new(name, microseconds(time, UPDATES), "us"));
    }
    Ok(measurements)
}

/// Time of a round of updates of three learners of recorded data, with their default settings.
fn offline_updates(
    rounds: u32,
    spec: &EnvSpec,
    batch: &ReplayBatch,
) -> Result<[(&'static str, std::time::Duration); 3], TelosError> {
    let device = Device::Cpu;
    let mut iql = Iql::new(&IqlConfig::default(), spec, 1, &device)?;
    let mut td3_bc = Td3Bc::new(&Td3BcConfig::default(), spec, 1, &device)?;
    let mut cql = Cql::new(&CqlConfig::default(), spec, 1, &device)?;
    let mut failure: Option<AgentError> = None;
    let mut round = |learner: &mut dyn OfflineLearner| {
        for _ in 0..UPDATES {
            failure = failure.take().or(learner.update(batch).err());
        }
    };
    let [[iql], [td3_bc], [cql]] = [&mut iql as &mut dyn OfflineLearner, &mut td3_bc, &mut cql]
        .map(|learner| medians(rounds, [&mut || round(learner)]));
    match failure {
        Some(error) => Err(error.into()),
        None => Ok([("iql update", iql), ("td3+bc update", td3_bc), ("cql update, 10 actions", cql)]),
    }
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
