//! What a reward model learns from regret preferences is an optimal advantage, and can be used as one.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, in its helpers too")]

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{BoxSpace, Segment};
use telos_nn::Device;
use telos_rewards::{
    feedback::{Answer, Choice, Query},
    reward_model::{
        AdvantageConfig, PreferenceData, RewardLearner, RewardModelConfig, RewardModelKind, StepSizes,
        greedy_actions,
    },
};

const SIZES: StepSizes = StepSizes { observation: 1, action: 1, segment: 5 };

/// Length of the longest step.
const REACH: f32 = 0.2;

/// A point on a line that wants to be at 0: what an action loses against the best one.
fn advantage(x: f32, action: f32) -> f32 {
    let best = (x.abs() - REACH).max(0.0);
    3.0 * (best - (x + REACH * action).abs())
}

fn data(pairs: usize) -> PreferenceData {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut data = PreferenceData::new(pairs, SIZES.segment, 1, 1).unwrap();
    for _ in 0..pairs {
        let mut segment = || {
            let mut x: f32 = rng.random_range(-1.0..1.0);
            let mut segment = Segment { len: SIZES.segment, ..Segment::default() };
            for _ in 0..SIZES.segment {
                let action: f32 = rng.random_range(-1.0..1.0);
                segment.obs.push(x);
                segment.actions.push(action);
                segment.gold.push(advantage(x, action));
                x += REACH * action;
            }
            segment
        };
        let (first, second) = (segment(), segment());
        let regret_is_less = first.gold_return() > second.gold_return();
        let choice = if regret_is_less { Choice::First } else { Choice::Second };
        let (query, teacher) = (Query::new(first, second, 0), "regret".to_owned());
        data.push(&Answer { query, choice, teacher, at_ms: None, latency_ms: None, cost: 1.0 }).unwrap();
    }
    data
}

fn trained(zero_best: f64) -> Box<dyn RewardLearner> {
    let config = RewardModelConfig {
        kind: RewardModelKind::Regret,
        hidden: vec![32, 32],
        learning_rate: 1e-3,
        max_epochs: 40,
        target_accuracy: 1.0,
        regret: AdvantageConfig { zero_best, ..AdvantageConfig::default() },
        ..RewardModelConfig::default()
    };
    let mut model = config.build(SIZES, 3, &Device::Cpu).unwrap();
    let data = data(400);
    model.train(&data, &data).unwrap();
    model
}

/// The best action's advantage at positions from -1 to 1, and the worst's.
fn extremes(model: &dyn RewardLearner) -> Vec<[f32; 2]> {
    let actions: Vec<f32> = (-10..=10).map(|at| at as f32 / 10.0).collect();
    let at = |x: f32| {
        let mut advantages = vec![0.0; actions.len()];
        model.predict(&vec![x; actions.len()], &actions, actions.len(), &mut advantages).unwrap();
        let (best, worst) = (f32::max, f32::min);
        [advantages.iter().copied().fold(f32::MIN, best), advantages.iter().copied().fold(f32::MAX, worst)]
    };
    (-10..=10).map(|x| at(x as f32 / 10.0)).collect()
}

#[test]
fn acting_greedily_on_it_needs_no_reinforcement_learning() {
    let model = trained(AdvantageConfig::default().zero_best);
    let space = BoxSpace::uniform(1, -1.0, 1.0);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut positions = [-0.9, -0.5, 0.4, 0.95];
    let mut actions = [0.0; 4];
    for _ in 0..10 {
        greedy_actions(&*model, &space, &positions, 4, 64, &mut rng, &mut actions).unwrap();
        positions.iter_mut().zip(actions).for_each(|(x, action)| *x += REACH * action);
    }
    assert!(positions.iter().all(|x| x.abs() < 0.15), "{positions:?}");
    let unbounded = BoxSpace::unbounded(1);
    let error = greedy_actions(&*model, &unbounded, &positions, 4, 64, &mut rng, &mut actions).unwrap_err();
    assert!(error.to_string().contains("sought between bounds"), "{error}");
}

#[test]
fn the_best_action_is_held_at_no_advantage() {
    let distance = |zero_best| {
        let extremes = extremes(&*trained(zero_best));
        let spread = extremes.iter().map(|[best, worst]| best - worst).sum::<f32>();
        extremes.iter().map(|[best, _]| best.abs()).sum::<f32>() / spread
    };
    let (free, held) = (distance(0.0), distance(1.0));
    assert!(held < 0.15 && held < 0.5 * free, "{held} of the spread held at zero, {free} without");
}
