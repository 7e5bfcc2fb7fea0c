//! An ensemble of reward networks.

use std::cell::RefCell;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::SegmentView;
use telos_nn::{Activation, Adam, AdamConfig, Device, Init, MlpConfig, MlpEnsemble, Parameters, Var};

use super::{PreferenceData, PreferenceModel, RewardEnsembleConfig, RewardModel, input_scale::InputScale};
use crate::{
    RewardError,
    error::expect_len,
    source::{RewardSource, Transitions},
};

/// Rows that are evaluated together: their activations stay in the processor's cache.
const CHUNK: usize = 512;

thread_local! {
    /// Standardised inputs and the members' rewards of one chunk, so that predicting allocates
    /// nothing once a thread has seen the size.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Reward networks `r(s, a)` in (-1, 1) learned from comparisons (Lee et al. 2021, "PEBBLE", section
/// 4.2, after Christiano et al. 2017): members of one shape with their own initial weights and their
/// own order of batches. The reward is the members' mean.
///
/// Inputs are standardised by their mean and deviation over the answered segments, taken anew at the
/// start of each training session, and limited to 10 deviations.
///
/// As a [`RewardSource`] it rewards the observation before each action and the action.
pub struct RewardEnsemble {
    pub(super) config: RewardEnsembleConfig,
    observation: usize,
    action: usize,
    pub(super) networks: MlpEnsemble,
    pub(super) adam: Adam,
    pub(super) scale: InputScale,
    pub(super) rng: Xoshiro256PlusPlus,
    pub(super) version: u64,
}

impl RewardEnsemble {
    /// An untrained ensemble for observations and actions of the given sizes.
    ///
    /// # Errors
    /// When the configuration is out of range or the device refuses.
    pub fn new(
        config: RewardEnsembleConfig,
        observation: usize,
        action: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, RewardError> {
        config.validate()?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let shape = MlpConfig {
            inputs: observation + action,
            hidden: config.hidden.clone(),
            outputs: 1,
            activation: Activation::LeakyRelu,
            output_activation: Activation::Tanh,
            layer_norm: false,
            init: Init::FanIn,
        };
        let networks = MlpEnsemble::new("reward", config.members, &shape, &mut rng, device)?;
        let adam = Adam::new(&networks, AdamConfig { lr: config.learning_rate, ..AdamConfig::default() })?;
        let scale = InputScale::identity(observation + action);
        Ok(Self { config, observation, action, networks, adam, scale, rng, version: 0 })
    }

    /// Fraction of the pairs with a preference whose preferred segment has the larger predicted
    /// return; `None` when there is no such pair. Of data it was not trained on, this is the accuracy
    /// that counts.
    ///
    /// # Errors
    /// When the data has other sizes.
    pub fn accuracy(&self, data: &PreferenceData) -> Result<Option<f32>, RewardError> {
        expect_len("inputs per step of the preference data", data.width(), self.observation + self.action)?;
        let members = self.config.members;
        let rows = 2 * data.segment();
        let (mut inputs, mut rewards) = (Vec::new(), vec![0.0; members * rows]);
        let (mut right, mut decided) = (0, 0);
        for at in 0..data.len() {
            let (pair, target) = data.pair(at);
            if target == 0.5 {
                continue;
            }
            inputs.clear();
            self.scale.extend(pair, &mut inputs);
            self.networks.infer(&inputs, rows, &mut rewards)?;
            let logit: f32 = rewards.chunks_exact(rows).map(|member| margin(member, rows / 2)).sum();
            decided += 1;
            right += usize::from((logit > 0.0) == (target > 0.5));
        }
        Ok((decided > 0).then(|| right as f32 / decided as f32))
    }

    /// Evaluates chunks of rows; `write` gets the first row of each, their number and the members'
    /// rewards `[members, n]`.
    fn by_chunk(
        &self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        mut write: impl FnMut(usize, usize, &[f32]),
    ) -> Result<(), RewardError> {
        let (observation, action) = (self.observation, self.action);
        expect_len("observations", obs.len(), rows * observation)?;
        expect_len("actions", actions.len(), rows * action)?;
        // Taken, not borrowed, so that a nested use on this thread would still be sound.
        let (mut inputs, mut rewards) = SCRATCH.take();
        for first in (0..rows).step_by(CHUNK) {
            let n = CHUNK.min(rows - first);
            let obs = &obs[first * observation..][..n * observation];
            let actions = &actions[first * action..][..n * action];
            inputs.clear();
            self.scale.join(obs, actions, n, &mut inputs);
            rewards.resize(self.config.members * n, 0.0);
            self.networks.infer(&inputs, n, &mut rewards)?;
            write(first, n, &rewards);
        }
        SCRATCH.set((inputs, rewards));
        Ok(())
    }
}

/// Return of the first `segment` rewards minus that of the rest.
fn margin(rewards: &[f32], segment: usize) -> f32 {
    let (first, second) = rewards.split_at(segment);
    first.iter().sum::<f32>() - second.iter().sum::<f32>()
}

impl RewardModel for RewardEnsemble {
    fn predict(&self, obs: &[f32], actions: &[f32], rows: usize, out: &mut [f32]) -> Result<(), RewardError> {
        expect_len("rewards", out.len(), rows)?;
        let members = self.config.members as f32;
        self.by_chunk(obs, actions, rows, |first, n, rewards| {
            let out = &mut out[first..first + n];
            out.fill(0.0);
            for member in rewards.chunks_exact(n) {
                out.iter_mut().zip(member).for_each(|(sum, reward)| *sum += reward);
            }
            out.iter_mut().for_each(|sum| *sum /= members);
        })
    }

    fn predict_members(
        &self,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        out: &mut [f32],
    ) -> Result<(), RewardError> {
        expect_len("rewards of all members", out.len(), self.config.members * rows)?;
        self.by_chunk(obs, actions, rows, |first, n, rewards| {
            for (member, rewards) in rewards.chunks_exact(n).enumerate() {
                out[member * rows + first..][..n].copy_from_slice(rewards);
            }
        })
    }
}

impl PreferenceModel for RewardEnsemble {
    fn members(&self) -> usize {
        self.config.members
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn member_logits(
        &self,
        first: SegmentView<'_>,
        second: SegmentView<'_>,
        out: &mut [f32],
    ) -> Result<(), RewardError> {
        expect_len("logits of all members", out.len(), self.config.members)?;
        out.fill(0.0);
        for (segment, sign) in [(first, 1.0), (second, -1.0)] {
            self.by_chunk(segment.obs, segment.actions, segment.len, |_, n, rewards| {
                for (logit, rewards) in out.iter_mut().zip(rewards.chunks_exact(n)) {
                    *logit += sign * rewards.iter().sum::<f32>();
                }
            })?;
        }
        Ok(())
    }
}

impl RewardSource for RewardEnsemble {
    fn reward(&self, transitions: &Transitions<'_>, out: &mut [f32]) -> Result<(), RewardError> {
        self.predict(transitions.obs, transitions.actions, transitions.rows, out)
    }
}

impl Parameters for RewardEnsemble {
    fn named(&self) -> Vec<(String, &Var)> {
        self.networks.named()
    }
}

impl Checkpoint for RewardEnsemble {
    fn save(&self, out: &mut Writer) {
        out.part("networks", &self.networks);
        out.part("adam", &self.adam);
        out.part("scale", &self.scale);
        out.value("rng", &self.rng);
        out.value("version", &self.version);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("networks", &mut self.networks)?;
        from.part("adam", &mut self.adam)?;
        from.part("scale", &mut self.scale)?;
        self.rng = from.value("rng")?;
        self.version = from.value("version")?;
        Ok(())
    }
}
