//! Every network of a generative policy: chains, gradients, several modes at once, exact resumption.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, ObservationNormalizer, Policy,
    generative::{
        BehaviourCloning, BehaviourCloningConfig, Chain, ChainBatch, ChainNoise, ChunkPolicy, DenoiserKind,
        GenerativeConfig, GenerativePolicy, MlpDenoiserConfig, NoiseDraw, Process, SamplerConfig,
        TransformerDenoiserConfig, UnetDenoiserConfig,
    },
};
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{BoxSpace, EnvSpec, dataset::ChunkBatch};
use telos_nn::{Device, Parameters, Tensor};

const KINDS: [DenoiserKind; 4] =
    [DenoiserKind::Mlp, DenoiserKind::Energy, DenoiserKind::Unet, DenoiserKind::Transformer];
const HORIZON: usize = 4;
const ACT: usize = 2;

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// One observation, actions of two components.
fn spec() -> EnvSpec {
    EnvSpec {
        id: "two-ways".into(),
        task: "Go one way or the other.".into(),
        observation: BoxSpace::unbounded(1),
        action: BoxSpace::uniform(ACT, -1.0, 1.0),
        dt: 0.1,
        horizon: 20,
        factors: Vec::new(),
        can_terminate: false,
        goal: None,
    }
}

fn config(denoiser: DenoiserKind, process: Process, eta: f64) -> GenerativeConfig {
    GenerativeConfig {
        process,
        levels: 20,
        horizon: HORIZON,
        executed: 2,
        residual: false,
        denoiser,
        mlp: MlpDenoiserConfig { hidden: vec![64, 64], ..MlpDenoiserConfig::default() },
        unet: UnetDenoiserConfig { channels: vec![16, 16], kernel: 3, groups: 4, time_features: 16 },
        transformer: TransformerDenoiserConfig { width: 32, heads: 2, layers: 2, time_features: 16 },
        sampler: SamplerConfig { steps: 10, noise: ChainNoise::Eta(eta), ..SamplerConfig::default() },
    }
}

fn policy(denoiser: DenoiserKind, process: Process, eta: f64) -> ChunkPolicy {
    config(denoiser, process, eta).build(&spec(), &mut rng(1), &Device::Cpu).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn chains_have_the_log_probabilities_of_their_steps_and_gradients_to_every_weight() {
    for kind in KINDS {
        // The gradient of an energy is noise.
        let rest: &[Process] =
            if kind == DenoiserKind::Energy { &[] } else { &[Process::Flow, Process::Consistency] };
        for &process in [Process::Diffusion].iter().chain(rest) {
            let policy = policy(kind, process, 1.0);
            let (obs, mut chain) = ([0.3, -0.2, 0.9], Chain::default());
            policy.sample_chain(&obs, 3, &mut rng(2), &mut chain).unwrap();
            // The last step is certain.
            let batch = ChainBatch::new(&chain, &obs, chain.steps, &Device::Cpu).unwrap();
            let log_probs = batch.log_probs(&policy).unwrap();
            for (stored, found) in chain.log_probs.iter().zip(flat(&log_probs)) {
                let error = (stored - found).abs();
                assert!(error < 5e-3 * (1.0 + stored.abs()), "{kind:?} {process:?}: {stored} {found}");
            }
            let gradients = log_probs.mean_all().unwrap().backward().unwrap();
            for (name, var) in policy.named() {
                let gradient = gradients.get(var).map(flat).unwrap_or_default();
                assert!(gradient.iter().any(|g| *g != 0.0), "{kind:?} {process:?}: nothing reaches {name}");
            }
        }
    }
}

#[test]
fn frozen_copies_predict_the_same_without_gradients() {
    for kind in KINDS {
        let policy = policy(kind, Process::Diffusion, 0.0);
        let reference = policy.frozen_copy().unwrap();
        let obs = Tensor::new(&[[0.1f32], [0.7]], &Device::Cpu).unwrap();
        let draw = NoiseDraw::new(&mut rng(3), 2, HORIZON * ACT, &Device::Cpu).unwrap();
        let predicted = policy.denoiser().forward(&draw.noise, &draw.levels, &obs).unwrap();
        let frozen = reference.denoiser().forward(&draw.noise, &draw.levels, &obs).unwrap();
        assert_eq!(flat(&predicted), flat(&frozen), "{kind:?}");
        assert!(predicted.track_op() && !frozen.track_op(), "{kind:?}");
        let mut inferred = vec![0.0; 2 * HORIZON * ACT];
        let same = [draw.levels[0]; 2];
        let at_once = policy.denoiser().forward(&draw.noise, &same, &obs).unwrap();
        let (latents, seen) = (flat(&draw.noise), flat(&obs));
        policy.denoiser().infer(&latents, same[0], &seen, &mut Vec::new(), &mut inferred).unwrap();
        for (found, expected) in inferred.iter().zip(flat(&at_once)) {
            assert!((found - expected).abs() < 1e-5, "{kind:?}: {found} {expected}");
        }
    }
}

#[test]
fn the_prediction_of_an_energy_is_minus_its_gradient() {
    let policy = policy(DenoiserKind::Energy, Process::Diffusion, 0.0);
    let (obs, times) = (Tensor::new(&[[0.4f32]], &Device::Cpu).unwrap(), [0.3]);
    let energy = |latent: &[f32]| -> f32 {
        let latent = Tensor::from_slice(latent, (1, HORIZON * ACT), &Device::Cpu).unwrap();
        flat(&policy.denoiser().energy(&latent, &times, &obs).unwrap().unwrap())[0]
    };
    let mut latent: [f32; HORIZON * ACT] = std::array::from_fn(|i| 0.3 * i as f32 - 1.0);
    let at = Tensor::from_slice(&latent, (1, HORIZON * ACT), &Device::Cpu).unwrap();
    let predicted = flat(&policy.denoiser().forward(&at, &times, &obs).unwrap());
    for (i, predicted) in predicted.iter().enumerate() {
        const STEP: f32 = 0.02;
        let around = [STEP, -2.0 * STEP].map(|by| {
            latent[i] += by;
            energy(&latent)
        });
        latent[i] += STEP;
        let slope = (around[0] - around[1]) / (2.0 * STEP);
        assert!((predicted + slope).abs() < 1e-3 * (1.0 + slope.abs()), "{i}: {predicted} and {slope}");
    }
    assert!(predicted.iter().any(|x| x.abs() > 1e-2), "{predicted:?}");
}

#[test]
fn an_energy_belongs_to_a_diffusion_and_is_smooth() {
    let error = |config: GenerativeConfig| config.validate().unwrap_err().to_string();
    assert!(error(config(DenoiserKind::Energy, Process::Flow, 0.0)).contains("generative.denoiser"));
    let mut rough = config(DenoiserKind::Energy, Process::Diffusion, 0.0);
    rough.mlp.activation = telos_nn::Activation::Relu;
    assert!(error(rough).contains("generative.mlp.activation"));
}

/// A way out and back whose size the observation says, upwards.
fn way(obs: f32) -> [f32; HORIZON * ACT] {
    std::array::from_fn(|i| {
        let (step, component) = ((i / ACT) as f32, i % ACT);
        let size = 0.5 + 0.3 * obs;
        if component == 0 { size * (1.0 - 0.4 * step / 3.0) } else { size * (step / 3.0 - 0.5) }
    })
}

/// Ways up and down, each half of the time, with little noise.
fn demonstrations(rows: usize, rng: &mut Xoshiro256PlusPlus) -> ChunkBatch {
    let mut batch = ChunkBatch { rows, len: HORIZON, ..ChunkBatch::default() };
    for _ in 0..rows {
        let obs: f32 = rng.random_range(-1.0..1.0);
        let sign = if rng.random_range(0.0..1.0) < 0.5 { 1.0 } else { -1.0 };
        batch.obs.extend([obs; HORIZON]);
        batch.actions.extend(way(obs).map(|x| sign * x + rng.random_range(-0.02..0.02)));
    }
    batch.rewards = vec![0.0; rows * HORIZON];
    batch.valid = vec![true; rows * HORIZON];
    (batch.episode, batch.start) = (vec![0; rows], vec![0; rows]);
    batch
}

fn learner(kind: DenoiserKind, process: Process) -> BehaviourCloning<ChunkPolicy> {
    let config = BehaviourCloningConfig { lr: 3e-3, ema_decay: 0.98, ..BehaviourCloningConfig::default() };
    let normalizer = ObservationNormalizer::new(1, f32::INFINITY);
    BehaviourCloning::new(&config, policy(kind, process, 0.0), normalizer, 2, &spec(), 0).unwrap()
}

/// Trains on ways up and down, and draws from what was learned. A mean of the two would be no way at all.
fn learns_both_ways(kind: DenoiserKind, process: Process, updates: usize) {
    const ROWS: usize = 200;
    let (mut cloning, mut generator) = (learner(kind, process), rng(4));
    for update in 0..updates {
        cloning.anneal(update as f64 / updates as f64);
        cloning.update(&demonstrations(64, &mut generator)).unwrap();
    }
    let obs: Vec<f32> = (0..ROWS).map(|i| i as f32 / (ROWS as f32 / 2.0) - 1.0).collect();
    let mut chain = Chain::default();
    cloning.actor().policy().sample_chain(&obs, ROWS, &mut rng(5), &mut chain).unwrap();
    let (mut up, mut near) = (0, 0);
    for (obs, chunk) in obs.iter().zip(chain.chunks().chunks(HORIZON * ACT)) {
        let distance = |sign: f32| {
            let square: f32 = way(*obs).iter().zip(chunk).map(|(w, c)| (sign * w - c).powi(2)).sum();
            (square / (HORIZON * ACT) as f32).sqrt()
        };
        up += usize::from(distance(1.0) < distance(-1.0));
        near += usize::from(distance(1.0).min(distance(-1.0)) < 0.15);
    }
    let share = |count: usize| count as f64 / ROWS as f64;
    assert!(share(near) > 0.8, "{kind:?}: {} near a way", share(near));
    assert!((0.3..0.7).contains(&share(up)), "{kind:?}: {} go up", share(up));
}

#[test]
fn a_perceptron_learns_both_ways() {
    learns_both_ways(DenoiserKind::Mlp, Process::Flow, 3000);
}

#[test]
fn an_energy_learns_both_ways() {
    learns_both_ways(DenoiserKind::Energy, Process::Diffusion, 3000);
}

#[test]
fn a_unet_learns_both_ways() {
    learns_both_ways(DenoiserKind::Unet, Process::Flow, 800);
}

#[test]
fn a_transformer_learns_both_ways() {
    learns_both_ways(DenoiserKind::Transformer, Process::Diffusion, 800);
}

#[test]
fn training_and_acting_resume_exactly() {
    for kind in KINDS {
        let (mut whole, mut generator) = (learner(kind, Process::Diffusion), rng(6));
        let mut batches = (0..4).map(|_| demonstrations(8, &mut generator)).collect::<Vec<_>>().into_iter();
        let act = |cloning: &mut BehaviourCloning<ChunkPolicy>| {
            let mut actions = [0.0; 3 * ACT];
            cloning.act(&[0.1, -0.5, 0.9], 3, ActMode::Sample, &mut actions).unwrap();
            actions
        };
        for batch in batches.by_ref().take(2) {
            whole.update(&batch).unwrap();
        }
        act(&mut whole);
        let mut resumed = learner(kind, Process::Diffusion);
        from_bytes(&mut resumed, &to_bytes(&whole)).unwrap();
        for batch in batches {
            whole.update(&batch).unwrap();
            resumed.update(&batch).unwrap();
        }
        assert_eq!(act(&mut whole), act(&mut resumed), "{kind:?}");
        assert!(to_bytes(&whole) == to_bytes(&resumed), "{kind:?}");
    }
}
