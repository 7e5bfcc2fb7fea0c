//! Steering without training, against the laws it should draw from.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test uses a part of the closed forms")]

mod closed_form;

use closed_form::{GaussianFlow, mean_and_variance, sampler, two_modes};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    AgentError,
    generative::{
        BestOfN, Chain, DiffusionPolicy, FlowPolicy, GenerativePolicy, Guidance, NoiseSearch, Particles,
    },
};
use telos_nn::{Device, NnError, Tensor};

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// The score of a chunk is the chunk.
fn itself(_: &[f32], chunks: &[f32], scores: &mut [f32]) -> Result<(), AgentError> {
    scores.copy_from_slice(chunks);
    Ok(())
}

#[test]
fn the_best_of_n_gaussians_is_their_greatest() {
    const ROWS: usize = 4000;
    let policy = FlowPolicy::new(GaussianFlow::new(0.0, 1.0, 1), sampler(200, 0.0)).unwrap();
    // Expected maxima of n standard normals: Harter 1961, "Expected values of normal order statistics".
    for (n, exact) in [(1, 0.0), (2, 0.56419), (4, 1.02938), (16, 1.76599)] {
        let mut chunks = vec![0.0; ROWS];
        let mut best = BestOfN::new(n).unwrap();
        best.choose(&policy, &[0.0; ROWS], &mut itself, &mut rng(1), &mut chunks).unwrap();
        let (mean, _) = mean_and_variance(&chunks);
        assert!((mean - exact).abs() < 4.0 / (ROWS as f64).sqrt(), "{n}: {mean}, not {exact}");
    }
}

#[test]
fn particles_draw_from_the_tilted_mixture() {
    const PARTICLES: usize = 20_000;
    let mixture = two_modes(100);
    for (lambda, start) in [(2.0, 0.0), (-3.0, 0.4)] {
        let (mean, variance) = mixture.tilted(lambda).mean_and_variance();
        let schedule = mixture.schedule.clone();
        let policy = DiffusionPolicy::new(mixture.clone(), schedule, sampler(100, 1.0)).unwrap();
        let mut particles = Particles::new(PARTICLES, lambda as f32, start).unwrap();
        particles.walk(&policy, &[0.0], 1, &mut itself, &mut rng(2)).unwrap();
        let moment = |f: &dyn Fn(f64) -> f64| -> f64 {
            let terms = particles.chunks().iter().zip(particles.weights());
            terms.map(|(x, w)| f64::from(*w) * f(f64::from(*x))).sum()
        };
        let found = moment(&|x| x);
        let found_variance = moment(&|x| (x - found).powi(2));
        assert!((found - mean).abs() < 0.03, "lambda {lambda}: mean {found}, not {mean}");
        assert!((found_variance - variance).abs() < 0.1 * variance.max(0.1), "{found_variance} {variance}");
    }
}

#[test]
fn four_particles_score_higher_than_one_and_keep_to_their_group() {
    const ROWS: usize = 2000;
    let mixture = two_modes(50);
    let schedule = mixture.schedule.clone();
    let policy = DiffusionPolicy::new(mixture, schedule, sampler(25, 1.0)).unwrap();
    let mean = |count: usize| {
        let mut chunks = vec![0.0; ROWS];
        let mut particles = Particles::new(count, 5.0, 0.3).unwrap();
        particles.sample(&policy, &[0.0; ROWS], &mut itself, &mut rng(3), &mut chunks).unwrap();
        mean_and_variance(&chunks).0
    };
    let (one, four) = (mean(1), mean(4));
    assert!(four > one + 0.2, "{four} with four particles, {one} with one");
}

#[test]
fn searching_the_noise_improves_the_reward_and_stays_where_noise_lives() {
    let policy = FlowPolicy::new(GaussianFlow::new(0.2, 0.5, 2), sampler(2, 0.0)).unwrap();
    let mut chain = Chain::default();
    policy.sample_chain(&[0.0; 64], 64, &mut rng(4), &mut chain).unwrap();
    let column = |values: &[f32]| Tensor::from_slice(values, (values.len(), 1), &Device::Cpu).unwrap();
    let reward = |_: &Tensor, chunks: &Tensor| -> Result<Tensor, NnError> {
        Ok((chunks - 0.9)?.sqr()?.neg()?.squeeze(1)?)
    };
    let search = NoiseSearch { lr: 1.0, ..NoiseSearch::default() };
    let (obs, noise) = (column(&[0.0; 64]), column(chain.latent(0)));
    let (chunks, rewards) = search.improve(&policy, &obs, &noise, &reward).unwrap();
    let chunks = chunks.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let rewards = rewards.to_vec1::<f32>().unwrap();
    for ((before, after), rewarded) in chain.chunks().iter().zip(&chunks).zip(&rewards) {
        assert!(*rewarded >= -(before - 0.9).powi(2) - 1e-5, "{before} became {after}");
        assert!((rewarded + (after - 0.9).powi(2)).abs() < 1e-5);
    }
    let mean = rewards.iter().sum::<f32>() / 64.0;
    assert!(mean > -0.05, "{mean}");
}

/// Tilting N(m, s^2) by exp(scale x) moves its mean by scale s^2 and leaves its variance.
#[test]
fn guidance_by_a_linear_critic_draws_from_the_tilted_gaussian() {
    const ROWS: usize = 20_000;
    const SCALE: f32 = 1.5;
    let policy = FlowPolicy::new(GaussianFlow::new(0.7, 0.5, 1), sampler(1000, 1.0)).unwrap();
    let critic = |_: &Tensor, chunks: &Tensor| -> Result<Tensor, NnError> { Ok(chunks.squeeze(1)?) };
    let mut chunks = vec![0.0; ROWS];
    let mut guidance = Guidance::new(SCALE).unwrap();
    guidance.sample(&policy, &[0.0; ROWS], &critic, &mut rng(5), &mut chunks).unwrap();
    let (mean, variance) = mean_and_variance(&chunks);
    // Four standard errors, and what 1000 steps leave.
    assert!((mean - (0.7 + 1.5 * 0.25)).abs() < 0.014 + 6e-3, "{mean}");
    assert!((variance - 0.25).abs() < 0.02, "{variance}");
}

#[test]
fn guidance_needs_noise_and_without_a_scale_changes_nothing() {
    let critic = |_: &Tensor, chunks: &Tensor| -> Result<Tensor, NnError> { Ok(chunks.squeeze(1)?) };
    let guide = |scale: f32, eta: f64| {
        let policy = FlowPolicy::new(GaussianFlow::new(0.2, 0.5, 1), sampler(5, eta)).unwrap();
        let (mut chunks, mut chain) = ([0.0; 4], Chain::default());
        policy.sample_chain(&[0.0; 4], 4, &mut rng(6), &mut chain).unwrap();
        let mut guidance = Guidance::new(scale).unwrap();
        guidance.sample(&policy, &[0.0; 4], &critic, &mut rng(6), &mut chunks).map(|()| (chain, chunks))
    };
    let (chain, unchanged) = guide(0.0, 1.0).unwrap();
    assert_eq!(chain.chunks(), unchanged);
    let (chain, shifted) = guide(2.0, 1.0).unwrap();
    assert!(chain.chunks().iter().zip(shifted).all(|(before, after)| after > *before));
    let error = guide(2.0, 0.0).unwrap_err().to_string();
    assert!(error.contains("generative.sampler.noise"), "{error}");
}
