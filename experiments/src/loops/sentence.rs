//! A sentence as the reward of a loop: the environments take pictures, a model of pictures and sentences
//! sees those of one step together.

use std::{any::Any, fmt, sync::Arc};

use telos_agents::{ActMode, Policy, RandomPolicy};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{Env, EnvError, Photographed, VecEnv};
use telos_nn::Device;
use telos_rewards::vision::{Frames, SentenceConfig, SentenceReward};

use crate::{TelosError, config::Config};

/// Pictures of random behaviour that rewards are standardised on: of so many environments, so many of each,
/// spread over an episode, since a robot that begins upright lies for most of one.
const ENVS: usize = 8;
const PICTURES: usize = 32;
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

    /// Whether the model can be opened and reads the sentences, before anything is written.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn check(config: &Config, device: &Device) -> Result<(), TelosError> {
        if let Some(sentence) = &config.reward.sentence {
            SentenceReward::new(sentence, device)?;
        }
        Ok(())
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
        let stride = envs.spec().horizon.div_ceil(PICTURES);
        let (mut rgb, mut taken) = (Vec::new(), [0; ENVS]);
        for step in 0..PICTURES * stride {
            policy.act(&envs.batch().obs, ENVS, ActMode::Sample, &mut actions)?;
            envs.step(&actions);
            for (i, taken) in taken.iter_mut().enumerate().filter(|(_, taken)| **taken * stride <= step) {
                if let Some(picture) = picture(&envs, i) {
                    rgb.extend(picture);
                    *taken += 1;
                }
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

#[cfg(test)]
mod tests {
    use telos_checkpoint::{from_bytes, to_bytes};

    use super::{
        super::{driver::TrainingLoop, on_policy::OnPolicyLoop, online},
        *,
    };

    /// Pictures of every third state, of episodes that end within the test.
    const CONFIG: &str = "
        steps = 4000
        [env]
        id = 'pendulum-swingup'
        count = 3
        action_repeat = 20
        [reward.sentence]
        goal = ['a pendulum standing upright']
        baseline = ['a pendulum']
        projection = 0.5
        every = 3
    ";
    const SAC: &str = "[training]\nlearning_starts = 30\n[sac]\nhidden = [8]\nbatch_size = 8\n";
    const PIXELS: &str = "[env.pixels]\nsize = 16\n[encoder]\nchannels = [4, 4]\nfeatures = 6\n";
    const PPO: &str = "[ppo]\nhidden = [8]\nrollout_steps = 16\nminibatches = 2\n";

    fn advance(training: &mut dyn TrainingLoop, steps: usize) {
        (0..steps).for_each(|_| training.advance().unwrap());
    }

    #[test]
    fn a_resumed_run_goes_on_bit_for_bit_and_no_result_depends_on_threads() {
        let parse = |learner: &str, threads: usize, rest: &str| {
            let head = format!("learner = '{learner}'\n");
            let text = format!(
                "{head}{}{rest}",
                CONFIG.replace("count = 3", &format!("count = 3\nthreads = {threads}"))
            );
            Config::parse("test.toml", &text, &[]).unwrap()
        };
        type Make = fn(&Config) -> Box<dyn TrainingLoop>;
        let sac: Make = |config| online::off_policy(config, &Device::Cpu).unwrap();
        let ppo: Make = |config| Box::new(OnPolicyLoop::new(config, &Device::Cpu).unwrap());
        let seeing = format!("{SAC}{PIXELS}");
        for (make, learner, rest) in [(sac, "sac", SAC), (sac, "sac", &seeing), (ppo, "ppo", PPO)] {
            let one = parse(learner, 1, rest);
            let mut whole = make(&one);
            advance(whole.as_mut(), 17);
            let saved = to_bytes(whole.as_ref());
            let mut resumed = make(&parse(learner, 3, rest));
            from_bytes(resumed.as_mut(), &saved).unwrap();
            advance(whole.as_mut(), 30);
            advance(resumed.as_mut(), 30);
            assert!(to_bytes(whole.as_ref()) == to_bytes(resumed.as_ref()), "{learner}");
        }
    }

    #[test]
    fn between_pictures_the_reward_stays_and_an_episode_ends_with_one() {
        let text = format!("{CONFIG}{SAC}").replace("every = 3", "every = 7");
        let config = Config::parse("test.toml", &text, &[]).unwrap();
        let task = SentenceTask::open(&config, &Device::Cpu).unwrap().unwrap();
        let mut envs = VecEnv::new(1, 1, 3, |_| task.wrap(config.env.make()?)).unwrap();
        envs.reset();
        let mut column = SentenceColumn::new(task, 1);
        let rewards: Vec<f32> = (0..20)
            .map(|_| {
                envs.step(&[1.0]);
                column.of(&envs).unwrap()[0]
            })
            .collect();
        assert!(envs.batch().done(0), "an episode has 20 steps");
        // Pictures at steps 0, 7, 14 and 19.
        let changes: Vec<usize> = (1..20).filter(|&at| rewards[at] != rewards[at - 1]).collect();
        assert_eq!(changes, [7, 14, 19], "{rewards:?}");
    }
}
