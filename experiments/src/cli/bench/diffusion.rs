//! Drawing chunks of actions by denoising, and learning to, at the sizes of a manipulation task.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    AgentError,
    generative::{
        Chain, ChainNoise, ChunkPolicy, DenoiserKind, GenerativeConfig, GenerativePolicy, MlpDenoiserConfig,
        NoiseDraw, SamplerConfig,
    },
};
use telos_envs::{BoxSpace, EnvSpec};
use telos_nn::{Adam, AdamConfig, Device, NnError, Parameters, Tensor, gaussian};

use super::measurement::{Measurement, medians};
use crate::TelosError;

/// Draws per round for each update of a round, for one environment and for many.
const DRAWS: (usize, usize) = (10, 1);
/// Environments that act together.
const MANY: usize = 64;

/// A network and what a round of it is.
struct Case {
    name: &'static str,
    config: GenerativeConfig,
    /// Chunks of an update.
    batch: usize,
    /// Updates of a round.
    updates: usize,
}

fn cases() -> [Case; 4] {
    let sampler = SamplerConfig { steps: 4, noise: ChainNoise::Eta(0.0), ..SamplerConfig::default() };
    let config = |denoiser: DenoiserKind, width: usize| GenerativeConfig {
        denoiser,
        mlp: MlpDenoiserConfig { hidden: vec![width; 3], ..MlpDenoiserConfig::default() },
        sampler: sampler.clone(),
        ..GenerativeConfig::default()
    };
    let case = |name, config, batch, updates| Case { name, config, batch, updates };
    [
        case("mlp 3x256", config(DenoiserKind::Mlp, 256), 256, 20),
        case("mlp 3x1024", config(DenoiserKind::Mlp, 1024), 1024, 2),
        case("unet 64-128-256", config(DenoiserKind::Unet, 256), 256, 2),
        case("transformer 4x128", config(DenoiserKind::Transformer, 256), 256, 2),
    ]
}

/// Of each network: chunks per second of training (noise prediction, Adam), the time to draw one chunk of 16
/// actions of four components by four DDIM steps for one environment, and for 64 together.
pub(super) fn measure(rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let mut all = Vec::new();
    for case in cases() {
        all.extend(of(&case, rounds)?);
    }
    Ok(all)
}

fn of(case: &Case, rounds: u32) -> Result<Vec<Measurement>, TelosError> {
    let spec = manipulation_sized();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let policy = case.config.build(&spec, &mut rng, &Device::Cpu)?;
    let mut failure: Option<AgentError> = None;
    let mut keep = |result: Result<(), AgentError>| failure = failure.take().or(result.err());

    let mut update = updater(case, &policy, &spec)?;
    let [update] = medians(rounds, [&mut || (0..case.updates).for_each(|_| keep(update()))]);
    // Acting goes by weights that do not learn, as those of a trained policy.
    let acting = policy.frozen_copy().map_err(AgentError::from)?;
    let mut chain = Chain::default();
    let [one, many] = [(1, DRAWS.0), (MANY, DRAWS.1)].map(|(rows, draws)| {
        let (obs, draws) = (vec![0.1; rows * spec.observation.size()], draws * case.updates);
        let mut draw = || keep(acting.sample_chain(&obs, rows, &mut rng, &mut chain));
        let [time] = medians(rounds, [&mut || (0..draws).for_each(|_| draw())]);
        time.as_secs_f64() / draws as f64
    });
    if let Some(error) = failure {
        return Err(error.into());
    }
    let count: usize = policy.named().iter().map(|(_, var)| var.elem_count()).sum();
    let samples = (case.batch * case.updates) as f64 / update.as_secs_f64();
    let figure =
        |what: &str, value: f64, unit| Measurement::new(format!("{}, {what}", case.name), value, unit);
    Ok(vec![
        figure("parameters", count as f64, ""),
        figure(&format!("training, batches of {}", case.batch), samples, "samples/s"),
        figure("chunk for 1 environment", one * 1e6, "us"),
        figure("chunk for 1 environment", 1.0 / one, "Hz"),
        figure("chunks for 64 environments", many * 1e6, "us"),
    ])
}

/// One gradient step of `policy` on numbers that stay the same, with fresh noise.
fn updater<'a>(
    case: &Case,
    policy: &'a ChunkPolicy,
    spec: &EnvSpec,
) -> Result<impl FnMut() -> Result<(), AgentError> + 'a, AgentError> {
    let (rows, shape) = (case.batch, policy.shape());
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut adam = Adam::new(policy, AdamConfig::default())?;
    let mut column = |width: usize| -> Result<Tensor, NnError> {
        let mut values = vec![0.0; rows * width];
        gaussian::standard_normal(&mut rng, &mut values);
        Ok(Tensor::from_vec(values, (rows, width), &Device::Cpu)?)
    };
    let (obs, chunks) = (column(spec.observation.size())?, column(shape.width())?);
    Ok(move || {
        let draw = NoiseDraw::new(&mut rng, rows, shape.width(), &Device::Cpu)?;
        let loss = policy.one_step_loss(&obs, &chunks, &draw)?.mean_all().map_err(NnError::from)?;
        adam.backward_step(&loss)?;
        Ok(())
    })
}

/// Twenty observations and four components of an action.
fn manipulation_sized() -> EnvSpec {
    EnvSpec {
        id: "bench".into(),
        task: "Numbers of the size of a manipulation task's.".into(),
        observation: BoxSpace::unbounded(20),
        action: BoxSpace::uniform(4, -1.0, 1.0),
        dt: 0.1,
        horizon: 200,
        factors: Vec::new(),
        can_terminate: false,
        goal: None,
    }
}
