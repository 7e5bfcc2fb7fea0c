//! The gradient of every objective against differences of its loss.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_nn::{Device, Parameters, Tensor, TransformerConfig};

use super::{
    Advantage, AdvantageConfig, Batch, Decorrelated, Hindsight, HindsightConfig, LearnedReward,
    PartialReturn, PreferenceData, RewardModelConfig, RewardModelKind, RewardObjective, StepSizes, Ties,
    UserLatent, UserLatentConfig,
};

const SIZES: StepSizes = StepSizes { observation: 2, action: 1, segment: 3 };
const MEMBERS: usize = 2;
const PAIRS: usize = 3;
const STEP: f32 = 1e-3;

/// Two teachers and all three answers.
fn data() -> PreferenceData {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let mut data = PreferenceData::new(6, SIZES.segment, SIZES.observation, SIZES.action).unwrap();
    for at in 0..6 {
        let rows: Vec<f32> =
            (0..2 * SIZES.segment * SIZES.width()).map(|_| rng.random_range(-1.0..1.0)).collect();
        data.push_rows(&rows, [[1.0, 0.0, 0.5][at % 3], 1.0], ["ada", "bob"][at / 3]);
    }
    data
}

fn model<O: RewardObjective>(kind: RewardModelKind) -> LearnedReward<O> {
    let plain = RewardModelConfig { kind, members: MEMBERS, hidden: vec![5], ..RewardModelConfig::default() };
    let transformer = TransformerConfig { width: 4, heads: 1, layers: 1 };
    let config = match kind {
        RewardModelKind::Hindsight => RewardModelConfig {
            hindsight: HindsightConfig { updates: 0, transformer, ..Default::default() },
            ..plain
        },
        RewardModelKind::Regret => {
            RewardModelConfig { regret: AdvantageConfig { zero_best: 0.7, candidates: 2 }, ..plain }
        }
        RewardModelKind::UserLatent => RewardModelConfig {
            user_latent: UserLatentConfig { latent: 2, hidden: 4, context: 2, ..Default::default() },
            ..plain
        },
        _ => plain,
    };
    LearnedReward::new(config, SIZES, 11, &Device::Cpu).unwrap()
}

/// The loss of a model fresh from its seed, so that whatever it draws is the same each time, with one
/// element of one parameter shifted.
fn loss<O: RewardObjective>(
    kind: RewardModelKind,
    shift: Option<(usize, usize, f32)>,
) -> (LearnedReward<O>, Tensor) {
    let data = data();
    let mut model = model::<O>(kind);
    model.scale.fit(data.rows());
    model.objective.prepare(&data, &model.scale, &data).unwrap();
    if let Some((parameter, element, step)) = shift {
        let named = model.named();
        let var = named[parameter].1;
        let mut values: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        values[element] += step;
        var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
    let at = [0, 1, 2, 5, 3, 1];
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for at in at {
        model.scale.extend(data.pair(at).0, &mut inputs);
        targets.push(data.pair(at).1);
    }
    let rows = (MEMBERS, PAIRS * 2 * SIZES.segment, SIZES.width());
    let inputs = Tensor::from_vec(inputs, rows, &Device::Cpu).unwrap();
    let targets = Tensor::from_vec(targets, (MEMBERS, PAIRS), &Device::Cpu).unwrap();
    let batch = Batch { data: &data, at: &at, pairs: PAIRS, inputs, targets, weights: None };
    let loss = model.objective.loss(&model.networks, &batch).unwrap().loss;
    (model, loss)
}

fn check<O: RewardObjective>(kind: RewardModelKind) {
    let (model, at_start) = loss::<O>(kind, None);
    let gradients = at_start.backward().unwrap();
    let value = |loss: &Tensor| loss.to_scalar::<f32>().unwrap();
    for (parameter, (name, var)) in model.named().into_iter().enumerate() {
        let gradient: Vec<f32> =
            gradients.get(var).unwrap().contiguous().unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let tolerance = 3e-3 * (1.0 + gradient.iter().fold(0.0_f32, |most, g| most.max(g.abs())));
        for (element, slope) in gradient.iter().enumerate() {
            let shifted = |step| value(&loss::<O>(kind, Some((parameter, element, step))).1);
            // At a kink, of which a leaky ReLU has one, the slope lies between those of both sides.
            let sides =
                [(value(&at_start) - shifted(-STEP)) / STEP, (shifted(STEP) - value(&at_start)) / STEP];
            let (low, high) = (sides[0].min(sides[1]) - tolerance, sides[0].max(sides[1]) + tolerance);
            assert!(
                (low..high).contains(slope),
                "{name}[{element}]: {sides:?} by differences, {slope} by backward"
            );
        }
    }
}

#[test]
fn partial_return() {
    check::<PartialReturn>(RewardModelKind::Mlp);
}

#[test]
fn hindsight() {
    check::<Hindsight>(RewardModelKind::Hindsight);
}

#[test]
fn advantage() {
    check::<Advantage>(RewardModelKind::Regret);
}

#[test]
fn ties() {
    check::<Ties>(RewardModelKind::Ties);
}

#[test]
fn user_latent() {
    check::<UserLatent>(RewardModelKind::UserLatent);
}

#[test]
fn decorrelated() {
    check::<Decorrelated>(RewardModelKind::Decorrelated);
}
