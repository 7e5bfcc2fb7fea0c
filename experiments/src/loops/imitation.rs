//! Imitation: a generative policy learns to draw the chunks of actions that recorded data holds, and is
//! evaluated in the environment on the way. Every step is one gradient update.

use std::sync::Arc;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActionRange, ObservationNormalizer, Policy, Sight,
    generative::{BehaviourCloning, ChunkActor, ChunkPolicy, ChunkShape, ResidualActions, normalizer_of},
};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer, from_bytes, to_bytes};
use telos_envs::{
    BoxSpace, EnvSpec, PixelsConfig,
    dataset::{ChunkBatch, Chunks, Dataset, DatasetError, Hindsight, Loader},
};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{driver::TrainingLoop, means::RunningMeans, recorded::open, recorded_pictures::RecordedPictures};
use crate::{TelosError, config::Config};

/// Chunks that are drawn ahead by a thread of their own.
const BATCHES_AHEAD: usize = 2;

/// Behaviour cloning with a generative policy.
pub(super) struct Imitation {
    learner: BehaviourCloning<ChunkPolicy>,
    demonstrations: Demonstrations,
    /// What the demonstrators saw, where the policy sees pictures.
    pictures: Option<RecordedPictures>,
    /// Stacks of the present batch.
    stacks: Vec<u8>,
    losses: RunningMeans,
    /// Updates so far, and of the whole run.
    step: u64,
    steps: u64,
}

/// Recorded data, chunk by chunk.
#[derive(Default)]
pub(super) struct Demonstrations {
    /// `None` when the loop is only built to read a checkpoint.
    loader: Option<Loader<Chunks>>,
    /// Content hashes of the columns, for a resumed run to see that it goes on with the same data.
    digest: String,
}

impl Imitation {
    /// The loop before its first step; without the data it cannot learn, only evaluate what a checkpoint
    /// holds.
    pub(super) fn new(config: &Config, with_data: bool, device: &Device) -> Result<Self, TelosError> {
        let spec = config.env.make()?.spec().clone();
        let recorded_in = config.env.without_pixels().make()?;
        let dataset =
            with_data.then(|| open("data.path", &config.data.path, recorded_in.spec())).transpose()?;
        let learner = match &config.env.pixels {
            Some(pixels) => seeing(config, pixels, &spec, device)?,
            None => {
                let normalizer = match &dataset {
                    Some(dataset) if config.data.normalize_observations => normalizer_of(dataset),
                    _ => identity(&spec),
                };
                let residual = config
                    .generative
                    .residual
                    .then(|| residual_of(config, dataset.as_ref(), &normalizer, &spec))
                    .transpose()?;
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(config.seed);
                let learner = cloning_of(config, normalizer, &spec, &mut rng, device)?;
                match residual {
                    Some(residual) => learner.on_residuals(residual),
                    None => learner,
                }
            }
        };
        let pictures = match (&config.env.pixels, &dataset) {
            (Some(pixels), Some(dataset)) => Some(RecordedPictures::take(dataset, &config.env, pixels)?),
            _ => None,
        };
        let (cloning, generative) = (&config.cloning, &config.generative);
        let hindsight = match &spec.goal {
            None if cloning.hindsight > 0.0 => {
                let reason = format!("`cloning.hindsight`: {} asks for no goals; leave it out", spec.id);
                return Err(TelosError::Usage(reason));
            }
            goal => goal.clone().map(|goal| Hindsight {
                goal,
                share: cloning.hindsight,
                window: cloning.hindsight_window,
            }),
        };
        let demonstrations = dataset.map_or_else(Demonstrations::default, |dataset| {
            Demonstrations::new(dataset, (cloning.batch_size, generative.horizon), hindsight, config.seed)
        });
        let losses = RunningMeans::default();
        let stacks = Vec::new();
        Ok(Self { learner, demonstrations, pictures, stacks, losses, step: 0, steps: config.steps })
    }
}

/// A learner that sees what `spec` observes through `normalizer`.
fn cloning_of(
    config: &Config,
    normalizer: ObservationNormalizer,
    spec: &EnvSpec,
    rng: &mut Xoshiro256PlusPlus,
    device: &Device,
) -> Result<BehaviourCloning<ChunkPolicy>, TelosError> {
    let policy = config.generative.build(spec, rng, device)?;
    let (cloning, executed) = (&config.cloning, config.generative.executed);
    Ok(BehaviourCloning::new(cloning, policy, normalizer, executed, spec, config.seed)?)
}

/// A learner that sees pictures.
fn seeing(
    config: &Config,
    pixels: &PixelsConfig,
    spec: &EnvSpec,
    device: &Device,
) -> Result<BehaviourCloning<ChunkPolicy>, TelosError> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(config.seed);
    let observation = BoxSpace::uniform(config.encoder.features, -1.0, 1.0);
    let featured = EnvSpec { observation, ..spec.clone() };
    let learner = cloning_of(config, identity(&featured), &featured, &mut rng, device)?;
    let sight = |name, rng: &mut _| Sight::new(name, &config.encoder, pixels.shape(), rng, device);
    let [learning, averaged] = [sight("encoder", &mut rng)?, sight("encoder", &mut rng)?];
    Ok(learner.learn_to_see(learning, averaged, config.encoder.shift)?)
}

/// What chunks are measured from, as the data say; without them, as a checkpoint will say.
fn residual_of(
    config: &Config,
    dataset: Option<&Dataset>,
    normalizer: &ObservationNormalizer,
    spec: &EnvSpec,
) -> Result<ResidualActions, TelosError> {
    let (obs, act) = (spec.observation.size(), spec.action.size());
    let shape = ChunkShape { obs, horizon: config.generative.horizon, act };
    let range = ActionRange::new(spec)?;
    Ok(match dataset {
        Some(dataset) => ResidualActions::fit(dataset, normalizer, &range, shape),
        None => ResidualActions::identity(shape),
    })
}

/// Leaves observations as they are.
fn identity(spec: &EnvSpec) -> ObservationNormalizer {
    let mut normalizer = ObservationNormalizer::new(spec.observation.size(), f32::INFINITY);
    normalizer.freeze();
    normalizer
}

impl Demonstrations {
    /// Batches of `rows` chunks of `horizon` steps, a share of them with goals in hindsight.
    pub(super) fn new(
        dataset: Dataset,
        (rows, horizon): (usize, usize),
        hindsight: Option<Hindsight>,
        seed: u64,
    ) -> Self {
        let digest = dataset.hashes().map(|(column, hash)| format!("{column} {hash}\n")).collect();
        let mut chunks = Chunks::new(Arc::new(dataset), rows, horizon, seed);
        if let Some(hindsight) = hindsight {
            chunks = chunks.in_hindsight(hindsight);
        }
        Self { loader: Some(Loader::new(chunks, BATCHES_AHEAD)), digest }
    }

    /// The next batch; `None` without the data.
    pub(super) fn next_batch(&mut self) -> Result<Option<&ChunkBatch>, DatasetError> {
        self.loader.as_mut().map(Loader::next_batch).transpose()
    }
}

impl TrainingLoop for Imitation {
    fn step(&self) -> u64 {
        self.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        self.learner.anneal(self.step as f64 / self.steps as f64);
        if let Some(batch) = self.demonstrations.next_batch()? {
            let loss = match &self.pictures {
                Some(pictures) => {
                    pictures.stacks(batch, &mut self.stacks);
                    self.learner.update_from_pictures(batch, &self.stacks)?
                }
                None => self.learner.update(batch)?,
            };
            self.losses.add("learner/loss", loss);
        }
        self.step += 1;
        Ok(())
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        (&mut self.learner, None)
    }

    fn recent_return(&self) -> Option<f64> {
        None
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        self.losses.drain()
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        vec![&self.learner]
    }

    fn generative(&self) -> Option<&ChunkActor<ChunkPolicy>> {
        Some(self.learner.actor())
    }
}

impl Checkpoint for Imitation {
    fn save(&self, out: &mut Writer) {
        out.part("demonstrations", &self.demonstrations);
        out.part("learner", &self.learner);
        out.part("losses", &self.losses);
        out.value("step", &self.step);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("demonstrations", &mut self.demonstrations)?;
        from.part("learner", &mut self.learner)?;
        from.part("losses", &mut self.losses)?;
        self.step = from.value("step")?;
        Ok(())
    }
}

impl Checkpoint for Demonstrations {
    fn save(&self, out: &mut Writer) {
        out.value("digest", &self.digest);
        out.bytes("loader", &self.loader.as_ref().map_or_else(Vec::new, to_bytes));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let digest: String = from.value("digest")?;
        let state = from.bytes("loader")?;
        let Some(loader) = &mut self.loader else { return Ok(()) };
        if digest != self.digest {
            let reason = "the data set has changed since the run began; restore it, or start another run";
            return Err(from.wrong("digest", reason));
        }
        from_bytes(loader, state)
    }
}
