//! Learning from recorded data, and going on online from there.
//!
//! 1. Every step is one gradient update on a batch of the data. `loop = "offline"` ends here.
//! 2. Every step is one step of the environment. The policy acts and remembers; after a warm-up, updates
//!    go on with the same learner, optimiser state, and scales of observations and rewards, on batches of
//!    which a fixed share is recorded data (symmetric sampling: Ball et al. 2023, "RLPD", arXiv
//!    2302.02948, section 4.1). Rewards may be augmented by state entropy (SERA, arXiv 2310.19805).
//!
//! Rewards may be learned, from preferences or from successes, first about the data and then about what the
//! policy does. Whenever that changes, all rewards of both phases are given anew, with their scale and the
//! returns that follow from them.

use std::path::Path;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, Policy, RandomPolicy, Replay, ReplayBatch,
    offline::{Normalized, RewardScale, Sera},
};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{EnvSpec, VecEnv};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{
    driver::TrainingLoop,
    episodes::EpisodeWindow,
    evaluation::Evaluation,
    fine_tuning::{FineTuningReport, ScoreCurve},
    labels::Labels,
    learners::offline_learner,
    means::RunningMeans,
    recorded::{self, Recorded},
    report::PreferenceReport,
};
use crate::{
    TelosError,
    config::{Config, FineTuningConfig, LoopKind},
};

/// Keeps the batches of a run apart from its weights and environments.
const SAMPLING_STREAM: u64 = 0xd1b5_4a32_d192_ed03;

/// Both phases.
pub(super) struct OfflineToOnline {
    config: FineTuningConfig,
    /// Steps of the first phase.
    starts: u64,
    learner: Normalized,
    /// `None` when the loop is only built to read a checkpoint.
    recorded: Option<Recorded>,
    labels: Labels,
    scale: RewardScale,
    /// `None` where there is no second phase.
    online: Option<Online>,
    losses: RunningMeans,
    scores: ScoreCurve,
    /// Updates of the first phase and environment steps of the second.
    step: u64,
    rng: Xoshiro256PlusPlus,
    batch: ReplayBatch,
}

/// The environments of the second phase and what was seen there.
struct Online {
    envs: VecEnv,
    replay: Replay,
    episodes: EpisodeWindow,
    /// Acts during a warm-up that nothing was learned before.
    random: RandomPolicy,
    sera: Option<Sera>,
    updates: u64,
    obs: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    values: Vec<f32>,
}

impl OfflineToOnline {
    /// The loop before its first step, with answers to its questions kept at `feedback`. Without that it
    /// holds no data: it cannot learn, only evaluate what a checkpoint holds.
    pub(super) fn new(config: &Config, feedback: Option<&Path>, device: &Device) -> Result<Self, TelosError> {
        let spec = config.env.make()?.spec().clone();
        let learner = offline_learner(config, &spec, device)?;
        let gamma = learner.agent().gamma();
        let dataset = feedback.map(|_| recorded::open("data.path", &config.data.path, &spec)).transpose()?;
        let mut labels = Labels::new(config, &spec, dataset.as_ref(), feedback, device)?;
        let read = |dataset| Recorded::read(dataset, &config.data, &spec, gamma);
        let mut recorded = dataset.as_ref().map(read).transpose()?;
        let scale = match &mut recorded {
            Some(recorded) => {
                recorded.digest.push_str(labels.digest());
                // Other goals than the data's have another scale of returns.
                if config.env.goal.is_some() || config.env.reset_free.is_some() {
                    recorded.reference = None;
                }
                recorded.label(&mut labels)?
            }
            None => RewardScale::identity(),
        };
        let learner = match &recorded {
            Some(recorded) if config.data.normalize_observations => {
                Normalized::by(learner, recorded.replay.obs(), spec.observation.size())
            }
            _ => Normalized::new(learner),
        };
        let fine_tunes = config.loop_kind == LoopKind::OfflineToOnline;
        Ok(Self {
            starts: if fine_tunes { config.fine_tuning.starts } else { config.steps },
            online: fine_tunes.then(|| Online::new(config, &spec, gamma)).transpose()?,
            config: config.fine_tuning.clone(),
            losses: RunningMeans::default(),
            scores: ScoreCurve::default(),
            step: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(config.seed ^ SAMPLING_STREAM),
            batch: ReplayBatch::default(),
            learner,
            recorded,
            labels,
            scale,
        })
    }

    fn update(&mut self) -> Result<(), TelosError> {
        for (name, value) in self.learner.update(&mut self.batch)?.iter() {
            self.losses.add(name, value);
        }
        Ok(())
    }

    /// Learns what is due about rewards, and gives all of them anew where that changed anything.
    fn update_labels(&mut self) -> Result<(), TelosError> {
        if !self.labels.advance(self.step, &mut self.losses)? {
            return Ok(());
        }
        if let Some(recorded) = &mut self.recorded {
            self.scale = recorded.label(&mut self.labels)?;
        }
        if let Some(online) = &mut self.online {
            self.labels.relabel(&mut online.replay)?;
            online.replay.rewrite_rewards(|rewards| self.scale.apply(rewards));
        }
        Ok(())
    }

    /// One update on recorded data alone.
    fn update_offline(&mut self) -> Result<(), TelosError> {
        self.learner.anneal(self.step as f64 / self.starts as f64);
        if let Some(Recorded { replay, .. }) = &self.recorded {
            self.learner.sample(replay, &mut self.rng, &mut self.batch);
        }
        self.update()?;
        self.step += 1;
        Ok(())
    }

    /// One step of the environments and the updates that it pays for.
    fn advance_online(&mut self) -> Result<(), TelosError> {
        let Some(online) = &mut self.online else { return Ok(()) };
        let since = self.step - self.starts;
        let untaught = self.starts == 0 && since < self.config.warm_up;
        let policy = (!untaught).then_some(&mut self.learner);
        self.step += online.collect(policy, &mut self.labels, &self.scale)?;
        let since = self.step - self.starts;
        let due = since.saturating_sub(self.config.warm_up) as f64 * self.config.updates_per_step;
        while self.online.as_ref().is_some_and(|online| online.updates < due as u64) {
            self.update_online()?;
        }
        Ok(())
    }

    /// One update on recorded and own transitions together.
    fn update_online(&mut self) -> Result<(), TelosError> {
        let (Some(online), Some(Recorded { replay, .. })) = (&mut self.online, &self.recorded) else {
            return Ok(());
        };
        let rows = self.learner.batch_size();
        let recorded = (self.config.offline_share * rows as f64).round() as usize;
        replay.sample_rows(&mut self.rng, 0..recorded, &mut self.batch);
        online.replay.sample_rows(&mut self.rng, recorded..rows, &mut self.batch);
        online.augment(&mut self.learner, &mut self.batch)?;
        online.updates += 1;
        self.update()
    }
}

impl Online {
    fn new(config: &Config, spec: &EnvSpec, gamma: f32) -> Result<Self, TelosError> {
        let (n, fine_tuning) = (config.env.count, &config.fine_tuning);
        let mut envs = VecEnv::new(n, config.env.thread_count(), config.seed, |_| config.env.make())?;
        let obs = envs.reset().obs.clone();
        let steps = config.steps.saturating_sub(fine_tuning.starts).max(1);
        let capacity = (fine_tuning.replay_capacity.min(steps) as usize).next_multiple_of(n);
        let mut replay = Replay::new(capacity, spec.observation.size(), spec.action.size());
        replay.remember_episodes(gamma);
        Ok(Self {
            envs,
            replay,
            episodes: EpisodeWindow::default(),
            random: RandomPolicy::new(spec, config.seed)?,
            sera: fine_tuning.sera.map(Sera::new),
            updates: 0,
            obs,
            actions: vec![0.0; n * spec.action.size()],
            rewards: vec![0.0; n],
            values: Vec::new(),
        })
    }

    /// Lets `policy`, or else chance, act once in every environment; returns the number of steps taken.
    fn collect(
        &mut self,
        policy: Option<&mut Normalized>,
        labels: &mut Labels,
        scale: &RewardScale,
    ) -> Result<u64, TelosError> {
        let n = self.rewards.len();
        let policy: &mut dyn Policy = match policy {
            Some(policy) => policy,
            None => &mut self.random,
        };
        policy.act(&self.obs, n, ActMode::Sample, &mut self.actions)?;
        let outcome = self.envs.step(&self.actions);
        self.rewards.copy_from_slice(&outcome.reward);
        labels.label(&self.obs, &self.actions, &mut self.rewards)?;
        labels.observe(&self.obs, &self.actions, outcome);
        scale.apply(&mut self.rewards);
        self.replay.push(&self.obs, &self.actions, &self.rewards, outcome);
        self.episodes.observe(outcome);
        self.obs.copy_from_slice(&outcome.obs);
        Ok(n as u64)
    }

    /// Adds the entropy bonus to the rewards of a batch. Its returns stay those of the task, so that a
    /// calibrated critic's bound contains no bonus.
    fn augment(&mut self, learner: &mut Normalized, batch: &mut ReplayBatch) -> Result<(), TelosError> {
        let Some(sera) = &mut self.sera else { return Ok(()) };
        self.values.resize(batch.rows, 0.0);
        if learner.values(&batch.obs, &batch.actions, &mut self.values)? {
            sera.augment(&batch.obs, &self.values, &mut batch.rewards)?;
        }
        Ok(())
    }
}

impl TrainingLoop for OfflineToOnline {
    fn step(&self) -> u64 {
        self.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        self.update_labels()?;
        if self.step < self.starts { self.update_offline() } else { self.advance_online() }
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        (&mut self.learner, self.labels.model())
    }

    fn recent_return(&self) -> Option<f64> {
        self.online.as_ref()?.episodes.mean_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        let learner = self.losses.drain().into_iter().map(|(name, mean)| (format!("learner/{name}"), mean));
        let mut metrics: Vec<(String, f64)> = learner.collect();
        if let (Some(online), true) = (&mut self.online, self.step > self.starts) {
            metrics.extend(online.episodes.drain());
        }
        metrics
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        std::iter::once(&self.learner as &dyn Parameters).chain(self.labels.weights()).collect()
    }

    fn observe_evaluation(&mut self, found: &Evaluation) {
        if self.online.is_some() && self.step >= self.starts && self.step > 0 {
            let reference = self.recorded.as_ref().and_then(|recorded| recorded.reference.as_ref());
            self.scores.push(self.step, found, reference);
        }
    }

    fn fine_tuning_report(&self) -> Option<FineTuningReport> {
        self.scores.report(self.starts, &self.config.collapse)
    }

    fn preference_report(&self) -> Result<Option<PreferenceReport>, TelosError> {
        self.labels.report()
    }
}

impl Checkpoint for OfflineToOnline {
    fn save(&self, out: &mut Writer) {
        out.value("digest", self.recorded.as_ref().map_or("", |recorded| &recorded.digest));
        out.value("scale", &self.scale);
        out.part("learner", &self.learner);
        out.part("losses", &self.losses);
        out.part("scores", &self.scores);
        out.value("step", &self.step);
        out.value("rng", &self.rng);
        out.part("labels", &self.labels);
        if let Some(online) = &self.online {
            out.part("online", online);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let digest: String = from.value("digest")?;
        if self.recorded.as_ref().is_some_and(|recorded| recorded.digest != digest) {
            let reason = "the data set has changed since the run began; restore it, or start another run";
            return Err(from.wrong("digest", reason));
        }
        self.scale = from.value("scale")?;
        from.part("learner", &mut self.learner)?;
        from.part("losses", &mut self.losses)?;
        from.part("scores", &mut self.scores)?;
        self.step = from.value("step")?;
        self.rng = from.value("rng")?;
        from.part("labels", &mut self.labels)?;
        if let (Some(recorded), true) = (&mut self.recorded, self.labels.learn()) {
            // Rewards of the data are no part of a checkpoint: they follow from what was learned.
            let labelled = recorded.label(&mut self.labels);
            labelled.map_err(|error| from.wrong("labels", &error.to_string()))?;
        }
        match &mut self.online {
            Some(online) => from.part("online", online),
            None => Ok(()),
        }
    }
}

impl Checkpoint for Online {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("replay", &self.replay);
        out.part("episodes", &self.episodes);
        out.part("random", &self.random);
        out.value("updates", &self.updates);
        out.f32s("obs", &self.obs);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("replay", &mut self.replay)?;
        from.part("episodes", &mut self.episodes)?;
        from.part("random", &mut self.random)?;
        self.updates = from.value("updates")?;
        from.f32s("obs", &mut self.obs)
    }
}
