//! What going on online did to a policy from recorded data: scores before and after, cumulative regret,
//! and whether it collapsed.

use std::fmt;

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::dataset::ReferenceScores;

use super::evaluation::Evaluation;
use crate::{
    config::CollapseConfig,
    statistics::{Collapse, collapse, cumulative_regret},
};

/// What scores are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    /// Mean gold return, 0 for random actions and 1 for the data set's expert.
    NormalizedReturn,
    /// Share of episodes whose last state solves the task.
    SuccessRate,
    /// Mean gold return, where neither is known.
    Return,
}

/// The second phase of one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FineTuningReport {
    /// What the scores below are.
    pub score: ScoreKind,
    /// Step at which learning went online.
    pub starts: u64,
    /// Score of the policy from recorded data alone; `None` where there was no first phase.
    pub before: Option<f64>,
    /// Score of the last evaluation.
    pub after: f64,
    /// Highest score of any evaluation of the second phase, chosen by its own outcome.
    pub best: f64,
    /// Mean of `1 - score` over the environment steps of the second phase (as CORL and Nakamoto et al.
    /// 2023, arXiv 2303.05479, report it); `None` for plain returns.
    pub regret: Option<f64>,
    /// The first lasting fall below the score before.
    pub collapse: Option<Collapse>,
}

impl fmt::Display for FineTuningReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(before) = self.before {
            write!(f, "{} {before:.2} before, ", self.score)?;
        } else {
            write!(f, "{} ", self.score)?;
        }
        write!(f, "{:.2} after, {:.2} at best", self.after, self.best)?;
        if let Some(regret) = self.regret {
            write!(f, ", regret {regret:.3}")?;
        }
        match &self.collapse {
            Some(fall) => writeln!(f, "; COLLAPSED to {:.2} at step {}", fall.score, fall.step),
            None => writeln!(f),
        }
    }
}

impl fmt::Display for ScoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NormalizedReturn => "normalised return",
            Self::SuccessRate => "success rate",
            Self::Return => "return",
        })
    }
}

/// Scores of the evaluations from the switch on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ScoreCurve {
    kind: Option<ScoreKind>,
    /// (step, score); the first one is at the switch, where there was a first phase.
    points: Vec<(u64, f64)>,
}

impl ScoreCurve {
    /// Adds the evaluation at `step`.
    pub(super) fn push(&mut self, step: u64, found: &Evaluation, reference: Option<&ReferenceScores>) {
        let normalized = reference.map(|scores| scores.normalized(found.gold.mean) / 100.0);
        let (kind, score) = match (normalized.filter(|score| score.is_finite()), found.success_rate) {
            (Some(score), _) => (ScoreKind::NormalizedReturn, score),
            (None, Some(rate)) => (ScoreKind::SuccessRate, rate),
            (None, None) => (ScoreKind::Return, found.gold.mean),
        };
        self.kind = Some(kind);
        self.points.push((step, score));
    }

    /// What the curve says about a second phase that began at `starts`; `None` before its first
    /// evaluation.
    pub(super) fn report(&self, starts: u64, config: &CollapseConfig) -> Option<FineTuningReport> {
        let before = self.points.iter().find(|(step, _)| *step <= starts).map(|(_, score)| *score);
        let online: Vec<(u64, f64)> =
            self.points.iter().copied().filter(|(step, _)| *step > starts).collect();
        let since: Vec<(u64, f64)> = online.iter().map(|(step, score)| (step - starts, *score)).collect();
        let score = self.kind?;
        Some(FineTuningReport {
            score,
            starts,
            before,
            after: online.last()?.1,
            best: online.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max),
            regret: (score != ScoreKind::Return).then(|| cumulative_regret(&since, 1.0)).flatten(),
            collapse: before.and_then(|before| collapse(before, &online, config.share, config.evaluations)),
        })
    }
}

impl Checkpoint for ScoreCurve {
    fn save(&self, out: &mut Writer) {
        out.value("kind", &self.kind);
        out.value("points", &self.points);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.kind = from.value("kind")?;
        self.points = from.value("points")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::evaluation::Episode;

    fn evaluation(gold: f64, success_rate: Option<f64>) -> Evaluation {
        let (success, success_once, peak_reward, fault) = (None, false, 0.0, false);
        let episode = Episode { gold, length: 1, success, success_once, peak_reward, fault };
        Evaluation { success_rate, ..Evaluation::of(&[episode]) }
    }

    fn reference() -> ReferenceScores {
        ReferenceScores { random: 10.0, expert: 210.0, expert_policy: "test".into(), episodes: 1 }
    }

    #[test]
    fn scores_before_and_after_regret_and_collapse() {
        let mut curve = ScoreCurve::default();
        for (step, gold) in [(1000, 110.0), (1100, 30.0), (1200, 50.0), (1400, 210.0)] {
            curve.push(step, &evaluation(gold, Some(0.0)), Some(&reference()));
        }
        let report = curve.report(1000, &CollapseConfig { share: 0.5, evaluations: 1 }).unwrap();
        assert_eq!(report.score, ScoreKind::NormalizedReturn);
        assert_eq!((report.before, report.after, report.best), (Some(0.5), 1.0, 1.0));
        // (0.9 * 100 + 0.8 * 100 + 0 * 200) / 400.
        assert!((report.regret.unwrap() - 0.425).abs() < 1e-12);
        assert_eq!(report.collapse, Some(Collapse { step: 1100, score: 0.1 }));
        let lasting = curve.report(1000, &CollapseConfig { share: 0.5, evaluations: 2 }).unwrap();
        assert_eq!(lasting.collapse, None);
    }

    #[test]
    fn plain_returns_have_no_regret_and_a_run_without_a_first_phase_no_before() {
        let mut curve = ScoreCurve::default();
        assert_eq!(curve.report(0, &CollapseConfig::default()), None);
        curve.push(100, &evaluation(-7.0, None), None);
        let report = curve.report(0, &CollapseConfig::default()).unwrap();
        assert_eq!((report.score, report.before, report.after), (ScoreKind::Return, None, -7.0));
        assert_eq!((report.regret, report.collapse), (None, None));
    }
}
