//! Generative policies learn from demonstrations, act in environments, and resume exactly.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{path::PathBuf, sync::Arc};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, ActionRange, ObservationNormalizer, Policy,
    generative::{
        BehaviourCloning, BehaviourCloningConfig, ChainNoise, ChunkActor, ChunkShape, ConsistencyPolicy,
        DiffusionPolicy, FlowPolicy, GenerativeConfig, GenerativePolicy, Judge, MlpDenoiser,
        MlpDenoiserConfig, NoiseSchedule, ResidualActions, SamplerConfig, Tuner, TuningConfig, TuningMethod,
        normalizer_of,
    },
};
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{
    EnvSpec, VecEnv,
    dataset::{Chunks, Dataset, DatasetInfo, DatasetWriter, Episode, Loader},
    episode_seed, registry,
};
use telos_nn::Device;

const TASK: &str = "point-maze-umaze";
const SHAPE: ChunkShape = ChunkShape { obs: 6, horizon: 4, act: 2 };
const SAMPLER: SamplerConfig = SamplerConfig {
    steps: 5,
    noise: ChainNoise::Eta(0.0),
    min_std: 0.0,
    min_log_prob_std: 0.0,
    clip: Some(1.0),
};

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("telos-imitation-{name}-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Episodes of the task's scripted expert.
fn demonstrations(scratch: &Scratch, episodes: u64) -> Arc<Dataset> {
    let mut env = registry::make(TASK).unwrap();
    let expert = registry::expert(TASK).unwrap();
    let info = DatasetInfo { factors: Vec::new(), ..DatasetInfo::of(env.spec(), false, "scripted expert") };
    let mut writer = DatasetWriter::create(&scratch.0, info).unwrap();
    let (mut obs, mut action) = ([0.0; SHAPE.obs], [0.0; 2]);
    for index in 0..episodes {
        let mut episode = Episode::default();
        env.reset(episode_seed(5, index, 0), &mut obs);
        episode.obs.extend(obs);
        loop {
            expert.act(&obs, &mut action);
            let transition = env.step(&action, &mut obs);
            episode.obs.extend(obs);
            episode.actions.extend(action);
            episode.rewards.push(transition.reward);
            episode.terminated = transition.terminated;
            if transition.terminated || transition.truncated {
                break;
            }
        }
        writer.push(episode.view()).unwrap();
    }
    Arc::new(writer.finish().unwrap())
}

fn denoiser() -> MlpDenoiser {
    let config = MlpDenoiserConfig { hidden: vec![128, 128], ..MlpDenoiserConfig::default() };
    MlpDenoiser::new(&config, SHAPE, &mut Xoshiro256PlusPlus::seed_from_u64(1), &Device::Cpu).unwrap()
}

fn learner<P: GenerativePolicy>(policy: P, dataset: &Dataset, spec: &EnvSpec) -> BehaviourCloning<P> {
    let config = BehaviourCloningConfig { batch_size: 128, ..BehaviourCloningConfig::default() };
    BehaviourCloning::new(&config, policy, normalizer_of(dataset), 2, spec, 0).unwrap()
}

fn train<P: GenerativePolicy>(cloning: &mut BehaviourCloning<P>, dataset: &Arc<Dataset>, updates: u32) {
    let mut loader = Loader::new(Chunks::new(Arc::clone(dataset), 128, SHAPE.horizon, 0), 0);
    for update in 0..updates {
        cloning.anneal(f64::from(update) / f64::from(updates));
        cloning.update(loader.next_batch().unwrap()).unwrap();
    }
}

/// Share of 40 episodes that end in a solved task.
fn success(policy: &mut dyn Policy) -> f64 {
    const N: usize = 40;
    let mut envs = VecEnv::new(N, 1, 77, |_| registry::make(TASK)).unwrap();
    let mut obs = envs.reset().obs.clone();
    let (mut actions, mut ended) = ([0.0; 2 * N], [None; N]);
    while ended.contains(&None) {
        policy.act(&obs, N, ActMode::Mode, &mut actions).unwrap();
        let step = envs.step(&actions);
        for (i, slot) in ended.iter_mut().enumerate() {
            if step.done(i) {
                slot.get_or_insert(step.success[i].unwrap());
                policy.episode_ended(i);
            }
        }
        obs.copy_from_slice(&step.obs);
    }
    ended.iter().filter(|success| **success == Some(true)).count() as f64 / N as f64
}

#[test]
fn a_diffusion_a_flow_and_a_consistency_policy_imitate_the_expert() {
    let scratch = Scratch::new("learns");
    let dataset = demonstrations(&scratch, 100);
    let env = registry::make(TASK).unwrap();
    let schedule = NoiseSchedule::cosine(20).unwrap();
    let mut diffusion =
        learner(DiffusionPolicy::new(denoiser(), schedule, SAMPLER).unwrap(), &dataset, env.spec());
    let mut flow = learner(FlowPolicy::new(denoiser(), SAMPLER).unwrap(), &dataset, env.spec());
    let two_steps = SamplerConfig { steps: 2, ..SAMPLER };
    let consistency = ConsistencyPolicy::new(denoiser(), 10, two_steps).unwrap();
    let mut consistency = learner(consistency, &dataset, env.spec());
    let before = success(&mut diffusion);
    train(&mut diffusion, &dataset, 3000);
    train(&mut flow, &dataset, 3000);
    train(&mut consistency, &dataset, 3000);
    let after = [success(&mut diffusion), success(&mut flow), success(&mut consistency)];
    assert!(before < 0.3 && after.iter().all(|share| *share > 0.8), "{before} before, {after:?} after");
}

#[test]
fn a_policy_over_what_a_regression_leaves_imitates_the_expert() {
    let scratch = Scratch::new("residuals");
    let dataset = demonstrations(&scratch, 100);
    let env = registry::make(TASK).unwrap();
    let residual = residual_of(&dataset, env.spec());
    let new = || learner(FlowPolicy::new(denoiser(), SAMPLER).unwrap(), &dataset, env.spec());
    let mut flow = new().on_residuals(residual);
    train(&mut flow, &dataset, 3000);
    let (mut resumed, bytes) = (new().on_residuals(ResidualActions::identity(SHAPE)), to_bytes(&flow));
    from_bytes(&mut resumed, &bytes).unwrap();
    assert_eq!(to_bytes(&resumed), bytes);
    let share = success(&mut resumed);
    assert!(share > 0.8, "{share}");
}

fn residual_of(dataset: &Dataset, spec: &EnvSpec) -> ResidualActions {
    ResidualActions::fit(dataset, &normalizer_of(dataset), &ActionRange::new(spec).unwrap(), SHAPE)
}

#[test]
fn residuals_are_what_a_plane_leaves_and_actions_come_back() {
    // Actions on a plane over the observation, and every seventh of them 0.3 above or below it.
    let scratch = Scratch::new("plane");
    let env = registry::make(TASK).unwrap();
    let info = DatasetInfo { factors: Vec::new(), ..DatasetInfo::of(env.spec(), false, "a plane") };
    let mut writer = DatasetWriter::create(&scratch.0, info).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    let plane = |obs: &[f32]| [0.2 + 0.1 * obs[0] - 0.05 * obs[3], 0.3 * obs[1]];
    for index in 0..700_usize {
        let obs: Vec<f32> = (0..2 * SHAPE.obs).map(|_| rng.random_range(-1.0..1.0)).collect();
        let [mut first, second] = plane(&obs[..SHAPE.obs]);
        if index % 7 == 0 {
            first += if index % 2 == 0 { 0.3 } else { -0.3 };
        }
        let actions = vec![first, second];
        writer.push(Episode { obs, actions, rewards: vec![0.0], ..Episode::default() }.view()).unwrap();
    }
    let dataset = writer.finish().unwrap();
    let residual = residual_of(&dataset, env.spec());
    let mut normalizer: ObservationNormalizer = normalizer_of(&dataset);
    normalizer.freeze();
    let obs: Vec<f32> = (0..SHAPE.obs).map(|i| (i as f32 * 0.9).cos()).collect();
    let mut seen = vec![0.0; SHAPE.obs];
    normalizer.normalize(&obs, &mut seen);
    let [first, second] = plane(&obs);
    let actions = [first + 0.3, second, first, second, first - 0.3, second, first, second];
    let mut chunk = actions;
    residual.from_actions(&seen, &mut chunk);
    for (x, expected) in chunk.iter().zip([1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0]) {
        // The plane is known to a few hundredths of what was put beside it.
        assert!((x - expected).abs() < 0.1, "{chunk:?}");
    }
    residual.to_actions(&seen, &mut chunk);
    assert!(chunk.iter().zip(&actions).all(|(a, b)| (a - b).abs() < 1e-5), "{chunk:?}");
}

#[test]
fn fine_tuning_takes_the_regression_over() {
    // Of constant actions the regression leaves nothing: whatever is drawn, they are what is done.
    const CONSTANT: f32 = 0.4;
    let scratch = Scratch::new("constant");
    let env = registry::make(TASK).unwrap();
    let info = DatasetInfo { factors: Vec::new(), ..DatasetInfo::of(env.spec(), false, "a constant") };
    let mut writer = DatasetWriter::create(&scratch.0, info).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    for _ in 0..200 {
        let obs = (0..2 * SHAPE.obs).map(|_| rng.random_range(-1.0..1.0)).collect();
        let actions = vec![CONSTANT; SHAPE.act];
        writer.push(Episode { obs, actions, rewards: vec![0.0], ..Episode::default() }.view()).unwrap();
    }
    let dataset = writer.finish().unwrap();
    let generative = GenerativeConfig {
        horizon: SHAPE.horizon,
        executed: 2,
        residual: true,
        mlp: MlpDenoiserConfig { hidden: vec![16], ..MlpDenoiserConfig::default() },
        ..GenerativeConfig::default()
    };
    let policy = generative.build(env.spec(), &mut rng, &Device::Cpu).unwrap();
    let mut trained = ChunkActor::new(policy, normalizer_of(&dataset), env.spec(), 2, 0).unwrap();
    trained.draw_residuals(residual_of(&dataset, env.spec()));

    let tuning =
        TuningConfig { method: TuningMethod::D3po, judge: Judge::Simulator, ..TuningConfig::default() };
    let mut tuner = Tuner::new(&tuning, &generative, env.spec(), 3, 0, &Device::Cpu).unwrap();
    tuner.begin_with(&trained).unwrap();
    let (obs, mut actions) = ([0.3; 3 * SHAPE.obs], [0.0; 3 * SHAPE.act]);
    let constant = |actions: &[f32]| actions.iter().all(|action| (action - CONSTANT).abs() < 0.01);
    for mode in [ActMode::Mode, ActMode::Sample] {
        tuner.act(&obs, 3, mode, &mut actions).unwrap();
        assert!(constant(&actions), "{mode:?}: {actions:?}");
    }
    let decisions = tuner.decide(&obs, &mut actions).unwrap();
    assert!(constant(&actions), "{actions:?}");
    let mut judged = vec![0.0; tuner.candidates_to_judge() * SHAPE.act];
    assert!(decisions.len() == 3 && !judged.is_empty());
    tuner.candidate_actions(decisions.start + 1, 1, &mut judged);
    assert!(constant(&judged), "{judged:?}");
}

#[test]
fn training_and_acting_resume_exactly() {
    let scratch = Scratch::new("resumes");
    let dataset = demonstrations(&scratch, 3);
    let env = registry::make(TASK).unwrap();
    let new = || learner(FlowPolicy::new(denoiser(), SAMPLER).unwrap(), &dataset, env.spec());
    let act = |cloning: &mut BehaviourCloning<_>, steps: usize| {
        let mut actions = [0.0; 6];
        for step in 0..steps {
            cloning.act(&[0.1 * step as f32; 3 * SHAPE.obs], 3, ActMode::Sample, &mut actions).unwrap();
            if step == 2 {
                cloning.episode_ended(1);
            }
        }
        actions
    };
    let mut whole = new();
    train(&mut whole, &dataset, 3);
    act(&mut whole, 5);
    let mut resumed = new();
    from_bytes(&mut resumed, &to_bytes(&whole)).unwrap();
    for cloning in [&mut whole, &mut resumed] {
        train(cloning, &dataset, 2);
    }
    assert_eq!(act(&mut whole, 4), act(&mut resumed, 4));
    assert_eq!(to_bytes(&whole), to_bytes(&resumed));
}

#[test]
fn a_chunk_is_executed_to_its_share_and_ends_with_its_episode() {
    let scratch = Scratch::new("horizon");
    let dataset = demonstrations(&scratch, 1);
    let env = registry::make(TASK).unwrap();
    let mut cloning = learner(FlowPolicy::new(denoiser(), SAMPLER).unwrap(), &dataset, env.spec());
    let mut act = |obs: f32, ended: &[usize]| {
        ended.iter().for_each(|row| cloning.episode_ended(*row));
        let mut actions = [0.0; 4];
        cloning.act(&[obs; 2 * SHAPE.obs], 2, ActMode::Mode, &mut actions).unwrap();
        actions
    };
    // Two actions of each chunk are executed, whatever is seen in between.
    let (first, second) = (act(0.1, &[]), act(0.9, &[]));
    let other = act(0.5, &[0, 1]);
    assert_ne!(first, other);
    let rest = act(-0.9, &[]);
    assert_eq!(act(0.5, &[0, 1]), other);
    assert_eq!(act(0.2, &[]), rest, "the rest of a chunk sees nothing");
    assert_eq!(act(0.1, &[0, 1]), first, "an episode that begins alike goes on alike");
    assert_eq!(act(0.3, &[]), second);
    // Row 0 begins anew in the middle of its chunk, row 1 goes on.
    act(0.1, &[0, 1]);
    let mixed = act(0.1, &[0]);
    assert_eq!((&mixed[..2], &mixed[2..]), (&first[..2], &second[2..]));
}
