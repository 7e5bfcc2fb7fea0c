//! Calibration under shifted behaviour (LeVine et al. 2023, "A Baseline Analysis of Reward Models'
//! Ability To Accurately Analyze Foundation Models Under Distribution Shift", arXiv 2311.14743).
//!
//! A reward model learns from behaviour that is mostly random and is asked about the trained policy's: is
//! it still right, does it know how often, and does its members' disagreement tell the two apart?

use telos_envs::Segment;
use telos_rewards::reward_model::{PreferenceModel, RewardLearner};

use crate::TelosError;

/// Bins of confidence.
const BINS: usize = 10;

/// How a model answers questions of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Calibration {
    /// Share of the pairs that it orders like the gold return.
    pub(super) accuracy: f64,
    /// Expected calibration error: the distance of confidence and accuracy, mean over the pairs.
    pub(super) ece: f64,
}

/// Of a model's answers about successive pairs of segments.
pub(super) fn calibration(
    model: &dyn RewardLearner,
    segments: &[Segment],
) -> Result<Calibration, TelosError> {
    let mut answers = Vec::with_capacity(segments.len() / 2);
    for pair in segments.chunks_exact(2) {
        let logit = f64::from(model.logit(pair[0].view(), pair[1].view())?);
        let margin = pair[0].gold_return() - pair[1].gold_return();
        if margin != 0.0 {
            answers.push((1.0 / (1.0 + (-logit.abs()).exp()), (logit > 0.0) == (margin > 0.0)));
        }
    }
    Ok(of_answers(&answers))
}

/// Of confidences between 1/2 and 1, and whether each was right.
fn of_answers(answers: &[(f64, bool)]) -> Calibration {
    let n = answers.len().max(1) as f64;
    let mut gaps = [0.0; BINS];
    for (confidence, right) in answers {
        let bin = (((confidence - 0.5) * 2.0 * BINS as f64) as usize).min(BINS - 1);
        gaps[bin] += f64::from(u8::from(*right)) - confidence;
    }
    let right = answers.iter().filter(|(_, right)| *right).count();
    Calibration { accuracy: right as f64 / n, ece: gaps.iter().map(|gap| gap.abs()).sum::<f64>() / n }
}

/// Deviation of the members' logits for successive pairs of segments.
pub(super) fn disagreement(
    model: &dyn PreferenceModel,
    segments: &[Segment],
) -> Result<Vec<f64>, TelosError> {
    let mut logits = vec![0.0; model.members()];
    segments
        .chunks_exact(2)
        .map(|pair| {
            model.member_logits(pair[0].view(), pair[1].view(), &mut logits)?;
            let mean = logits.iter().sum::<f32>() / logits.len() as f32;
            let variance = logits.iter().map(|logit| (logit - mean).powi(2)).sum::<f32>();
            Ok(f64::from((variance / logits.len() as f32).sqrt()))
        })
        .collect()
}

/// Area under the curve that tells `outside` from `inside` by the larger score: the chance that one drawn
/// from the first has more than one drawn from the second, ties counting half.
pub(crate) fn auroc(inside: &[f64], outside: &[f64]) -> f64 {
    let wins = |o: &f64| -> f64 {
        let against = inside.iter().map(|i| if o > i { 1.0 } else { f64::from(u8::from(o == i)) / 2.0 });
        against.sum()
    };
    outside.iter().map(wins).sum::<f64>() / (inside.len() * outside.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_definition() {
        // Two answers at 0.95, one of them wrong, and two right ones at 0.62.
        let answers = [(0.95, true), (0.95, false), (0.62, true), (0.62, true)];
        let Calibration { accuracy, ece } = of_answers(&answers);
        assert!((accuracy - 0.75).abs() < 1e-12);
        assert!((ece - (0.5 * 0.45 + 0.5 * 0.38)).abs() < 1e-12, "{ece}");
        assert_eq!(auroc(&[1.0, 2.0], &[3.0, 2.0]), 3.5 / 4.0);
    }
}
