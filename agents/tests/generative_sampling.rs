//! Samplers against closed forms: with an exact denoiser they draw from the data, flows integrate exactly,
//! and the log-probabilities of a chain are those of its steps.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test uses a part of the closed forms")]

mod closed_form;

use closed_form::{GaussianFlow, mean_and_variance, sampler, two_modes};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, ObservationNormalizer, Policy,
    generative::{
        Chain, ChainBatch, ChunkActor, ChunkShape, DiffusionPolicy, FlowPolicy, GenerativePolicy,
        MlpDenoiser, MlpDenoiserConfig, NoiseSchedule, SamplerConfig,
    },
};
use telos_nn::{Device, Tensor};

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn draw(policy: &dyn GenerativePolicy, rows: usize) -> Vec<f32> {
    let mut chain = Chain::default();
    let obs = vec![0.0; rows * policy.shape().obs];
    policy.sample_chain(&obs, rows, &mut rng(3), &mut chain).unwrap();
    chain.chunks().to_vec()
}

#[test]
fn an_exact_denoiser_draws_from_the_mixture() {
    const ROWS: usize = 20_000;
    for eta in [0.0, 0.5, 1.0] {
        let mixture = two_modes(200);
        let (mean, variance) = mixture.mean_and_variance();
        let schedule = mixture.schedule.clone();
        let policy = DiffusionPolicy::new(mixture, schedule, sampler(200, eta)).unwrap();
        let (found_mean, found_variance) = mean_and_variance(&draw(&policy, ROWS));
        // Four standard errors of the mean, and the discretisation's percent on the variance.
        let error = 4.0 * (variance / ROWS as f64).sqrt();
        assert!((found_mean - mean).abs() < error + 5e-3, "eta {eta}: mean {found_mean} of {mean}");
        assert!((found_variance / variance - 1.0).abs() < 0.03, "eta {eta}: {found_variance} of {variance}");
    }
}

#[test]
fn a_flow_carries_noise_to_its_place_in_the_data() {
    let (mean, std) = (0.7, 0.5);
    let policy = FlowPolicy::new(GaussianFlow::new(mean, std, 1), sampler(1000, 0.0)).unwrap();
    let mut chain = Chain::default();
    policy.sample_chain(&[0.0; 50], 50, &mut rng(0), &mut chain).unwrap();
    for (noise, chunk) in chain.latent(0).iter().zip(chain.chunks()) {
        // The optimal transport between Gaussians of one dimension is affine.
        let exact = mean + std * f64::from(*noise);
        assert!((f64::from(*chunk) - exact).abs() < 5e-3, "{noise} became {chunk}, not {exact}");
    }
}

fn networks() -> Vec<Box<dyn GenerativePolicy>> {
    let shape = ChunkShape { obs: 2, horizon: 3, act: 2 };
    let config = MlpDenoiserConfig { hidden: vec![16, 16], ..MlpDenoiserConfig::default() };
    let denoiser = || MlpDenoiser::new(&config, shape, &mut rng(1), &Device::Cpu).unwrap();
    let schedule = NoiseSchedule::cosine(20).unwrap();
    let floors = SamplerConfig { min_std: 0.1, min_log_prob_std: 0.15, ..sampler(5, 1.0) };
    vec![
        Box::new(DiffusionPolicy::new(denoiser(), schedule.clone(), SamplerConfig::default()).unwrap()),
        Box::new(DiffusionPolicy::new(denoiser(), schedule, floors).unwrap()),
        Box::new(FlowPolicy::new(denoiser(), sampler(6, 1.0)).unwrap()),
        Box::new(FlowPolicy::new(denoiser(), sampler(6, 0.3)).unwrap()),
    ]
}

#[test]
fn the_log_probabilities_of_a_chain_are_those_of_its_steps() {
    for policy in networks() {
        let (obs, mut chain) = ([0.3, -0.2, 0.9, 0.1, -1.0, 0.4], Chain::default());
        policy.sample_chain(&obs, 3, &mut rng(2), &mut chain).unwrap();
        let batch = ChainBatch::new(&chain, &obs, chain.steps, policy.device()).unwrap();
        let again =
            batch.log_probs(policy.as_ref()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (stored, found) in chain.log_probs.iter().zip(&again) {
            assert!((stored - found).abs() < 2e-3 * (1.0 + stored.abs()), "{stored} against {found}");
        }
        assert!(chain.log_probs.iter().any(|x| *x != 0.0));
    }
}

#[test]
fn a_steps_kl_is_the_mean_log_ratio_of_its_draws() {
    const ROWS: usize = 20_000;
    let flow = |mean| FlowPolicy::new(GaussianFlow::new(mean, 0.5, 1), sampler(8, 1.0)).unwrap();
    let (policy, other) = (flow(0.2), flow(0.6));
    let (mut chain, obs) = (Chain::default(), vec![0.0; ROWS]);
    policy.sample_chain(&obs, ROWS, &mut rng(4), &mut chain).unwrap();
    let batch = ChainBatch::new(&chain, &obs, chain.steps, &Device::Cpu).unwrap();
    let ratio = (&batch.behaviour - batch.log_probs(&other).unwrap()).unwrap();
    let mean = |t: &Tensor| t.sum(0).unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
    let (kl, estimate) = (mean(&batch.kl(&policy, &other).unwrap()), mean(&ratio));
    assert!((kl - estimate).abs() < 0.05 * kl && kl > 0.1, "{kl} against {estimate}");
}

#[test]
fn without_noise_nothing_is_drawn() {
    let schedule = NoiseSchedule::cosine(50).unwrap();
    let policy = DiffusionPolicy::new(two_modes(50), schedule, sampler(10, 0.0)).unwrap();
    let mut chains = [Chain::default(), Chain::default()];
    for (chain, seed) in chains.iter_mut().zip([1, 2]) {
        chain.begin(4, 1, 10).copy_from_slice(&[0.3, -1.0, 2.0, 0.0]);
        let mut generator = rng(seed);
        for step in 0..10 {
            policy.take_step(step, &[0.0; 4], Some(&mut generator), chain).unwrap();
        }
        assert_eq!(generator, rng(seed), "the generator was used");
    }
    assert_eq!(chains[0].latents, chains[1].latents);
    assert!(chains[0].log_probs.iter().all(|log_prob| *log_prob == 0.0));
}

#[test]
fn proposals_follow_from_their_seed_and_leave_the_actor_as_it_is() {
    let env = telos_envs::registry::make("pendulum-classic").unwrap();
    let shape = ChunkShape { obs: 3, horizon: 4, act: 1 };
    let config = MlpDenoiserConfig { hidden: vec![16], ..MlpDenoiserConfig::default() };
    let denoiser = MlpDenoiser::new(&config, shape, &mut rng(1), &Device::Cpu).unwrap();
    let policy = FlowPolicy::new(denoiser, sampler(4, 1.0)).unwrap();
    let normalizer = ObservationNormalizer::new(3, 10.0);
    let mut actor = ChunkActor::new(policy, normalizer, env.spec(), 2, 0).unwrap();
    let (obs, mut chunks, mut again, mut action) = ([0.1, 0.9, -1.0], Vec::new(), Vec::new(), [0.0]);
    actor.act(&obs, 1, ActMode::Sample, &mut action).unwrap();
    let before = telos_checkpoint::to_bytes(&actor);
    assert_eq!(actor.proposals(&obs, 5, 7, &mut chunks).unwrap(), 4);
    assert_eq!(actor.proposals(&obs, 5, 7, &mut again).unwrap(), 4);
    assert!(chunks.len() == 20 && chunks == again && chunks.iter().all(|x| x.abs() <= 2.0), "{chunks:?}");
    assert_ne!(chunks[..4], chunks[4..8], "each is drawn anew");
    assert!(telos_checkpoint::to_bytes(&actor) == before);
}
