//! The model that comes with telos, from pictures that telos draws and captions that it writes.

use std::{collections::BTreeSet, path::Path};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::Device;
use telos_rewards::vision::{
    Clip, Frames,
    clip::{ContrastiveConfig, ContrastiveTraining},
};

use super::{
    caption::{Caption, common_words},
    stage::Stage,
};
use crate::{Interrupt, TelosError};

/// The tasks whose robots the model sees. Of tasks that share robot and camera one is enough.
pub const SEEN: [&str; 13] = [
    "pendulum-swingup",
    "cartpole-swingup",
    "acrobot-swingup",
    "reacher",
    "point-maze-umaze",
    "hopper-stand",
    "walker-stand",
    "cheetah-run",
    "ant-run",
    "humanoid-kneel",
    "arm-reach",
    "arm-lift",
    "arm-drawer-open",
];
/// The robot that it never sees.
pub const HELD_OUT: &str = "quadruped-walk";

/// Robots per batch: the fewer, the harder are its sentences to tell apart.
const ROBOTS: usize = 5;
/// States of each robot that are looked at for words.
const WORD_STATES: usize = 600;
/// Keeps what is drawn for batches and for words apart.
const BATCH_STREAM: u64 = 0x2545_f491_4f6c_dd1d;

/// How to train.
#[derive(Clone, Copy, Debug)]
pub struct VisionTraining {
    /// Sizes, updates and step size.
    pub model: ContrastiveConfig,
    /// Pictures per update.
    pub batch: usize,
    /// Seed of everything.
    pub seed: u64,
}

impl Default for VisionTraining {
    fn default() -> Self {
        Self { model: ContrastiveConfig::default(), batch: 100, seed: 1 }
    }
}

/// Pictures, their captions, and which caption is true of which picture.
pub(super) struct Batch {
    pub(super) rgb: Vec<u8>,
    pub(super) captions: Vec<Caption>,
    /// `[pictures, captions]`.
    pub(super) agree: Vec<bool>,
}

impl Batch {
    /// Draws `count` pictures from the stages in turn, with captions that `wanted` accepts.
    pub(super) fn draw(
        stages: &mut [&mut Stage],
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
        wanted: impl Fn(&Caption) -> bool,
    ) -> Result<Self, TelosError> {
        let (mut rgb, mut captions, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut turn = 0;
        while captions.len() < count {
            let at = turn % stages.len();
            turn += 1;
            stages[at].advance(rng)?;
            let scenery = stages[at].scenery(rng)?;
            // A state whose facts cannot be put as wanted is passed over.
            let Some(caption) = (0..8).map(|_| scenery.describe(rng)).find(&wanted) else { continue };
            stages[at].photograph(&scenery, rng, &mut rgb)?;
            captions.push(caption);
            keys.push(scenery.keys());
        }
        let agree =
            keys.iter().flat_map(|keys| captions.iter().map(|caption| caption.is_true(keys))).collect();
        Ok(Self { rgb, captions, agree })
    }

    pub(super) fn sentences(&self) -> Vec<&str> {
        self.captions.iter().map(|caption| caption.text.as_str()).collect()
    }
}

/// Trains a model on the robots of `ids` and writes it to `out`; `watch` is told the step and the mean
/// loss of the last hundred. `None` when it was interrupted, with nothing written.
///
/// # Errors
/// When a task has no captions, sizes do not fit, or a file cannot be written.
pub fn train_vision(
    config: &VisionTraining,
    ids: &[&str],
    out: &Path,
    interrupt: &Interrupt,
    mut watch: impl FnMut(u64, f32),
) -> Result<Option<Clip>, TelosError> {
    let side = config.model.towers.side;
    let mut stages =
        ids.iter().map(|id| Stage::new(id, side, true)).collect::<Result<Vec<_>, TelosError>>()?;
    let words = words(&mut stages, config.seed)?;
    let mut training = ContrastiveTraining::new(config.model, &words, config.seed, &Device::Cpu)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(config.seed ^ BATCH_STREAM);
    let wanted = |caption: &Caption| {
        !caption.is_held_out() && caption.text.split_whitespace().all(|word| words.contains(word))
    };
    let mut losses = 0.0;
    while training.step() < config.model.steps {
        if interrupt.is_requested() {
            return Ok(None);
        }
        let mut shown = choose(&mut stages, &mut rng);
        let batch = Batch::draw(&mut shown, config.batch, &mut rng, wanted)?;
        losses += training.update(Frames::new(side, &batch.rgb)?, &batch.sentences(), &batch.agree)?;
        if training.step().is_multiple_of(100) {
            watch(training.step(), losses / 100.0);
            losses = 0.0;
        }
    }
    training.write(out)?;
    Ok(Some(training.model()?))
}

/// Every word of the captions of many states.
fn words(stages: &mut [Stage], seed: u64) -> Result<BTreeSet<String>, TelosError> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut words: BTreeSet<String> = common_words().collect();
    for stage in stages {
        for _ in 0..WORD_STATES {
            stage.advance(&mut rng)?;
            words.extend(stage.scenery(&mut rng)?.words().filter(|word| !word.contains('{')));
        }
    }
    Ok(words)
}

/// Some of the stages, each as likely as any.
fn choose<'a>(stages: &'a mut [Stage], rng: &mut Xoshiro256PlusPlus) -> Vec<&'a mut Stage> {
    let mut left = ROBOTS.min(stages.len());
    let mut remaining = stages.len();
    let mut chosen = Vec::with_capacity(left);
    for stage in stages {
        // Selection sampling: the share that is still wanted of what still comes.
        if rng.random_range(0..remaining) < left {
            chosen.push(stage);
            left -= 1;
        }
        remaining -= 1;
    }
    chosen
}
