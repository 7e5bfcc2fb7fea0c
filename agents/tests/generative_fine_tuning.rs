//! Fine-tuners on chains of one action, where the policy that they should reach is known.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test uses a part of the closed forms")]

mod closed_form;

use closed_form::{GaussianFlow, mean_and_variance, sampler};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    generative::{
        AdjointMatching, Chain, ChainBatch, ChainNoise, D3po, DenoisingDpo, Dpok, Dppo, FlowPolicy,
        GenerativePolicy, NoiseActor, NoiseActorConfig, NoiseDraw, RewardGradient, RewardWeighted,
        SamplerConfig, Spin,
    },
    objective::{PolicyObjective, RelativeReward},
};
use telos_nn::{Adam, AdamConfig, Device, NnError, Tensor};

const MEAN: f64 = 0.7;
const STD: f64 = 0.5;

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn gaussian(config: SamplerConfig) -> FlowPolicy<GaussianFlow> {
    FlowPolicy::new(GaussianFlow::new(MEAN, STD, config.steps), config).unwrap()
}

/// The reward of a chunk is the chunk.
fn identity(_: &Tensor, chunks: &Tensor) -> Result<Tensor, NnError> {
    Ok(chunks.squeeze(1)?)
}

/// `rows` chains and the batch of their last `count` steps.
fn drawn(
    policy: &dyn GenerativePolicy,
    rows: usize,
    count: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> (Chain, ChainBatch) {
    let (obs, mut chain) = (vec![0.0; rows], Chain::default());
    policy.sample_chain(&obs, rows, rng, &mut chain).unwrap();
    let batch = ChainBatch::new(&chain, &obs, count, &Device::Cpu).unwrap();
    (chain, batch)
}

/// Mean of the chunks: all steps are affine, so it is where the means lead from the middle of the noise.
fn mean_of(policy: &dyn GenerativePolicy) -> f64 {
    let mut chain = Chain::default();
    chain.begin(1, 1, policy.steps().len()).fill(0.0);
    for step in 0..policy.steps().len() {
        policy.take_step(step, &[0.0], None, &mut chain).unwrap();
    }
    chain.chunks()[0].into()
}

/// Variance of the chunks that comes from the noise of the steps, not from the first latent.
fn variance_of_steps(config: &SamplerConfig) -> f64 {
    let policy = gaussian(config.clone());
    let flow = GaussianFlow::new(MEAN, STD, 1);
    policy.steps().iter().enumerate().fold(0.0, |variance, (i, step)| {
        let slope = flow.regression(i as f64 / config.steps as f64).0;
        let factor = f64::from(step.mean_of_sample) + f64::from(step.mean_of_x0) * slope;
        factor * factor * variance + f64::from(step.std).powi(2)
    })
}

fn train(
    policy: &FlowPolicy<GaussianFlow>,
    (updates, lr): (usize, f64),
    mut loss: impl FnMut(usize) -> Tensor,
) {
    let mut adam = Adam::new(policy, AdamConfig { lr, ..AdamConfig::default() }).unwrap();
    for update in 0..updates {
        adam.set_lr(lr * (1.0 - update as f64 / updates as f64));
        adam.backward_step(&loss(update)).unwrap();
    }
}

/// Tilting N(m, s^2) by exp(lambda x) moves its mean by lambda s^2. Adjoint Matching moves it by lambda times
/// the variance that the steps contribute, which is all of it for the memoryless process only.
#[test]
fn adjoint_matching_moves_the_mean_by_the_variance_of_the_steps() {
    let memoryless = sampler(60, 1.0);
    let constant = SamplerConfig { noise: ChainNoise::Constant(1.0), ..memoryless.clone() };
    for config in [memoryless, constant] {
        let policy = gaussian(config.clone());
        let base = policy.frozen_copy().unwrap();
        let (_, batch) = drawn(&policy, 1, 60, &mut rng(0));
        let matching = AdjointMatching { lambda: 1.5 };
        train(&policy, (250, 0.05), |_| matching.loss(&policy, &base, &batch, &identity).unwrap());
        let exact = mean_of(&base) + 1.5 * variance_of_steps(&config);
        let found = mean_of(&policy);
        assert!((found - exact).abs() < 2e-3, "{:?}: {found}, not {exact}", config.noise);
    }
}

/// The constants of arXiv 2409.08861's point, computed apart: N(0.7, 0.5^2), lambda = 1.5.
#[test]
fn only_the_memoryless_process_ends_in_the_tilted_policy() {
    let limit = |noise: ChainNoise, order: f64| {
        let target = |steps| MEAN + 1.5 * variance_of_steps(&SamplerConfig { noise, ..sampler(steps, 1.0) });
        // Richardson's extrapolation; noise of constant size converges with the root of the step.
        let (coarse, fine) = (target(5_000), target(20_000));
        fine + (fine - coarse) / (4f64.powf(order) - 1.0)
    };
    assert!((limit(ChainNoise::Eta(1.0), 1.0) - 1.0750).abs() < 1e-4);
    assert!((limit(ChainNoise::Constant(1.0), 0.5) - 1.0588).abs() < 5e-4);
    assert!((limit(ChainNoise::Eta(0.0), 1.0) - 0.7).abs() < 1e-6);
}

/// The zero of PRDP's regression is the tilted policy, whatever drew the chains.
#[test]
fn prdp_reaches_the_tilted_policy() {
    let config = sampler(12, 1.0);
    let policy = gaussian(config.clone());
    let reference = policy.frozen_copy().unwrap();
    let mut generator = rng(1);
    let prdp = RelativeReward::prdp(0.5, 10.0);
    train(&policy, (400, 0.05), |_| {
        let (chain, batch) = drawn(&policy, 32, 12, &mut generator);
        let candidates = batch.candidates(&policy, &reference, chain.chunks(), 2).unwrap();
        prdp.loss(&candidates).unwrap()
    });
    // beta = 0.5 is lambda = 2; the last step is certain and the reward linear, so the fit is perfect.
    let exact = MEAN + 2.0 * variance_of_steps(&config);
    let found = mean_of(&policy);
    assert!((found - exact).abs() < 0.05, "{found}, not {exact}");
}

/// Reward x and KL weight beta: the optimum of DPOK is the same tilted policy.
#[test]
fn dpok_balances_reward_and_divergence() {
    let config = sampler(8, 1.0);
    let policy = gaussian(config.clone());
    let reference = policy.frozen_copy().unwrap();
    let mut generator = rng(2);
    let dpok = Dpok { beta: 1.0, clip: 0.2 };
    train(&policy, (400, 0.05), |_| {
        let (chain, batch) = drawn(&policy, 256, 8, &mut generator);
        let (mean, _) = mean_and_variance(chain.chunks());
        let advantages: Vec<f32> = chain.chunks().iter().map(|x| x - mean as f32).collect();
        dpok.loss(&policy, &reference, &batch, &Tensor::new(advantages, &Device::Cpu).unwrap()).unwrap()
    });
    let exact = MEAN + variance_of_steps(&config);
    let found = mean_of(&policy);
    assert!((found - exact).abs() < 0.06, "{found}, not {exact}");
}

/// At the policy that drew the chains the gradient of DPPO's loss is the discounted policy gradient.
#[test]
fn dppos_gradient_is_the_discounted_policy_gradient() {
    let policy = gaussian(SamplerConfig { min_std: 0.1, min_log_prob_std: 0.1, ..sampler(6, 1.0) });
    let (rows, count) = (64, 4);
    let (chain, batch) = drawn(&policy, rows, count, &mut rng(3));
    let advantages: Vec<f32> = chain.chunks().iter().map(|x| x - 0.7).collect();
    let dppo = Dppo { gamma_denoise: 0.5, ..Dppo::default() };
    let tensor = Tensor::new(advantages.clone(), &Device::Cpu).unwrap();
    let loss = dppo.loss(&policy, &batch, &tensor).unwrap();
    let shifts = policy.denoiser().named()[0].1.clone();
    let found = loss.backward().unwrap().get(shifts.as_tensor()).unwrap().to_vec1::<f32>().unwrap();
    for (step, found) in found.iter().enumerate() {
        let numbers = policy.steps()[step];
        let slope = numbers.mean_of_x0 * numbers.x0_of_prediction;
        let mean = |x: f32, row: usize| {
            let obs = Tensor::new(&[[0.0f32]], &Device::Cpu).unwrap();
            let x = Tensor::new(&[[x]], &Device::Cpu).unwrap();
            let mean = policy.step_mean(&obs, &x, &[step]).unwrap().flatten_all().unwrap();
            (mean.to_vec1::<f32>().unwrap()[0], row)
        };
        let gradient: f32 = if step < 2 {
            0.0
        } else {
            let terms = chain.latent(step).iter().zip(chain.latent(step + 1)).enumerate();
            let sum: f32 = terms
                .map(|(row, (x, next))| {
                    let (mean, row) = mean(*x, row);
                    advantages[row] * (next - mean) / policy.log_prob_std(step).powi(2) * slope
                })
                .sum();
            -sum * 0.5f32.powi(5 - step as i32) / (rows * count) as f32
        };
        assert!((found - gradient).abs() < 1e-3 * (1.0 + gradient.abs()), "{step}: {found} {gradient}");
    }
    assert_eq!((dppo.clip_of(3, 4), dppo.clip_of(0, 4)), (0.01, 0.001));
}

#[test]
fn d3po_follows_preferences_and_stops_at_its_clip() {
    let policy = gaussian(sampler(6, 1.0));
    let reference = policy.frozen_copy().unwrap();
    let mut generator = rng(4);
    let d3po = D3po::default();
    let before = mean_of(&policy);
    train(&policy, (200, 0.02), |_| {
        let (chain, _) = drawn(&policy, 128, 6, &mut generator);
        let sorted = sort_pairs(&chain);
        let batch = ChainBatch::new(&sorted, &[0.0; 128], 6, &Device::Cpu).unwrap();
        d3po.loss(&policy, &reference, &batch).unwrap()
    });
    assert!(mean_of(&policy) > before + 0.02, "{} after {before}", mean_of(&policy));

    // Everything beyond the range is worth the same and moves nothing.
    let far = gaussian(sampler(6, 1.0));
    let shifts = far.denoiser().named()[0].1.clone();
    shifts.set(&Tensor::new(&[50.0f32; 6], &Device::Cpu).unwrap()).unwrap();
    let (_, batch) = drawn(&reference, 8, 5, &mut rng(5));
    let batch = ChainBatch { count: 1, steps: batch.steps[..8].to_vec(), ..narrowed(&batch, 8) };
    let loss = d3po.loss(&far, &reference, &batch).unwrap();
    let gradient = loss.backward().unwrap().get(shifts.as_tensor()).map(|g| g.to_vec1::<f32>().unwrap());
    assert!(gradient.is_none_or(|gradient| gradient.iter().all(|g| *g == 0.0)));
}

/// The first `rows` transitions.
fn narrowed(batch: &ChainBatch, rows: usize) -> ChainBatch {
    let first = |column: &Tensor| column.narrow(0, 0, rows).unwrap();
    ChainBatch {
        obs: first(&batch.obs),
        x: first(&batch.x),
        next: first(&batch.next),
        behaviour: batch.behaviour.narrow(0, 0, 1).unwrap(),
        ..batch.clone()
    }
}

/// Swaps neighbouring rows so that the greater chunk comes first.
fn sort_pairs(chain: &Chain) -> Chain {
    let mut sorted = chain.clone();
    for pair in (0..chain.rows).step_by(2) {
        if chain.chunks()[pair] < chain.chunks()[pair + 1] {
            for step in 0..=chain.steps {
                sorted.latents.swap(step * chain.rows + pair, step * chain.rows + pair + 1);
            }
            for step in 0..chain.steps {
                sorted.log_probs.swap(step * chain.rows + pair, step * chain.rows + pair + 1);
            }
        }
    }
    sorted
}

/// d chunk / d shift is a product of slopes; the reward's gradient reaches the last steps only.
#[test]
fn reward_gradients_are_cut_off_where_they_should() {
    let policy = gaussian(sampler(5, 0.5));
    let (_, batch) = drawn(&policy, 7, 3, &mut rng(6));
    let loss = RewardGradient::default().loss(&policy, &batch, &identity).unwrap();
    let shifts = policy.denoiser().named()[0].1.clone();
    let found = loss.backward().unwrap().get(shifts.as_tensor()).unwrap().to_vec1::<f32>().unwrap();
    let flow = GaussianFlow::new(MEAN, STD, 1);
    let mut onward = -1.0f64;
    for step in (0..5).rev() {
        let numbers = policy.steps()[step];
        let own = f64::from(numbers.mean_of_x0 * numbers.x0_of_prediction);
        let exact = if step < 2 { 0.0 } else { onward * own };
        assert!((f64::from(found[step]) - exact).abs() < 1e-5, "{step}: {} not {exact}", found[step]);
        let slope = flow.regression(step as f64 / 5.0).0;
        onward *= f64::from(numbers.mean_of_sample) + f64::from(numbers.mean_of_x0) * slope;
    }

    let capped = RewardGradient { target: Some(-100.0) }.loss(&policy, &batch, &identity).unwrap();
    let gradient = capped.backward().unwrap().get(shifts.as_tensor()).map(|g| g.to_vec1::<f32>().unwrap());
    assert!(gradient.is_none_or(|gradient| gradient.iter().all(|g| *g == 0.0)));
}

/// Chunks of the reference, the greater ones preferred: Flow-DPO moves up, and at equal policies its loss
/// is log 2.
#[test]
fn flow_dpo_moves_towards_what_is_preferred() {
    let policy = gaussian(sampler(10, 0.0));
    let reference = policy.frozen_copy().unwrap();
    let mut generator = rng(7);
    let mut first = None;
    train(&policy, (200, 0.02), |_| {
        let (chain, _) = drawn(&reference, 256, 10, &mut generator);
        let column = |pick: fn(f32, f32) -> f32| {
            let values: Vec<f32> =
                chain.chunks().chunks_exact(2).map(|pair| pick(pair[0], pair[1])).collect();
            Tensor::from_vec(values, (128, 1), &Device::Cpu).unwrap()
        };
        let obs = Tensor::zeros((128, 1), telos_nn::DType::F32, &Device::Cpu).unwrap();
        let draw = NoiseDraw::new(&mut generator, 128, 1, &Device::Cpu).unwrap();
        let (better, worse) = (column(f32::max), column(f32::min));
        let loss = DenoisingDpo::default().loss(&policy, &reference, &obs, &better, &worse, &draw).unwrap();
        first.get_or_insert(loss.to_scalar::<f32>().unwrap());
        loss
    });
    assert!((first.unwrap() - std::f32::consts::LN_2).abs() < 1e-6);
    assert!(mean_of(&policy) > MEAN + 0.05, "{}", mean_of(&policy));
}

/// With a shift alone to learn, reward-weighted regression matches the mean of the tilted data.
#[test]
fn reward_weighted_regression_reaches_the_tilted_mean() {
    let policy = gaussian(sampler(10, 0.0));
    let reference = policy.frozen_copy().unwrap();
    let mut generator = rng(8);
    train(&policy, (600, 0.05), |_| {
        let (chain, _) = drawn(&reference, 512, 10, &mut generator);
        let chunks = Tensor::from_slice(chain.chunks(), (512, 1), &Device::Cpu).unwrap();
        let obs = chunks.zeros_like().unwrap();
        let draw = NoiseDraw::new(&mut generator, 512, 1, &Device::Cpu).unwrap();
        let rewards = chunks.squeeze(1).unwrap();
        RewardWeighted { beta: 1.0 }.loss(&policy, &obs, &chunks, &rewards, &draw).unwrap()
    });
    // The reference's own chunks, of its ten Euler steps, have a variance a little off 0.25.
    let (mean, found) = (MEAN + STD * STD, mean_of(&policy));
    assert!((found - mean).abs() < 0.05, "{found}, not {mean}");
}

/// Against demonstrations around another mean, a round of self-play moves the policy there.
#[test]
fn self_play_moves_towards_the_demonstrations() {
    let policy = gaussian(sampler(10, 0.0));
    let mut spin = Spin::new(DenoisingDpo { beta: 5.0 }, &policy).unwrap();
    let mut generator = rng(9);
    let demonstrator = FlowPolicy::new(GaussianFlow::new(1.0, STD, 1), sampler(10, 0.0)).unwrap();
    for _ in 0..2 {
        train(&policy, (100, 0.02), |_| {
            let (chain, _) = drawn(&demonstrator, 128, 10, &mut generator);
            spin.loss(&policy, &[0.0; 128], chain.chunks(), &mut generator).unwrap()
        });
        spin.next_round(&policy).unwrap();
    }
    let (before, after) = (0.3, (mean_of(&policy) - 1.0).abs());
    assert!(after < 0.5 * before, "{after} from the demonstrator, {before} at first");
}

/// Reward x = m + s eps under a KL weight beta: the best Gaussian over the noise is N(s / beta, 1).
#[test]
fn a_noise_actor_finds_the_best_start() {
    let policy = gaussian(sampler(10, 0.0));
    let mut generator = rng(10);
    let config = NoiseActorConfig { hidden: vec![8], clip: 0.2, beta: 0.5 };
    let actor = NoiseActor::new(&config, policy.shape(), &mut generator, &Device::Cpu).unwrap();
    let mut adam = Adam::new(&actor, AdamConfig { lr: 0.01, ..AdamConfig::default() }).unwrap();
    let (obs, mut chain) = ([1.0; 256], Chain::default());
    let (updates, mut starts) = (400, Vec::new());
    for update in 0..updates {
        adam.set_lr(0.01 * (1.0 - f64::from(update) / f64::from(updates)));
        let behaviour = actor.draw(&obs, &mut generator, chain.begin(256, 1, 10)).unwrap();
        (0..10).for_each(|step| policy.take_step(step, &obs, None, &mut chain).unwrap());
        starts = chain.latent(0).to_vec();
        let (mean, _) = mean_and_variance(chain.chunks());
        let advantages: Vec<f32> = chain.chunks().iter().map(|x| x - mean as f32).collect();
        let column = |values: &[f32]| Tensor::from_slice(values, (256, 1), &Device::Cpu).unwrap();
        let advantages = Tensor::new(advantages, &Device::Cpu).unwrap();
        let loss = actor.loss(&column(&obs), &column(&starts), &behaviour, &advantages).unwrap();
        adam.backward_step(&loss).unwrap();
    }
    let at = |noise: f32| {
        let mut chain = Chain::default();
        chain.begin(1, 1, 10)[0] = noise;
        (0..10).for_each(|step| policy.take_step(step, &[1.0], None, &mut chain).unwrap());
        f64::from(chain.chunks()[0])
    };
    let (found, exact) = (mean_and_variance(&starts), (at(1.0) - at(0.0)) / 0.5);
    assert!((found.0 - exact).abs() < 0.2 && (found.1 - 1.0).abs() < 0.3, "{found:?}, not {exact} and 1");
}
