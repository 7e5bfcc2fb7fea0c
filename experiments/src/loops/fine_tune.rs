//! Fine-tuning a trained generative policy with rewards: collect a rollout of executed chunks, improve the
//! policy on it, forget it. Self-play needs recorded actions in place of an environment.

use std::{ops::Range, path::Path, sync::Arc};

use telos_agents::{
    Policy,
    generative::{ChunkActor, ChunkPolicy, Tuner, TuningMethod},
};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::VecEnv;
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{
    build,
    driver::TrainingLoop,
    episodes::EpisodeWindow,
    evaluation::{Evaluation, EvaluationPlan, evaluate},
    fine_tuning::{FineTuningReport, ScoreCurve},
    imitation::Demonstrations,
    known_reward::KnownReward,
    learned_reward::LearnedReward,
    means::RunningMeans,
    recorded::open,
    sentence::{SentenceTask, wrapped},
};
use crate::{
    RunDirectory, TelosError,
    config::{CollapseConfig, Config},
    device::DeviceChoice,
};

/// A policy that is improved, and where it finds out how.
pub(super) struct FineTune {
    config: Config,
    tuner: Tuner,
    source: Source,
    losses: RunningMeans,
    /// Of the first policy, and of each evaluation.
    scores: ScoreCurve,
    /// Environment steps, all environments together; updates of self-play.
    step: u64,
}

enum Source {
    Environment(Box<Environments>),
    Demonstrations(Box<Demonstrations>),
}

/// Environments and the reward that counts there.
struct Environments {
    envs: VecEnv,
    /// Copies in which the chunks of a decision are compared.
    twins: Option<VecEnv>,
    reward: Rewards,
    episodes: EpisodeWindow,
    actions: Vec<f32>,
    rewards: Vec<f32>,
}

struct Rewards {
    known: KnownReward,
    learned: Option<LearnedReward>,
}

impl FineTune {
    /// The loop before its first step, with a policy that knows nothing; `trains` says whether it will
    /// learn, or only evaluate what a checkpoint holds.
    pub(super) fn new(config: &Config, trains: bool, device: &Device) -> Result<Self, TelosError> {
        let spec = config.env.make()?.spec().clone();
        let (tuning, n) = (&config.tuning, config.env.count);
        let tuner = Tuner::new(tuning, &config.generative, &spec, n, config.seed, device)?;
        let source = if tuning.method == TuningMethod::Spin {
            let dataset = trains.then(|| open("data.path", &config.data.path, &spec)).transpose()?;
            let (rows, horizon) = (tuning.batch_size, config.generative.horizon);
            let demonstrations =
                dataset.map(|data| Demonstrations::new(data, (rows, horizon), None, config.seed));
            Source::Demonstrations(Box::new(demonstrations.unwrap_or_default()))
        } else {
            let learned = config.base.reward_run.as_ref().filter(|_| trains);
            let learned = learned
                .map(|run| LearnedReward::read("base.reward_run", Path::new(run), &spec))
                .transpose()?;
            let sentence = SentenceTask::open(config, device)?;
            let make = |_| wrapped(config, sentence.as_deref());
            let mut envs = VecEnv::new(n, config.env.thread_count(), config.seed, make)?;
            envs.reset();
            Source::Environment(Box::new(Environments {
                twins: twins(config, tuner.candidates_to_judge())?,
                reward: Rewards { known: KnownReward::new(&config.reward, sentence, &envs)?, learned },
                episodes: EpisodeWindow::default(),
                actions: vec![0.0; n * spec.action.size()],
                rewards: vec![0.0; n],
                envs,
            }))
        };
        let (losses, scores) = (RunningMeans::default(), ScoreCurve::default());
        Ok(Self { config: config.clone(), tuner, source, losses, scores, step: 0 })
    }

    /// Makes the policy of the base run the first one and the reference.
    pub(super) fn begin(&mut self, device: DeviceChoice) -> Result<(), TelosError> {
        let path = Path::new(&self.config.base.run);
        let base = RunDirectory::open(path)?;
        let (theirs, ours) = (base.config(), &self.config);
        if theirs.env.pixels.is_some() {
            let reason =
                "cannot be the base of this run: it sees `env.pixels`, and nothing fine-tunes such a policy";
            return Err(TelosError::run(path, reason));
        }
        let mut comparable = theirs.generative.clone();
        comparable.sampler.clone_from(&ours.generative.sampler);
        comparable.executed = ours.generative.executed;
        if comparable != ours.generative || theirs.env.id != ours.env.id {
            let reason = "cannot be the base of this run: both need the same `env.id`, and the same [generative] \
                          but for the sampler and `executed`";
            return Err(TelosError::run(path, reason));
        }
        let mut trained = build(theirs, device, None)?;
        base.read_latest(trained.as_mut())?;
        match trained.generative() {
            Some(actor) => Ok(self.tuner.begin_with(actor)?),
            None => Err(TelosError::run(path, "cannot be a base: its learner is not \"generative\"")),
        }
    }

    /// Evaluates the policy before it is changed.
    fn assess_base(&mut self) -> Result<(), TelosError> {
        let sentence = self.sentence();
        let plan = EvaluationPlan { sentence: sentence.as_ref(), ..EvaluationPlan::of(&self.config) };
        let found = evaluate(plan, &mut self.tuner, None)?;
        self.scores.push(0, &found, None);
        Ok(())
    }
}

/// Environments in which chunks are compared, `count` of them; none for 0.
fn twins(config: &Config, count: usize) -> Result<Option<VecEnv>, TelosError> {
    if count == 0 {
        return Ok(None);
    }
    let mut twins = VecEnv::new(count, 1, config.seed, |_| config.env.make())?;
    twins.reset();
    Ok(Some(twins))
}

impl Environments {
    /// One step of every environment.
    fn collect(&mut self, tuner: &mut Tuner) -> Result<(), TelosError> {
        let obs = self.envs.batch().obs.clone();
        let decisions = tuner.decide(&obs, &mut self.actions)?;
        self.compare(tuner, decisions, &obs)?;
        self.envs.step(&self.actions);
        self.reward.of(&obs, &self.actions, &self.envs, &mut self.rewards)?;
        let outcome = self.envs.batch();
        tuner.record(&self.rewards, outcome);
        self.episodes.observe(outcome);
        Ok(())
    }

    /// Executes every chunk of these decisions, each in a copy of the environment that it was drawn for.
    fn compare(&mut self, tuner: &mut Tuner, decisions: Range<usize>, obs: &[f32]) -> Result<(), TelosError> {
        let Some(twins) = &mut self.twins else { return Ok(()) };
        let (k, size) = (twins.len(), twins.spec().observation.size());
        let mut actions = vec![0.0; k * twins.spec().action.size()];
        let mut rewards = vec![0.0; k];
        for decision in decisions {
            let env = tuner.env_of(decision);
            twins.branch_from(self.envs.env(env), &obs[env * size..][..size], 0..k)?;
            let (mut sums, mut terminated, mut ended) = (vec![0.0; k], vec![false; k], vec![false; k]);
            let mut next_obs = vec![0.0; k * size];
            for taken in 0..tuner.executed() {
                tuner.candidate_actions(decision, taken, &mut actions);
                let before = twins.batch().obs.clone();
                twins.step(&actions);
                self.reward.of(&before, &actions, twins, &mut rewards)?;
                let outcome = twins.batch();
                for j in 0..k {
                    if ended[j] {
                        continue;
                    }
                    sums[j] += rewards[j];
                    (terminated[j], ended[j]) = (outcome.terminated[j], outcome.done(j));
                    let part = j * size..(j + 1) * size;
                    next_obs[part.clone()].copy_from_slice(&outcome.final_obs[part]);
                }
            }
            tuner.judge(&sums, &terminated, &next_obs);
        }
        Ok(())
    }
}

impl Rewards {
    /// Writes the rewards `[envs]` of the last step, which these actions were.
    fn of(
        &mut self,
        obs: &[f32],
        actions: &[f32],
        envs: &VecEnv,
        rewards: &mut [f32],
    ) -> Result<(), TelosError> {
        match &mut self.learned {
            Some(learned) => learned.predict(obs, actions, rewards.len(), rewards)?,
            None => rewards.copy_from_slice(self.known.of(envs)?),
        }
        Ok(())
    }
}

impl TrainingLoop for FineTune {
    fn step(&self) -> u64 {
        self.step
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        if self.step == 0 {
            self.assess_base()?;
        }
        match &mut self.source {
            Source::Demonstrations(demonstrations) => {
                if let Some(batch) = demonstrations.next_batch()? {
                    self.losses.add("tuning/policy_loss", self.tuner.self_play(batch)?);
                }
                self.step += 1;
            }
            Source::Environment(environments) => {
                let n = environments.envs.len() as u64;
                for _ in 0..self.config.tuning.rollout_steps {
                    if self.step < self.config.steps {
                        environments.collect(&mut self.tuner)?;
                        self.step += n;
                    }
                }
                for (name, value) in self.tuner.update()? {
                    self.losses.add(&format!("tuning/{name}"), value);
                }
            }
        }
        Ok(())
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        let learned = match &mut self.source {
            Source::Environment(environments) => environments.reward.learned.as_mut(),
            Source::Demonstrations(_) => None,
        };
        (&mut self.tuner, learned.and_then(LearnedReward::model))
    }

    fn recent_return(&self) -> Option<f64> {
        match &self.source {
            Source::Environment(environments) => environments.episodes.mean_return(),
            Source::Demonstrations(_) => None,
        }
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        let mut metrics = self.losses.drain();
        if let Source::Environment(environments) = &mut self.source {
            metrics.extend(environments.episodes.drain());
        }
        metrics
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        vec![&self.tuner]
    }

    fn observe_evaluation(&mut self, found: &Evaluation) {
        self.scores.push(self.step, found, None);
    }

    fn fine_tuning_report(&self) -> Option<FineTuningReport> {
        self.scores.report(0, &CollapseConfig::default())
    }

    fn generative(&self) -> Option<&ChunkActor<ChunkPolicy>> {
        Some(self.tuner.actor())
    }

    fn tuner(&mut self) -> Option<&mut Tuner> {
        Some(&mut self.tuner)
    }

    fn sentence(&self) -> Option<Arc<SentenceTask>> {
        match &self.source {
            Source::Environment(environments) => environments.reward.known.sentence(),
            Source::Demonstrations(_) => None,
        }
    }
}

impl Checkpoint for FineTune {
    fn save(&self, out: &mut Writer) {
        out.part("tuner", &self.tuner);
        match &self.source {
            Source::Environment(environments) => out.part("environments", environments.as_ref()),
            Source::Demonstrations(demonstrations) => out.part("demonstrations", demonstrations.as_ref()),
        }
        out.part("losses", &self.losses);
        out.part("scores", &self.scores);
        out.value("step", &self.step);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("tuner", &mut self.tuner)?;
        match &mut self.source {
            Source::Environment(environments) => from.part("environments", environments.as_mut())?,
            Source::Demonstrations(demonstrations) => from.part("demonstrations", demonstrations.as_mut())?,
        }
        from.part("losses", &mut self.losses)?;
        from.part("scores", &mut self.scores)?;
        self.step = from.value("step")?;
        Ok(())
    }
}

/// The copies are put in a state of these before they are stepped, and the rest is overwritten.
impl Checkpoint for Environments {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("reward", &self.reward.known);
        out.part("episodes", &self.episodes);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("reward", &mut self.reward.known)?;
        from.part("episodes", &mut self.episodes)
    }
}
