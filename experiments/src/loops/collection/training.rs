//! A training that is watched: what it did, and what its policy was like on the way.

use telos_agents::Policy;
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::dataset::{DatasetWriter, Episode, ReferenceScores};

use super::recorder::Recorder;
use crate::{
    TelosError,
    config::Config,
    device::DeviceChoice,
    loops::{EvaluationPlan, evaluate, off_policy::OffPolicy},
};

/// Share of the expert's score, above random, at which a policy is medium.
const MEDIUM: f64 = 1.0 / 3.0;

/// A policy at an evaluation that was better than all before.
struct Snapshot {
    /// Environment steps of training.
    step: u64,
    gold: f64,
    learner: Vec<u8>,
}

/// Which of the policies on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The first with a third of the expert's score.
    Medium,
    /// The best.
    Best,
}

/// Soft actor-critic on the gold reward, trained and recorded.
pub(super) struct Training {
    core: OffPolicy,
    /// Of rising score, and never none: the first evaluation is kept. The first medium policy and the best are
    /// among them.
    snapshots: Vec<Snapshot>,
    /// All episodes, each with the training step at which it ended, and its seed.
    episodes: Vec<(u64, u64, Episode)>,
}

impl Training {
    /// Trains as `config` says, to its end or, when `enough` is known, until the policy is medium by it.
    pub(super) fn run(
        config: &Config,
        enough: Option<&ReferenceScores>,
        mut watch: impl FnMut(u64),
    ) -> Result<Self, TelosError> {
        let core = OffPolicy::new(config, &DeviceChoice::Cpu.open()?)?;
        let mut recorder = Recorder::new(
            core.envs.batch(),
            config.seed,
            config.steps.next_multiple_of(core.envs.len() as u64),
        );
        let mut training = Self { snapshots: Vec::new(), episodes: Vec::new(), core };
        let Self { core, snapshots, episodes } = &mut training;
        let interval = match config.evaluation.interval {
            0 => config.steps,
            interval => interval,
        };
        while core.step < config.steps {
            let before = core.step;
            core.collect(|_, actions, envs, rewards| {
                let outcome = envs.batch();
                rewards.copy_from_slice(&outcome.reward);
                let step = before + outcome.len() as u64;
                recorder.observe(actions, outcome, |episode, seed| {
                    episodes.push((step, seed, episode.to_episode()));
                    Ok(())
                })?;
                Ok(())
            })?;
            core.update(|_, _| Ok(()))?;
            watch(core.step);
            if core.step / interval > before / interval || core.step >= config.steps {
                let gold = evaluate(EvaluationPlan::of(config), &mut core.learner, None)?.gold.mean;
                if snapshots.last().is_none_or(|best| best.gold < gold) {
                    snapshots.push(Snapshot { step: core.step, gold, learner: to_bytes(&core.learner) });
                }
                if enough.is_some_and(|scores| gold >= medium_score(scores)) {
                    break;
                }
            }
        }
        Ok(training)
    }

    /// The policy of a moment, and the training step of it.
    pub(super) fn policy(
        &mut self,
        moment: Moment,
        scores: Option<&ReferenceScores>,
    ) -> Result<(&mut dyn Policy, u64), TelosError> {
        let index = self.find(moment, scores)?;
        let Snapshot { step, learner, .. } = &self.snapshots[index];
        from_bytes(&mut self.core.learner, learner)?;
        Ok((&mut self.core.learner, *step))
    }

    /// Writes every episode that had ended when the policy was medium.
    pub(super) fn write_replay(
        &self,
        scores: Option<&ReferenceScores>,
        writer: &mut DatasetWriter,
    ) -> Result<(), TelosError> {
        let end = self.snapshots[self.find(Moment::Medium, scores)?].step;
        for (_, seed, episode) in self.episodes.iter().take_while(|(step, ..)| *step <= end) {
            writer.push_seeded(episode.view(), *seed)?;
        }
        Ok(())
    }

    /// The place of a moment among the snapshots.
    fn find(&self, moment: Moment, scores: Option<&ReferenceScores>) -> Result<usize, TelosError> {
        let last = self.snapshots.len() - 1;
        let (Moment::Medium, Some(scores)) = (moment, scores) else { return Ok(last) };
        let (wanted, best) = (medium_score(scores), &self.snapshots[last]);
        self.snapshots.iter().position(|snapshot| snapshot.gold >= wanted).ok_or_else(|| {
            TelosError::Usage(format!(
                "training never became medium: the best of its evaluations returned {:.1} after {} steps, and \
                 {wanted:.1} is a third of the way from random ({:.1}) to the expert ({:.1}, {}); \
                 train longer (--set steps=N)",
                best.gold, best.step, scores.random, scores.expert, scores.expert_policy
            ))
        })
    }
}

fn medium_score(scores: &ReferenceScores) -> f64 {
    scores.random + MEDIUM * (scores.expert - scores.random)
}
