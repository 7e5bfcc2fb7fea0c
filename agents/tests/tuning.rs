//! A policy over chunks is fine-tuned in seconds: it learns what its environment pays for.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, ObservationNormalizer, Policy,
    generative::{
        ChainNoise, ChunkActor, ChunkPolicy, DenoiserKind, GenerativeConfig, Judge, MlpDenoiserConfig,
        Process, SamplerConfig, Steering, TransformerDenoiserConfig, Tuner, TuningConfig, TuningMethod,
        UnetDenoiserConfig,
    },
};
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{VecEnv, registry};
use telos_nn::{Device, Parameters, Var};

const TASK: &str = "point-maze-umaze";
const ENVS: usize = 8;

fn generative(eta: f64) -> GenerativeConfig {
    GenerativeConfig {
        process: Process::Flow,
        horizon: 2,
        executed: 2,
        mlp: MlpDenoiserConfig { hidden: vec![32, 32], ..MlpDenoiserConfig::default() },
        unet: UnetDenoiserConfig { channels: vec![8, 16], kernel: 3, groups: 4, time_features: 8 },
        transformer: TransformerDenoiserConfig { width: 16, heads: 2, layers: 1, time_features: 8 },
        sampler: SamplerConfig { steps: 3, noise: ChainNoise::Eta(eta), ..SamplerConfig::default() },
        ..GenerativeConfig::default()
    }
}

fn config(method: TuningMethod) -> TuningConfig {
    TuningConfig {
        method,
        rollout_steps: 32,
        batch_size: 64,
        denoising_steps: 3,
        lr: 2e-3,
        value_hidden: vec![32],
        epochs: 4,
        candidates: 4,
        judge: Judge::Critic,
        ..TuningConfig::default()
    }
}

/// A learner that begins with an untrained policy, and what it acts in.
fn learner(config: &TuningConfig) -> (Tuner, VecEnv) {
    learner_of(config, DenoiserKind::Mlp)
}

/// The same with another network.
fn learner_of(config: &TuningConfig, denoiser: DenoiserKind) -> (Tuner, VecEnv) {
    let envs = VecEnv::new(ENVS, 1, 3, |_| registry::make(TASK)).unwrap();
    let eta = if config.method == TuningMethod::NoiseActor { 0.0 } else { 1.0 };
    let mut generative = GenerativeConfig { denoiser, ..generative(eta) };
    if denoiser == DenoiserKind::Energy {
        generative.process = Process::Diffusion;
    }
    let spec = envs.spec().clone();
    let mut tuner = Tuner::new(config, &generative, &spec, ENVS, 0, &Device::Cpu).unwrap();
    let policy: ChunkPolicy =
        generative.build(&spec, &mut Xoshiro256PlusPlus::seed_from_u64(1), &Device::Cpu).unwrap();
    let normalizer = ObservationNormalizer::new(spec.observation.size(), 10.0);
    tuner.begin_with(&ChunkActor::new(policy, normalizer, &spec, 2, 0).unwrap()).unwrap();
    (tuner, envs)
}

/// Rollouts in which a step is worth how far its first action component is up; the mean of each.
fn rewards(tuner: &mut Tuner, envs: &mut VecEnv, rollouts: usize) -> Vec<f32> {
    let mut actions = vec![0.0; ENVS * 2];
    envs.reset();
    let mut mean = |_| {
        let mut sum = 0.0;
        for _ in 0..32 {
            tuner.decide(&envs.batch().obs, &mut actions).unwrap();
            let rewards: Vec<f32> = actions.chunks(2).map(|action| action[0]).collect();
            sum += rewards.iter().sum::<f32>() / (32 * ENVS) as f32;
            let step = envs.step(&actions);
            tuner.record(&rewards, step);
        }
        tuner.update().unwrap();
        sum
    };
    (0..rollouts).map(&mut mean).collect()
}

#[test]
fn every_method_learns_what_pays() {
    for method in METHODS {
        let mut config = config(method);
        // For so short a training; the papers' ranges are for thousands of steps.
        (config.dppo.clip, config.dppo.clip_base) = (0.2, 0.2);
        // Its end is p exp(lambda Q), not the best chunk.
        config.adjoint_matching.lambda = 10.0;
        let (mut tuner, mut envs) = learner(&config);
        let found = rewards(&mut tuner, &mut envs, 25);
        let (before, after) = (found[..2].iter().sum::<f32>() / 2.0, found[22..].iter().sum::<f32>() / 3.0);
        assert!(after > before + 0.15, "{method:?}: {before} before, {after} after");
    }
}

const METHODS: [TuningMethod; 10] = [
    TuningMethod::Dpok,
    TuningMethod::Dppo,
    TuningMethod::D3po,
    TuningMethod::Prdp,
    TuningMethod::RewardGradient,
    TuningMethod::AdjointMatching,
    TuningMethod::FlowDpo,
    TuningMethod::RewardWeighted,
    TuningMethod::Eda,
    TuningMethod::NoiseActor,
];

#[test]
fn every_method_moves_every_network() {
    for denoiser in [DenoiserKind::Energy, DenoiserKind::Unet, DenoiserKind::Transformer] {
        for method in METHODS {
            let config = TuningConfig { epochs: 1, warm_up: 0, ..config(method) };
            let (mut tuner, mut envs) = learner_of(&config, denoiser);
            let sums = |tuner: &Tuner| -> Vec<f32> {
                let sum = |var: &Var| var.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
                tuner.named().into_iter().map(|(_, var)| sum(var)).collect()
            };
            let before = sums(&tuner);
            rewards(&mut tuner, &mut envs, 2);
            let after = sums(&tuner);
            assert!(before != after && after.iter().all(|x| x.is_finite()), "{denoiser:?} {method:?}");
        }
    }
}

/// Each of the other networks learns, too, by a method that suits it.
#[test]
fn other_networks_learn_what_pays() {
    for (denoiser, method) in [
        (DenoiserKind::Energy, TuningMethod::Eda),
        (DenoiserKind::Unet, TuningMethod::Dppo),
        (DenoiserKind::Transformer, TuningMethod::RewardWeighted),
    ] {
        let mut config = config(method);
        (config.dppo.clip, config.dppo.clip_base) = (0.2, 0.2);
        let (mut tuner, mut envs) = learner_of(&config, denoiser);
        let found = rewards(&mut tuner, &mut envs, 15);
        let (before, after) = (found[..2].iter().sum::<f32>() / 2.0, found[12..].iter().sum::<f32>() / 3.0);
        assert!(after > before + 0.15, "{denoiser:?} {method:?}: {before} before, {after} after");
    }
}

#[test]
fn a_critic_steers_the_policy_that_it_was_learned_with() {
    // The policy stays as it is: every rollout is for the critic.
    let config = TuningConfig { warm_up: u64::MAX, ..config(TuningMethod::RewardGradient) };
    let (mut tuner, mut envs) = learner(&config);
    rewards(&mut tuner, &mut envs, 12);
    let mean = |policy: &mut dyn Policy, envs: &mut VecEnv| -> f32 {
        let (mut actions, mut sum) = (vec![0.0; ENVS * 2], 0.0);
        for _ in 0..64 {
            policy.act(&envs.batch().obs, ENVS, ActMode::Sample, &mut actions).unwrap();
            sum += actions.iter().step_by(2).sum::<f32>() / (64 * ENVS) as f32;
            let step = envs.step(&actions);
            (0..ENVS).filter(|i| step.done(*i)).for_each(|i| policy.episode_ended(i));
        }
        sum
    };
    let plain = mean(&mut tuner, &mut envs);
    for steering in [
        Steering::BestOfN(4),
        Steering::Particles { count: 4, strength: 5.0 },
        Steering::Guidance(5.0),
        Steering::NoiseSearch(10),
    ] {
        let steered = mean(&mut tuner.steered(steering).unwrap(), &mut envs);
        assert!(steered > plain + 0.1, "{steering:?}: {steered}, without {plain}");
    }
    let (mut without, _) = learner(&TuningConfig { method: TuningMethod::Dppo, ..config });
    let error = without.steered(Steering::BestOfN(4)).unwrap_err().to_string();
    assert!(error.contains("no critic") && error.contains("dppo"), "{error}");
}

#[test]
fn a_learner_goes_on_as_if_it_had_not_stopped() {
    for method in [TuningMethod::Dppo, TuningMethod::RewardGradient, TuningMethod::NoiseActor] {
        let config = config(method);
        let (mut whole, mut envs) = learner(&config);
        rewards(&mut whole, &mut envs, 2);
        let (mut resumed, mut other) = learner(&config);
        from_bytes(&mut resumed, &to_bytes(&whole)).unwrap();
        other.reset();
        from_bytes(&mut other, &to_bytes(&envs)).unwrap();
        rewards(&mut whole, &mut envs, 2);
        rewards(&mut resumed, &mut other, 2);
        assert_eq!(to_bytes(&whole), to_bytes(&resumed), "{method:?}");
    }
}
