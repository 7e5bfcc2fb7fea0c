//! Drawing a chunk of actions, and learning to, at the sizes of a manipulation task.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    AgentError,
    generative::{
        Chain, ChainNoise, ChunkShape, FlowPolicy, GenerativePolicy, MlpDenoiser, MlpDenoiserConfig,
        NoiseDraw, SamplerConfig,
    },
};
use telos_nn::{Adam, AdamConfig, DType, Device, Tensor};

use super::measurement::{Measurement, medians};
use crate::TelosError;

const SHAPE: ChunkShape = ChunkShape { obs: 20, horizon: 8, act: 4 };
/// Chunks drawn per round.
const DRAWS: usize = 200;
/// Updates per round.
const UPDATES: usize = 10;
/// Chunks of an update.
const BATCH: usize = 256;

/// Time to draw one chunk (four denoising steps, three layers of 256 units, 20 observations, eight actions of
/// four components) for one environment and for 64, and of one update of behaviour cloning on 256 chunks.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let denoiser = MlpDenoiser::new(&MlpDenoiserConfig::default(), SHAPE, &mut rng, &Device::Cpu)?;
    let sampler = SamplerConfig { steps: 4, noise: ChainNoise::Eta(0.0), ..SamplerConfig::default() };
    let policy = FlowPolicy::new(denoiser, sampler)?;
    let mut failure: Option<AgentError> = None;
    let mut keep = |result: Result<(), AgentError>| failure = failure.take().or(result.err());

    let mut chain = Chain::default();
    let [one, many] = [1, 64].map(|rows| {
        let obs = vec![0.1; rows * SHAPE.obs];
        let [time] = medians(
            rounds,
            [&mut || {
                for _ in 0..DRAWS {
                    keep(policy.sample_chain(&obs, rows, &mut rng, &mut chain));
                }
            }],
        );
        time
    });
    let mut adam = Adam::new(&policy, AdamConfig::default()).map_err(AgentError::from)?;
    let mut update = || -> Result<(), AgentError> {
        let zeros = |width: usize| Tensor::zeros((BATCH, width), DType::F32, &Device::Cpu);
        let obs = zeros(SHAPE.obs).map_err(telos_nn::NnError::from)?;
        let chunks = zeros(SHAPE.width()).map_err(telos_nn::NnError::from)?;
        let draw = NoiseDraw::new(&mut rng, BATCH, SHAPE.width(), &Device::Cpu)?;
        let loss = policy.one_step_loss(&obs, &chunks, &draw)?.mean_all().map_err(telos_nn::NnError::from)?;
        adam.backward_step(&loss)?;
        Ok(())
    };
    let [update] = medians(rounds, [&mut || (0..UPDATES).for_each(|_| keep(update()))]);
    if let Some(error) = failure {
        return Err(error.into());
    }
    let microseconds = |time: std::time::Duration, count: usize| time.as_secs_f64() * 1e6 / count as f64;
    Ok(vec![
        Measurement::new("four-step chunk, 1 environment", microseconds(one, DRAWS), "us"),
        Measurement::new("four-step chunk, 64 environments", microseconds(many, DRAWS), "us"),
        Measurement::new("flow matching update, 256 chunks", microseconds(update, UPDATES), "us"),
    ])
}
