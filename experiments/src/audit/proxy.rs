//! Reward models of the kinds that are compared, trained on the same answers.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::Segment;
use telos_nn::Device;
use telos_rewards::{
    feedback::{Answer, Choice, Query},
    reward_model::{Aggregation, PreferenceData, RewardLearner, RewardModel, RewardModelConfig, StepSizes},
};

use crate::TelosError;

/// Kinds of reward model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Mean,
    WorstCase,
    UncertaintyWeighted,
    AveragedWeights,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Single, Self::Mean, Self::WorstCase, Self::UncertaintyWeighted, Self::AveragedWeights];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Mean => "mean",
            Self::WorstCase => "WCO",
            Self::UncertaintyWeighted => "UWO",
            Self::AveragedWeights => "WARM",
        }
    }

    fn config(self, base: &RewardModelConfig) -> RewardModelConfig {
        let base = base.clone();
        match self {
            Self::Single => RewardModelConfig { members: 1, ..base },
            Self::Mean => base,
            Self::WorstCase => RewardModelConfig { aggregation: Aggregation::WorstCase, ..base },
            // Coste et al. 2023 (arXiv 2310.02743) penalise by 0.5 for best-of-n.
            Self::UncertaintyWeighted => RewardModelConfig {
                aggregation: Aggregation::UncertaintyWeighted,
                variance_penalty: 0.5,
                ..base
            },
            Self::AveragedWeights => RewardModelConfig { average_weights: true, ..base },
        }
    }
}

/// Answers by the gold return about random pairs of the segments, a share `flips` of them turned around.
pub(super) fn answers(segments: &[Segment], pairs: usize, flips: f64, seed: u64) -> Vec<Answer> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut answer = || {
        let mut draw = || segments[rng.random_range(0..segments.len() as u64) as usize].clone();
        let (first, second) = (draw(), draw());
        let margin = first.gold_return() - second.gold_return();
        let choice = match margin {
            0.0 => Choice::Equal,
            margin if margin > 0.0 => Choice::First,
            _ => Choice::Second,
        };
        let choice = if rng.random::<f64>() < flips { choice.swapped() } else { choice };
        let (query, teacher) = (Query::new(first, second, 0), "gold".to_owned());
        Answer { query, choice, teacher, at_ms: None, latency_ms: None, cost: 1.0 }
    };
    (0..pairs).map(|_| answer()).collect()
}

/// The answers as training data.
pub(super) fn data(answers: &[Answer], sizes: StepSizes) -> Result<PreferenceData, TelosError> {
    let StepSizes { observation, action, segment } = sizes;
    let mut data = PreferenceData::new(answers.len(), segment, observation, action)?;
    for answer in answers {
        data.push(answer)?;
    }
    Ok(data)
}

pub(super) fn sizes(segment: &Segment) -> StepSizes {
    let steps = segment.len;
    StepSizes {
        observation: segment.obs.len() / steps,
        action: segment.actions.len() / steps,
        segment: steps,
    }
}

/// A trained model and its kind.
pub(super) type Proxy = (Kind, Box<dyn RewardLearner>);

/// A model of every kind. Those that differ only in how they combine their members share the training.
pub(super) fn train(
    base: &RewardModelConfig,
    data: &PreferenceData,
    sizes: StepSizes,
    seed: u64,
) -> Result<Vec<Proxy>, TelosError> {
    let build = |kind: Kind| kind.config(base).build(sizes, seed, &Device::Cpu);
    let mut ensemble = build(Kind::WorstCase)?;
    ensemble.train(data, data)?;
    let trained = telos_checkpoint::to_bytes(&*ensemble);
    Kind::ALL
        .into_iter()
        .map(|kind| {
            let mut model = build(kind)?;
            match kind {
                Kind::Single | Kind::AveragedWeights => {
                    model.train(data, data)?;
                }
                _ => telos_checkpoint::from_bytes(&mut *model, &trained)?,
            }
            Ok((kind, model))
        })
        .collect()
}

/// Sums of predicted rewards.
pub(super) fn returns(model: &dyn RewardModel, segments: &[Segment]) -> Result<Vec<f64>, TelosError> {
    let mut rewards = Vec::new();
    segments
        .iter()
        .map(|segment| {
            rewards.resize(segment.len, 0.0);
            model.predict(&segment.obs, &segment.actions, segment.len, &mut rewards)?;
            Ok(rewards.iter().map(|&r| f64::from(r)).sum())
        })
        .collect()
}
