//! Diffusion and flow policies imitate a scripted expert:
//! `cargo run --release --example diffusion_push_t -- [TASK] [diffusion|flow] [UPDATES] [DEMONSTRATIONS] [SEED]`.
//!
//! TASK is any with a scripted expert: push-t (the default), arm-reach, arm-push, ...

use std::{error::Error, path::Path, sync::Arc, time::Instant};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, Policy,
    generative::{
        BehaviourCloning, BehaviourCloningConfig, ChainNoise, ChunkShape, DiffusionPolicy, FlowPolicy,
        GenerativePolicy, MlpDenoiser, MlpDenoiserConfig, NoiseSchedule, SamplerConfig, normalizer_of,
    },
};
use telos_envs::{
    EnvSpec, VecEnv,
    dataset::{Chunks, Dataset, DatasetInfo, DatasetWriter, Episode, Loader},
    episode_seed, registry,
};
use telos_nn::Device;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HORIZON: usize = 16;
const EXECUTED: usize = 8;
const EVALUATIONS: usize = 100;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = |i: usize, default: &str| args.get(i).cloned().unwrap_or_else(|| default.to_owned());
    let (task, kind) = (word(0, "push-t"), word(1, "diffusion"));
    let (updates, episodes, seed) =
        (word(2, "20000").parse()?, word(3, "200").parse()?, word(4, "0").parse()?);

    let scratch = std::env::temp_dir().join(format!("telos-{task}-{}", std::process::id()));
    let dataset = Arc::new(demonstrate(&task, episodes, &scratch)?);
    println!("{episodes} demonstrations of {task}, {} steps", dataset.steps());

    let spec = registry::make(&task)?.spec().clone();
    let shape = ChunkShape { obs: spec.observation.size(), horizon: HORIZON, act: spec.action.size() };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let denoiser = MlpDenoiser::new(&MlpDenoiserConfig::default(), shape, &mut rng, &Device::Cpu)?;
    let sampler = SamplerConfig { steps: 4, noise: ChainNoise::Eta(0.0), ..SamplerConfig::default() };
    match kind.as_str() {
        "diffusion" => {
            let policy = DiffusionPolicy::new(denoiser, NoiseSchedule::cosine(100)?, sampler)?;
            clone(policy, &spec, &task, dataset, updates, seed)?;
        }
        "flow" => clone(FlowPolicy::new(denoiser, sampler)?, &spec, &task, dataset, updates, seed)?,
        other => return Err(format!("`{other}` is no kind of policy; write diffusion or flow").into()),
    }
    std::fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// Episodes of the scripted expert.
fn demonstrate(task: &str, episodes: u64, path: &Path) -> Result<Dataset, Box<dyn Error>> {
    let mut env = registry::make(task)?;
    let expert = registry::expert(task).ok_or_else(|| format!("`{task}` has no scripted expert"))?;
    let info = DatasetInfo { factors: Vec::new(), ..DatasetInfo::of(env.spec(), false, "scripted expert") };
    let mut writer = DatasetWriter::create(path, info)?;
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut action = vec![0.0; env.spec().action.size()];
    let mut episode = Episode::default();
    for index in 0..episodes {
        episode.clear();
        env.reset(episode_seed(0, index, 0), &mut obs);
        episode.obs.extend_from_slice(&obs);
        loop {
            expert.act(&obs, &mut action);
            let transition = env.step(&action, &mut obs);
            episode.obs.extend_from_slice(&obs);
            episode.actions.extend_from_slice(&action);
            episode.rewards.push(transition.reward);
            if transition.terminated || transition.truncated {
                episode.terminated = transition.terminated;
                break;
            }
        }
        writer.push(episode.view())?;
    }
    Ok(writer.finish()?)
}

/// Trains, and reports the success of the averaged weights ten times.
#[allow(clippy::print_stdout)]
fn clone<P: GenerativePolicy>(
    policy: P,
    spec: &EnvSpec,
    task: &str,
    dataset: Arc<Dataset>,
    updates: u64,
    seed: u64,
) -> Result<(), Box<dyn Error>> {
    let config = BehaviourCloningConfig::default();
    let mut cloning = BehaviourCloning::new(&config, policy, normalizer_of(&dataset), EXECUTED, spec, seed)?;
    let mut loader = Loader::new(Chunks::new(dataset, config.batch_size, HORIZON, seed), 0);
    let start = Instant::now();
    for update in 1..=updates {
        cloning.anneal(update as f64 / updates as f64);
        let loss = cloning.update(loader.next_batch()?)?;
        if update % (updates / 10).max(1) == 0 {
            let seconds = start.elapsed().as_secs_f64();
            let success = success(&mut cloning, task)?;
            println!("update {update}: loss {loss:.4}, success {success} of {EVALUATIONS}, {seconds:.0} s");
        }
    }
    Ok(())
}

/// Episodes that end in a solved task.
fn success(policy: &mut dyn Policy, task: &str) -> Result<usize, Box<dyn Error>> {
    let mut envs = VecEnv::new(EVALUATIONS, 1, 1_000, |_| registry::make(task))?;
    let mut obs = envs.reset().obs.clone();
    let mut actions = vec![0.0; EVALUATIONS * envs.spec().action.size()];
    let mut ended = [None; EVALUATIONS];
    (0..EVALUATIONS).for_each(|i| policy.episode_ended(i));
    while ended.contains(&None) {
        policy.act(&obs, EVALUATIONS, ActMode::Mode, &mut actions)?;
        let step = envs.step(&actions);
        for (i, slot) in ended.iter_mut().enumerate() {
            if step.done(i) {
                slot.get_or_insert(step.success[i] == Some(true));
                policy.episode_ended(i);
            }
        }
        obs.copy_from_slice(&step.obs);
    }
    Ok(ended.iter().filter(|solved| **solved == Some(true)).count())
}
