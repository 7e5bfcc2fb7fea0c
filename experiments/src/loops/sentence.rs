//! A sentence as the reward of a loop: the environments take pictures, a model of pictures and sentences
//! sees those of one step together.

use std::{any::Any, fmt, sync::Arc};

use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{Env, EnvError, Photographed, VecEnv};
use telos_nn::Device;
use telos_rewards::vision::{Frames, SentenceConfig, SentenceReward};

use crate::{TelosError, config::Config};

/// Pictures of random behaviour that rewards are standardised on: of 16 environments, so many of each,
/// this many steps apart.
const ENVS: usize = 16;
const PICTURES: usize = 16;
const STRIDE: usize = 4;
/// Their seed: one experiment has one reward, whatever the seed of a run.
const SEED: u64 = 0x7e_105;

/// What `[reward.sentence]` says, with its model.
pub struct SentenceTask {
    config: SentenceConfig,
    reward: SentenceReward,
}

impl SentenceTask {
    /// Opens the model and finds the scale of rewards; `None` where the reward is no sentence.
    ///
    /// # Errors
    /// When the model's files are missing or wrong, it cannot read the sentences, or the environment
    /// cannot be drawn.
    pub(super) fn open(config: &Config, device: &Device) -> Result<Option<Arc<Self>>, TelosError> {
        let Some(sentence) = &config.reward.sentence else { return Ok(None) };
        let mut task = Self { reward: SentenceReward::new(sentence, device)?, config: sentence.clone() };
        if sentence.standardise {
            task.standardise(config)?;
        }
        Ok(Some(Arc::new(task)))
    }

    /// An environment that takes the pictures.
    pub(super) fn wrap(&self, env: Box<dyn Env>) -> Result<Box<dyn Env>, EnvError> {
        let SentenceConfig { view, every, .. } = self.config;
        Ok(Box::new(Photographed::new(env, self.reward.side(), view, every)?))
    }

    fn standardise(&mut self, config: &Config) -> Result<(), TelosError> {
        let mut envs = VecEnv::new(ENVS, 1, SEED, |_| self.wrap(config.env.make()?))?;
        envs.reset();
        let mut policy = RandomPolicy::new(envs.spec(), SEED)?;
        let mut actions = vec![0.0; ENVS * envs.spec().action.size()];
        let mut rgb = Vec::new();
        for step in 0..PICTURES * STRIDE {
            policy.act(&envs.batch().obs, ENVS, ActMode::Sample, &mut actions)?;
            envs.step(&actions);
            if step.is_multiple_of(STRIDE) {
                (0..ENVS).filter_map(|i| picture(&envs, i)).for_each(|picture| rgb.extend(picture));
            }
        }
        Ok(self.reward.standardise(Frames::new(self.reward.side(), &rgb)?)?)
    }
}

impl fmt::Debug for SentenceTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentenceTask").field("config", &self.config).finish_non_exhaustive()
    }
}

/// One environment of a configuration, with a camera where there is a sentence.
pub(super) fn wrapped(config: &Config, sentence: Option<&SentenceTask>) -> Result<Box<dyn Env>, EnvError> {
    match sentence {
        Some(sentence) => sentence.wrap(config.env.make()?),
        None => config.env.make(),
    }
}

/// The picture that environment `i` took in the last step, if it did.
fn picture(envs: &VecEnv, i: usize) -> Option<&[u8]> {
    let env: &dyn Any = envs.env(i);
    env.downcast_ref::<Photographed<Box<dyn Env>>>()?.picture()
}

/// The rewards of environments that [`SentenceTask::wrap`] made.
pub(super) struct SentenceColumn {
    task: Arc<SentenceTask>,
    /// `[envs]`: the reward of each one's last picture.
    rewards: Vec<f32>,
    /// Environments that took a picture, and the pictures.
    seen: Vec<usize>,
    rgb: Vec<u8>,
}

impl SentenceColumn {
    /// For `n` environments.
    pub(super) fn new(task: Arc<SentenceTask>, n: usize) -> Self {
        Self { task, rewards: vec![0.0; n], seen: Vec::new(), rgb: Vec::new() }
    }

    pub(super) fn task(&self) -> &Arc<SentenceTask> {
        &self.task
    }

    /// The rewards `[envs]` of the last step.
    pub(super) fn of(&mut self, envs: &VecEnv) -> Result<&[f32], TelosError> {
        self.seen.clear();
        self.rgb.clear();
        for i in 0..envs.len() {
            if let Some(picture) = picture(envs, i) {
                self.seen.push(i);
                self.rgb.extend_from_slice(picture);
            }
        }
        if !self.seen.is_empty() {
            let reward = &self.task.reward;
            let rewards = reward.rewards(Frames::new(reward.side(), &self.rgb)?)?;
            self.seen.iter().zip(rewards).for_each(|(&i, reward)| self.rewards[i] = reward);
        }
        Ok(&self.rewards)
    }
}

impl Checkpoint for SentenceColumn {
    fn save(&self, out: &mut Writer) {
        out.f32s("rewards", &self.rewards);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.f32s("rewards", &mut self.rewards)
    }
}
