//! Median times of what a learner does most, as JSON lines: one full SAC update, policy forwards, and the
//! convolutional encoder of DrQ, forward and with its gradients, beside the same out of candle's convolutions.
//! `experiments/peers/torch_sac_update.py`, `torch_policy_forward.py` and `torch_pixel_encoder.py` do the same
//! in PyTorch.
//!
//! `cargo bench -p telos-nn --bench learner_ops -- [rounds]`

use std::{error::Error, io::Write, time::Instant};

use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
use telos_nn::{
    Activation, Adam, AdamConfig, Device, Mlp, MlpConfig, MlpEnsemble, NnError, Parameter, Parameters,
    PixelEncoder, PixelEncoderConfig, SquashedGaussian, Tensor, Var, gaussian, weights,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OBSERVATION: usize = 17;
const ACTION: usize = 6;
const BATCH: usize = 256;
const ENVIRONMENTS: usize = 64;

/// The networks and optimisers of SAC on a fixed batch.
struct SacUpdate {
    rng: Xoshiro256PlusPlus,
    law: SquashedGaussian,
    actor: Mlp,
    critics: MlpEnsemble,
    targets: MlpEnsemble,
    log_alpha: Parameter,
    actor_adam: Adam,
    critic_adam: Adam,
    alpha_adam: Adam,
    obs: Vec<f32>,
    next_obs: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
}

impl SacUpdate {
    fn new() -> Result<Self, Box<dyn Error>> {
        let device = Device::Cpu;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let actor_config = MlpConfig { inputs: OBSERVATION, outputs: 2 * ACTION, ..Default::default() };
        let critic_config = MlpConfig { inputs: OBSERVATION + ACTION, ..Default::default() };
        let actor = Mlp::new("actor", &actor_config, &mut rng, &device)?;
        let critics = MlpEnsemble::new("critics", 2, &critic_config, &mut rng, &device)?;
        let log_alpha = Parameter::new("log_alpha", &[1], vec![0.0], &device)?;
        let mut normals = |n: usize| {
            let mut values = vec![0.0; n];
            gaussian::standard_normal(&mut rng, &mut values);
            values
        };
        Ok(Self {
            obs: normals(BATCH * OBSERVATION),
            next_obs: normals(BATCH * OBSERVATION),
            actions: normals(BATCH * ACTION).into_iter().map(f32::tanh).collect(),
            rewards: normals(BATCH),
            law: SquashedGaussian { log_std_min: -5.0, log_std_max: 2.0 },
            targets: critics.deep_clone()?,
            actor_adam: Adam::new(&actor, AdamConfig::default())?,
            critic_adam: Adam::new(&critics, AdamConfig::default())?,
            alpha_adam: Adam::new(&log_alpha, AdamConfig::default())?,
            rng,
            actor,
            critics,
            log_alpha,
        })
    }

    fn noise(&mut self) -> Result<Tensor, Box<dyn Error>> {
        let mut values = vec![0.0; BATCH * ACTION];
        gaussian::standard_normal(&mut self.rng, &mut values);
        Ok(Tensor::from_vec(values, (BATCH, ACTION), &Device::Cpu)?)
    }

    fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let obs = Tensor::from_slice(&self.obs, (BATCH, OBSERVATION), &Device::Cpu)?;
        let next_obs = Tensor::from_slice(&self.next_obs, (BATCH, OBSERVATION), &Device::Cpu)?;
        let actions = Tensor::from_slice(&self.actions, (BATCH, ACTION), &Device::Cpu)?;
        let rewards = Tensor::from_slice(&self.rewards, BATCH, &Device::Cpu)?;
        let alpha = f64::from(self.log_alpha.var().as_detached_tensor().exp()?.to_vec1::<f32>()?[0]);

        let noise = self.noise()?;
        let (next_actions, next_log_prob) =
            self.law.sample(&self.actor.forward_frozen(&next_obs)?, &noise)?;
        let next_q =
            self.targets.forward_frozen(&Tensor::cat(&[&next_obs, &next_actions], 1)?)?.min(0)?.squeeze(1)?;
        let value = (next_q - next_log_prob.affine(alpha, 0.0)?)?;
        let y = (rewards + value.affine(0.99, 0.0)?)?.reshape((1, BATCH, 1))?;
        let q = self.critics.forward(&Tensor::cat(&[&obs, &actions], 1)?)?;
        self.critic_adam.backward_step(&q.broadcast_sub(&y)?.sqr()?.mean_all()?)?;

        let noise = self.noise()?;
        let (new_actions, log_prob) = self.law.sample(&self.actor.forward(&obs)?, &noise)?;
        let q = self.critics.forward_frozen(&Tensor::cat(&[&obs, &new_actions], 1)?)?.min(0)?.squeeze(1)?;
        self.actor_adam.backward_step(&(log_prob.affine(alpha, 0.0)? - q)?.mean_all()?)?;

        let surplus = -f64::from(log_prob.detach().mean_all()?.to_scalar::<f32>()?) + ACTION as f64;
        self.alpha_adam.backward_step(&self.log_alpha.var().exp()?.affine(surplus, 0.0)?.sum_all()?)?;
        Ok(weights::polyak(&self.targets, &self.critics, 0.005)?)
    }
}

/// Pictures of a batch of DrQ, and their channels: stacks of three.
const PICTURES: usize = 128;
const CHANNELS: usize = 9;

/// The convolutions of an encoder out of candle's own operations, which want channels first.
fn candle_convolutions(x: &Tensor, kernels: &[(Var, Var)]) -> Result<Tensor, NnError> {
    let mut hidden = x.clone();
    for (i, (kernel, bias)) in kernels.iter().enumerate() {
        let stride = if i == 0 { 2 } else { 1 };
        hidden = hidden.conv2d(kernel, 0, stride, 1, 1)?.broadcast_add(bias)?.relu()?;
    }
    Ok(hidden)
}

fn encoders(rounds: usize, side: usize, filters: &[usize]) -> Result<(), Box<dyn Error>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let config = PixelEncoderConfig { channels: filters.to_vec(), features: 50 };
    let encoder = PixelEncoder::new("encoder", &config, (side, CHANNELS), &mut rng, &Device::Cpu)?;
    let mut values = vec![0.0; PICTURES * side * side * CHANNELS];
    gaussian::standard_normal(&mut rng, &mut values);
    let x = Tensor::from_vec(values, (PICTURES, side, side, CHANNELS), &Device::Cpu)?;
    let name = |what: &str| format!("{what}_{side}px_{}x{}", filters.len(), filters[0]);
    report(&name("pixel_encoder_forward"), rounds, || Ok(encoder.forward_frozen(&x).map(drop)?))?;
    report(&name("pixel_encoder_gradients"), rounds, || {
        let gradients = encoder.forward(&x)?.sqr()?.sum_all()?.backward()?;
        assert!(encoder.named().iter().all(|(_, var)| gradients.get(var).is_some()));
        Ok(())
    })
}

/// The convolutions of [`encoders`] by candle alone, in a few rounds, since they are slow.
fn candle_encoder(rounds: usize, side: usize, filters: &[usize]) -> Result<(), Box<dyn Error>> {
    let first = Tensor::randn(0f32, 1.0, (PICTURES, CHANNELS, side, side), &Device::Cpu)?;
    let mut kernels = Vec::new();
    let mut channels = CHANNELS;
    for &count in filters {
        let kernel = Var::randn(0f32, 0.1, (count, channels, 3, 3), &Device::Cpu)?;
        kernels.push((kernel, Var::zeros((1, count, 1, 1), first.dtype(), &Device::Cpu)?));
        channels = count;
    }
    let name = |what: &str| format!("{what}_{side}px_{}x{}", filters.len(), filters[0]);
    report(&name("candle_convolutions_forward"), rounds, || {
        Ok(candle_convolutions(&first, &kernels).map(drop)?)
    })?;
    report(&name("candle_convolutions_gradients"), rounds, || {
        let gradients = candle_convolutions(&first, &kernels)?.sqr()?.sum_all()?.backward()?;
        assert!(kernels.iter().all(|(kernel, _)| gradients.get(kernel).is_some()));
        Ok(())
    })
}

fn report(
    name: &str,
    rounds: usize,
    mut work: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..rounds / 10 + 10 {
        work()?;
    }
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    let median = times[rounds / 2];
    Ok(writeln!(std::io::stdout(), r#"{{"name": "{name}", "rounds": {rounds}, "median_us": {median:.2}}}"#)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    telos_nn::threads::keep_on_one_thread();
    // Cargo adds `--bench`; the first number is ours.
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(300);
    let mut sac = SacUpdate::new()?;
    report("sac_update", rounds, || sac.run())?;
    for (hidden, outputs, activation) in
        [(vec![256, 256], 12, Activation::Relu), (vec![64, 64], 6, Activation::Tanh)]
    {
        let name = format!("policy_forward_17-{}-{}-{outputs}", hidden[0], hidden[1]);
        let config = MlpConfig { inputs: OBSERVATION, hidden, outputs, activation, ..Default::default() };
        let policy = Mlp::new("policy", &config, &mut Xoshiro256PlusPlus::seed_from_u64(1), &Device::Cpu)?;
        let input = vec![0.3; ENVIRONMENTS * OBSERVATION];
        let mut output = vec![0.0; ENVIRONMENTS * outputs];
        report(&name, 10 * rounds, || Ok(policy.infer(&input, ENVIRONMENTS, &mut output)?))?;
    }
    encoders(rounds / 10 + 1, 32, &[16; 3])?;
    encoders(rounds / 10 + 1, 84, &[32; 4])?;
    candle_encoder(rounds / 100 + 1, 32, &[16; 3])
}
