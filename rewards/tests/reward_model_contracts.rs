//! What every kind of reward model promises: exact checkpoints, members that differ, and errors in place
//! of wrong sizes.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, in its helpers too")]

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::Segment;
use telos_nn::{Device, TransformerConfig};
use telos_rewards::{
    feedback::{Answer, Choice, Query},
    reward_model::{
        Aggregation, HindsightConfig, PreferenceData, PseudoLabelConfig, RewardModelConfig, RewardModelKind,
        StepSizes, TiesConfig, UserLatentConfig,
    },
};

const SIZES: StepSizes = StepSizes { observation: 3, action: 1, segment: 4 };

const KINDS: [RewardModelKind; 6] = [
    RewardModelKind::Mlp,
    RewardModelKind::Hindsight,
    RewardModelKind::Regret,
    RewardModelKind::Ties,
    RewardModelKind::UserLatent,
    RewardModelKind::Decorrelated,
];

fn config(kind: RewardModelKind) -> RewardModelConfig {
    let transformer = TransformerConfig { width: 8, heads: 2, layers: 2 };
    let mut config =
        RewardModelConfig { kind, hidden: vec![8], batch: 4, max_epochs: 3, ..RewardModelConfig::default() };
    match kind {
        RewardModelKind::Hindsight => {
            config.hindsight = HindsightConfig { updates: 3, batch: 2, transformer, ..Default::default() };
        }
        RewardModelKind::UserLatent => {
            config.user_latent = UserLatentConfig { latent: 2, hidden: 8, context: 3, ..Default::default() };
        }
        _ => {}
    }
    config
}

/// Every kind plainly, and what else a trainer can do.
fn configs() -> Vec<RewardModelConfig> {
    let mut configs = KINDS.map(config).to_vec();
    let plain = config(RewardModelKind::Mlp);
    let pseudo_labels = PseudoLabelConfig { rounds: 2, pairs: 6, confidence: 0.5 };
    configs.push(RewardModelConfig { pseudo_labels, data_smoothing: 0.5, ..plain.clone() });
    configs.push(RewardModelConfig { average_weights: true, ..plain.clone() });
    configs.push(RewardModelConfig { aggregation: Aggregation::UncertaintyWeighted, ..plain });
    configs
}

/// Answers of two teachers, some of them "equal".
fn data(count: usize, seed: u64) -> PreferenceData {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut data = PreferenceData::new(count, SIZES.segment, SIZES.observation, SIZES.action).unwrap();
    for at in 0..count {
        let mut segment = || {
            let mut numbers = |n: usize| (0..n).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f32>>();
            let (obs, actions) = (numbers(SIZES.segment * 3), numbers(SIZES.segment));
            Segment { obs, actions, gold: vec![0.0; SIZES.segment], len: SIZES.segment, ..Segment::default() }
        };
        let choice = [Choice::First, Choice::Second, Choice::Equal][at % 3];
        let (query, teacher) = (Query::new(segment(), segment(), 0), ["ada", "bob"][at % 2].to_owned());
        data.push(&Answer { query, choice, teacher, at_ms: None, latency_ms: None, cost: 1.0 }).unwrap();
    }
    data
}

fn rows(data: &PreferenceData) -> (Vec<f32>, Vec<f32>) {
    let steps = data.rows().chunks_exact(SIZES.width());
    let obs = steps.clone().flat_map(|row| &row[..SIZES.observation]).copied().collect();
    (obs, steps.flat_map(|row| &row[SIZES.observation..]).copied().collect())
}

#[test]
fn a_restored_model_predicts_and_trains_on_bit_for_bit() {
    let (first, second) = (data(10, 1), data(13, 2));
    let (obs, actions) = rows(&second);
    let count = actions.len() / SIZES.action;
    for config in configs() {
        let mut original = config.build(SIZES, 1, &Device::Cpu).unwrap();
        original.train(&first, &first).unwrap();
        // Another seed: everything that matters must come from the bytes.
        let mut restored = config.build(SIZES, 7, &Device::Cpu).unwrap();
        telos_checkpoint::from_bytes(&mut *restored, &telos_checkpoint::to_bytes(&*original)).unwrap();
        let mut rewards = [vec![0.0; count], vec![0.0; count]];
        for (model, rewards) in [&original, &restored].into_iter().zip(&mut rewards) {
            model.predict(&obs, &actions, count, rewards).unwrap();
        }
        assert_eq!(rewards[0], rewards[1], "{config:?}");
        let sessions = [&mut original, &mut restored].map(|model| model.train(&second, &first).unwrap());
        assert_eq!(sessions[0], sessions[1], "{config:?}");
        assert!(
            telos_checkpoint::to_bytes(&*original) == telos_checkpoint::to_bytes(&*restored),
            "{config:?}"
        );
    }
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let fits = data(6, 1);
    let mut narrow = PreferenceData::new(1, SIZES.segment, 1, 1).unwrap();
    let segment = || Segment {
        obs: vec![0.0; 4],
        actions: vec![0.0; 4],
        gold: vec![0.0; 4],
        len: 4,
        ..Segment::default()
    };
    let query = Query::new(segment(), segment(), 0);
    let answer = Answer {
        query,
        choice: Choice::First,
        teacher: "ada".into(),
        at_ms: None,
        latency_ms: None,
        cost: 1.0,
    };
    narrow.push(&answer).unwrap();
    for config in configs() {
        let mut model = config.build(SIZES, 1, &Device::Cpu).unwrap();
        let error = model.train(&narrow, &fits).unwrap_err().to_string();
        assert_eq!(error, "inputs per step of the preference data: expected 4 numbers, found 2");
        let error = model.predict(&[0.0; 5], &[0.0; 2], 2, &mut [0.0; 2]).unwrap_err().to_string();
        assert_eq!(error, "observations: expected 6 numbers, found 5");
        let error = model.predict(&[0.0; 6], &[0.0; 2], 2, &mut [0.0; 3]).unwrap_err().to_string();
        assert_eq!(error, "rewards: expected 2 numbers, found 3");
        assert!(model.accuracy(&narrow).is_err());
    }
    let short = StepSizes { segment: 1, ..SIZES };
    let error = config(RewardModelKind::Hindsight).build(short, 1, &Device::Cpu).err().unwrap().to_string();
    assert!(error.contains("`segment` = 1: must be at least 2 steps"), "{error}");
}

#[test]
fn values_out_of_range_name_their_key() {
    let plain = RewardModelConfig::default();
    let of = |kind| RewardModelConfig { kind, ..RewardModelConfig::default() };
    let cases = [
        (RewardModelConfig { members: 0, ..plain.clone() }, "`members` = 0"),
        (
            RewardModelConfig { ties: TiesConfig { k: 3.0 }, ..plain.clone() },
            "`ties` = set: only `kind` of the same name reads it",
        ),
        (RewardModelConfig { data_smoothing: 1.0, ..plain.clone() }, "`data_smoothing` = 1"),
        (RewardModelConfig { variance_penalty: -0.5, ..plain.clone() }, "`variance_penalty` = -0.5"),
        (
            RewardModelConfig { average_weights: true, aggregation: Aggregation::WorstCase, ..plain.clone() },
            "`average_weights` = true: leaves one network",
        ),
        (
            RewardModelConfig {
                user_latent: UserLatentConfig { latent: 0, ..Default::default() },
                ..of(RewardModelKind::UserLatent)
            },
            "`user_latent.latent` = 0",
        ),
        (
            RewardModelConfig {
                pseudo_labels: PseudoLabelConfig { confidence: 1.0, ..Default::default() },
                ..plain.clone()
            },
            "`pseudo_labels.confidence` = 1",
        ),
        (
            RewardModelConfig { average_weights: true, ..of(RewardModelKind::UserLatent) },
            "`average_weights` = true: is not for kind",
        ),
    ];
    for (config, message) in cases {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
