//! A reward learned from comparisons.

use std::cell::RefCell;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::SegmentView;
use telos_nn::{
    Activation, Adam, AdamConfig, Device, Init, MlpConfig, MlpEnsemble, NnError, Parameters, Var,
};

use super::{
    Behaviour, PreferenceData, PreferenceModel, RewardLearner, RewardModel, RewardModelConfig,
    RewardObjective, Session, StepSizes,
    aggregation::Members,
    input_scale::InputScale,
    weight_averaging::{average, share_first},
};
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

/// Reward networks `r(s, a)`, learned from comparisons by an objective, in members of one shape with
/// their own initial weights and their own order of batches. The reward is the members' mean, unless
/// the configuration says otherwise.
///
/// Inputs are standardised by their mean and deviation over the answered segments, taken anew at the
/// start of each training session, and limited to 10 deviations.
///
/// As a [`RewardSource`] it rewards the observation before each action and the action.
pub struct LearnedReward<O> {
    pub(super) config: RewardModelConfig,
    sizes: StepSizes,
    pub(super) networks: MlpEnsemble,
    pub(super) objective: O,
    /// The mean of the members' weights, where it is what is asked.
    averaged: Option<MlpEnsemble>,
    members: Members,
    pub(super) adam: Adam,
    pub(super) scale: InputScale,
    pub(super) rng: Xoshiro256PlusPlus,
    pub(super) version: u64,
}

impl<O: RewardObjective> LearnedReward<O> {
    /// An untrained model for segments of the given sizes.
    ///
    /// # Errors
    /// When the configuration is out of range, the objective cannot be used on such segments, or the
    /// device refuses.
    pub fn new(
        config: RewardModelConfig,
        sizes: StepSizes,
        seed: u64,
        device: &Device,
    ) -> Result<Self, RewardError> {
        config.validate()?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (inputs, outputs, output_activation) = O::network(&config, sizes);
        let shape = MlpConfig {
            inputs,
            hidden: config.hidden.clone(),
            outputs,
            activation: Activation::LeakyRelu,
            output_activation,
            layer_norm: false,
            init: Init::FanIn,
        };
        let networks = MlpEnsemble::new("reward", config.members, &shape, &mut rng, device)?;
        let averaged = if config.average_weights {
            share_first(&networks)?;
            let mut apart = Xoshiro256PlusPlus::seed_from_u64(seed);
            Some(MlpEnsemble::new("reward", 1, &shape, &mut apart, device)?)
        } else {
            None
        };
        let members = Members::new(config.aggregation, config.variance_penalty, config.members);
        let objective = O::new(&config, sizes, &mut rng, device)?;
        let scale = InputScale::identity(sizes.width());
        let rate = AdamConfig { lr: config.learning_rate, ..AdamConfig::default() };
        let adam = Adam::new(&Trained { networks: &networks, objective: &objective }, rate)?;
        let model =
            Self { config, sizes, networks, objective, averaged, members, adam, scale, rng, version: 0 };
        model.average()?;
        Ok(model)
    }

    /// Takes the members' present weights into the averaged network, where there is one.
    fn average(&self) -> Result<(), NnError> {
        self.averaged.as_ref().map_or(Ok(()), |averaged| average(&self.networks, averaged))
    }

    /// The networks that decide the reward.
    fn asked(&self) -> &MlpEnsemble {
        self.averaged.as_ref().unwrap_or(&self.networks)
    }

    /// Takes the statistics of the members' rewards over the answered steps.
    fn compare_members(&mut self, data: &PreferenceData) -> Result<(), RewardError> {
        let mut inputs = Vec::with_capacity(data.rows().len());
        self.scale.extend(data.rows(), &mut inputs);
        let rows = inputs.len() / data.width();
        let mut rewards = vec![0.0; self.config.members * rows];
        self.objective.infer(&self.networks, &inputs, rows, None, &mut rewards)?;
        self.members.fit(&rewards);
        Ok(())
    }

    /// Writes each member's logit of a pair of the data, as its teacher is expected to see it.
    pub(super) fn logits_of(
        &self,
        networks: &MlpEnsemble,
        data: &PreferenceData,
        at: usize,
        logits: &mut [f32],
    ) -> Result<(), RewardError> {
        let (mut inputs, mut rewards) = SCRATCH.take();
        inputs.clear();
        self.scale.extend(data.pair(at).0, &mut inputs);
        let rows = 2 * data.segment();
        rewards.resize(logits.len() * rows, 0.0);
        self.objective.infer(networks, &inputs, rows, Some(data.teacher(at)), &mut rewards)?;
        for (logit, rewards) in logits.iter_mut().zip(rewards.chunks_exact(rows)) {
            let (first, second) = rewards.split_at(rows / 2);
            *logit = first.iter().sum::<f32>() - second.iter().sum::<f32>();
        }
        SCRATCH.set((inputs, rewards));
        Ok(())
    }

    fn logits_by(
        &self,
        networks: &MlpEnsemble,
        first: SegmentView<'_>,
        second: SegmentView<'_>,
        out: &mut [f32],
    ) -> Result<(), RewardError> {
        expect_len("logits of all members", out.len(), networks.members())?;
        out.fill(0.0);
        for (segment, sign) in [(first, 1.0), (second, -1.0)] {
            self.by_chunk(networks, segment.obs, segment.actions, segment.len, |_, n, rewards| {
                for (logit, rewards) in out.iter_mut().zip(rewards.chunks_exact(n)) {
                    *logit += sign * rewards.iter().sum::<f32>();
                }
            })?;
        }
        Ok(())
    }

    /// Evaluates chunks of rows; `write` gets the first row of each, their number and the members'
    /// rewards `[members, n]`.
    fn by_chunk(
        &self,
        networks: &MlpEnsemble,
        obs: &[f32],
        actions: &[f32],
        rows: usize,
        mut write: impl FnMut(usize, usize, &[f32]),
    ) -> Result<(), RewardError> {
        let StepSizes { observation, action, .. } = self.sizes;
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
            rewards.resize(networks.members() * n, 0.0);
            self.objective.infer(networks, &inputs, n, None, &mut rewards)?;
            write(first, n, &rewards);
        }
        SCRATCH.set((inputs, rewards));
        Ok(())
    }
}

/// Everything that the gradient steps change.
struct Trained<'a, O> {
    networks: &'a MlpEnsemble,
    objective: &'a O,
}

impl<O: RewardObjective> Parameters for Trained<'_, O> {
    fn named(&self) -> Vec<(String, &Var)> {
        trained(self.networks, self.objective)
    }
}

fn trained<'a, O: RewardObjective>(networks: &'a MlpEnsemble, objective: &'a O) -> Vec<(String, &'a Var)> {
    let mut named = networks.named();
    named.extend(objective.named());
    named
}

impl<O: RewardObjective> RewardModel for LearnedReward<O> {
    fn predict(&self, obs: &[f32], actions: &[f32], rows: usize, out: &mut [f32]) -> Result<(), RewardError> {
        expect_len("rewards", out.len(), rows)?;
        self.by_chunk(self.asked(), obs, actions, rows, |first, n, rewards| {
            self.members.combine(rewards, &mut out[first..first + n]);
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
        self.by_chunk(&self.networks, obs, actions, rows, |first, n, rewards| {
            for (member, rewards) in rewards.chunks_exact(n).enumerate() {
                out[member * rows + first..][..n].copy_from_slice(rewards);
            }
        })
    }
}

impl<O: RewardObjective> PreferenceModel for LearnedReward<O> {
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
        self.logits_by(&self.networks, first, second, out)
    }

    fn logit(&self, first: SegmentView<'_>, second: SegmentView<'_>) -> Result<f32, RewardError> {
        let networks = self.asked();
        let mut logits = vec![0.0; networks.members()];
        self.logits_by(networks, first, second, &mut logits)?;
        Ok(logits.iter().sum::<f32>() / logits.len() as f32)
    }
}

impl<O: RewardObjective> RewardLearner for LearnedReward<O> {
    fn train(&mut self, data: &PreferenceData, behaviour: &dyn Behaviour) -> Result<Session, RewardError> {
        if data.is_empty() {
            return Err(RewardError::NotEnoughData("no answered pair to learn a reward from".into()));
        }
        expect_len("inputs per step of the preference data", data.width(), self.sizes.width())?;
        self.scale.fit(data.rows());
        self.version += 1;
        let mut session = self.epochs(data, behaviour)?;
        for _ in 0..self.config.pseudo_labels.rounds {
            let extended = self.with_own_answers(data, behaviour)?;
            let Session { epochs, last } = self.epochs(&extended, behaviour)?;
            session = Session { epochs: session.epochs + epochs, last };
        }
        self.average()?;
        if self.members.compared() {
            self.compare_members(data)?;
        }
        Ok(session)
    }

    fn accuracy(&self, data: &PreferenceData) -> Result<Option<f32>, RewardError> {
        expect_len("inputs per step of the preference data", data.width(), self.sizes.width())?;
        let mut logits = vec![0.0; self.asked().members()];
        let (mut right, mut decided) = (0, 0);
        for at in (0..data.len()).filter(|&at| data.pair(at).1 != 0.5) {
            self.logits_of(self.asked(), data, at, &mut logits)?;
            decided += 1;
            right += usize::from((logits.iter().sum::<f32>() > 0.0) == (data.pair(at).1 > 0.5));
        }
        Ok((decided > 0).then(|| right as f32 / decided as f32))
    }
}

impl<O: RewardObjective> RewardSource for LearnedReward<O> {
    fn reward(&self, transitions: &Transitions<'_>, out: &mut [f32]) -> Result<(), RewardError> {
        self.predict(transitions.obs, transitions.actions, transitions.rows, out)
    }
}

impl<O: RewardObjective> Parameters for LearnedReward<O> {
    fn named(&self) -> Vec<(String, &Var)> {
        trained(&self.networks, &self.objective)
    }
}

impl<O: RewardObjective> Checkpoint for LearnedReward<O> {
    fn save(&self, out: &mut Writer) {
        out.part("networks", &self.networks);
        self.objective.save(out);
        out.part("members", &self.members);
        out.part("adam", &self.adam);
        out.part("scale", &self.scale);
        out.value("rng", &self.rng);
        out.value("version", &self.version);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("networks", &mut self.networks)?;
        self.objective.load(from)?;
        self.average().map_err(|error| from.wrong("networks", &error.to_string()))?;
        from.part("members", &mut self.members)?;
        from.part("adam", &mut self.adam)?;
        from.part("scale", &mut self.scale)?;
        self.rng = from.value("rng")?;
        self.version = from.value("version")?;
        Ok(())
    }
}
