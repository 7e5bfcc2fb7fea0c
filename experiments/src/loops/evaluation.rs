//! Evaluation: whole episodes of the deterministic policy, scored by the gold reward and, beside it,
//! by the reward that was learned.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use telos_agents::{ActMode, Policy};
use telos_envs::VecEnv;
use telos_rewards::reward_model::RewardModel;

use super::sentence::{SentenceColumn, SentenceTask};
use crate::{
    TelosError,
    config::{Config, EnvConfig},
    statistics::Summary,
};

/// What an evaluation found; the content of `result.json` under `final`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Episode returns under the environment's own reward.
    pub gold: Summary,
    /// The same episodes under the reward that was learned or said in a sentence, where there is one.
    pub learned: Option<Summary>,
    /// Share of episodes whose last state fulfils the task's success predicate, where it has one.
    pub success_rate: Option<f64>,
    /// Share of episodes with a state, the last or another, that fulfils it: what benchmarks of imitation count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_once: Option<f64>,
    /// Mean of the episodes' greatest reward of one step; `None` in results of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_reward: Option<f64>,
    /// Mean episode length in steps.
    pub length: f64,
    /// Episodes that ended in a simulation fault.
    pub faults: usize,
    /// Mean of the episodes' last observations, where the configuration asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_observation: Option<Vec<f64>>,
}

impl Evaluation {
    /// The evaluation that consists of these episodes, without a learned reward.
    pub(super) fn of(episodes: &[Episode]) -> Self {
        let n = episodes.len() as f64;
        let judged = episodes.iter().all(|e| e.success.is_some());
        let share = |counts: fn(&Episode) -> bool| {
            judged.then(|| episodes.iter().filter(|e| counts(e)).count() as f64 / n)
        };
        Self {
            gold: Summary::of(episodes.iter().map(|e| e.gold).collect()),
            learned: None,
            success_rate: share(|e| e.success == Some(true)),
            success_once: share(|e| e.success_once),
            peak_reward: Some(episodes.iter().map(|e| f64::from(e.peak_reward)).sum::<f64>() / n),
            length: episodes.iter().map(|e| f64::from(e.length)).sum::<f64>() / n,
            faults: episodes.iter().filter(|e| e.fault).count(),
            last_observation: None,
        }
    }

    /// Returns under the reward that was trained on.
    pub(super) fn trained_return(&self) -> &Summary {
        self.learned.as_ref().unwrap_or(&self.gold)
    }

    /// The numbers of a learning curve.
    pub(super) fn metrics(&self) -> Vec<(String, f64)> {
        let mut metrics = vec![("eval/gold_return".into(), self.gold.mean)];
        if let Some(learned) = &self.learned {
            metrics.push(("eval/learned_return".into(), learned.mean));
        }
        if let Some(rate) = self.success_rate {
            metrics.push(("eval/success_rate".into(), rate));
        }
        if let Some(rate) = self.success_once {
            metrics.push(("eval/success_once".into(), rate));
        }
        if let Some(peak) = self.peak_reward {
            metrics.push(("eval/peak_reward".into(), peak));
        }
        metrics
    }
}

/// How to evaluate.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationPlan<'a> {
    /// The environment; how many copies and threads it asks for does not matter here.
    pub env: &'a EnvConfig,
    /// Number of episodes; all run side by side.
    pub episodes: usize,
    /// Seed of the initial states, the same at every evaluation so that curves are comparable.
    pub seed: u64,
    /// Threads that step the environments; results do not depend on it.
    pub threads: usize,
    /// How the policy chooses; its mode, but for policies whose mode is no behaviour.
    pub mode: ActMode,
    /// Whether to report what the episodes ended in.
    pub last_observation: bool,
    /// The sentence that the policy was trained on, to report its reward beside the gold one.
    pub sentence: Option<&'a Arc<SentenceTask>>,
}

impl<'a> EvaluationPlan<'a> {
    /// The evaluations that a configuration asks for.
    pub fn of(config: &'a Config) -> Self {
        Self {
            env: &config.env,
            episodes: config.evaluation.episodes,
            seed: config.evaluation.seed,
            threads: config.env.thread_count(),
            mode: ActMode::Mode,
            last_observation: config.evaluation.last_observation,
            sentence: None,
        }
    }
}

/// Runs `plan.episodes` whole episodes.
///
/// # Errors
/// When the environment cannot be built or the policy does not fit it.
pub fn evaluate(
    plan: EvaluationPlan<'_>,
    policy: &mut dyn Policy,
    reward_model: Option<&dyn RewardModel>,
) -> Result<Evaluation, TelosError> {
    let n = plan.episodes;
    let mut column = plan.sentence.map(|task| SentenceColumn::new(task.clone(), n));
    let mut envs = VecEnv::new(n, plan.threads, plan.seed, |_| match plan.sentence {
        Some(task) => task.wrap(plan.env.make()?),
        None => plan.env.make(),
    })?;
    let mut obs = envs.reset().obs.clone();
    let mut actions = vec![0.0; n * envs.spec().action.size()];
    let mut rewards = vec![0.0; n];
    let mut learned = vec![0.0; n];
    let width = envs.spec().observation.size();
    let mut last_observation = vec![0.0; width];
    let mut ended: Vec<Option<Episode>> = vec![None; n];
    let mut peak_reward = vec![f32::NEG_INFINITY; n];
    let mut success_once = vec![false; n];
    (0..n).for_each(|i| policy.episode_ended(i));
    while ended.iter().any(Option::is_none) {
        policy.act(&obs, n, plan.mode, &mut actions)?;
        if let Some(model) = reward_model {
            model.predict(&obs, &actions, n, &mut rewards)?;
        }
        envs.step(&actions);
        if let Some(column) = &mut column {
            rewards.copy_from_slice(column.of(&envs)?);
        }
        let batch = envs.batch();
        let is_learned = reward_model.is_some() || column.is_some();
        policy.rewarded(if is_learned { &rewards } else { &batch.reward });
        for i in 0..n {
            if ended[i].is_none() {
                learned[i] += f64::from(rewards[i]);
                peak_reward[i] = peak_reward[i].max(batch.reward[i]);
                success_once[i] |= batch.success[i] == Some(true);
                if batch.done(i) {
                    policy.episode_ended(i);
                    let last = &batch.final_obs[i * width..][..width];
                    let mean = last_observation.iter_mut().zip(last);
                    mean.for_each(|(mean, x)| *mean += f64::from(*x) / n as f64);
                    ended[i] = Some(Episode {
                        gold: f64::from(batch.episode_return[i]),
                        length: batch.episode_length[i],
                        success: batch.success[i],
                        success_once: success_once[i],
                        peak_reward: peak_reward[i],
                        fault: batch.fault[i],
                    });
                }
            }
        }
        obs.copy_from_slice(&batch.obs);
    }
    let episodes: Vec<Episode> = ended.into_iter().flatten().collect();
    let learned = (reward_model.is_some() || column.is_some()).then(|| Summary::of(learned));
    let last_observation = plan.last_observation.then_some(last_observation);
    Ok(Evaluation { learned, last_observation, ..Evaluation::of(&episodes) })
}

/// A whole episode.
#[derive(Clone, Copy)]
pub(super) struct Episode {
    /// Return under the environment's own reward.
    pub(super) gold: f64,
    /// Steps.
    pub(super) length: u32,
    /// Whether its last state fulfils the success predicate.
    pub(super) success: Option<bool>,
    /// Whether any of its states does.
    pub(super) success_once: bool,
    /// The greatest reward of one step.
    pub(super) peak_reward: f32,
    /// Whether a simulation fault ended it.
    pub(super) fault: bool,
}
