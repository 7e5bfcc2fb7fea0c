//! What a reward ensemble learns from comparisons.
#![allow(clippy::unwrap_used)]

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::Segment;
use telos_nn::Device;
use telos_rewards::{
    feedback::{Answer, Choice, Comparison, Query},
    reward_model::{
        PreferenceData, PreferenceModel, RewardEnsemble, RewardLearner, RewardModel, RewardModelConfig,
        Session, StepSizes,
    },
    teacher::{ScriptedTeacher, ScriptedTeacherConfig, Teacher},
};

const OBSERVATION: usize = 6;
const ACTION: usize = 2;
const STEPS: usize = 10;
const SIZES: StepSizes = StepSizes { observation: OBSERVATION, action: ACTION, segment: STEPS };

/// Components differ in scale by two orders of magnitude, as heights and joint velocities do.
const SCALE: [f32; OBSERVATION] = [10.0, 0.1, 1.0, 3.0, 0.3, 1.0];

/// Linear in the observation and the action.
fn gold(obs: &[f32], action: &[f32]) -> f32 {
    let x: Vec<f32> = obs.iter().zip(SCALE).map(|(x, scale)| x / scale).collect();
    0.5 * x[0] - 0.4 * x[1] + 0.3 * x[2] + 0.4 * action[0]
}

/// Observations drift within a segment, as they do in a trajectory.
fn segment(rng: &mut Xoshiro256PlusPlus) -> Segment {
    let centre: [f32; OBSERVATION + ACTION] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
    let mut segment = Segment { len: STEPS, ..Segment::default() };
    for _ in 0..STEPS {
        let step = centre.map(|x| x + rng.random_range(-0.5..0.5));
        let obs: Vec<f32> = step.iter().zip(SCALE).map(|(x, scale)| x * scale).collect();
        let action = &step[OBSERVATION..];
        segment.gold.push(gold(&obs, action));
        segment.obs.extend(&obs);
        segment.actions.extend(action);
    }
    segment
}

fn answers(count: usize, config: ScriptedTeacherConfig, seed: u64) -> Vec<Answer> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut teacher = ScriptedTeacher::new(config, seed).unwrap();
    for _ in 0..count {
        teacher.submit(Query::new(segment(&mut rng), segment(&mut rng), 0)).unwrap();
    }
    let mut answers = Vec::new();
    teacher.poll(&mut answers).unwrap();
    answers
}

fn data(answers: &[Answer]) -> PreferenceData {
    let mut data = PreferenceData::new(answers.len(), STEPS, OBSERVATION, ACTION).unwrap();
    answers.iter().for_each(|answer| assert!(data.push(answer).unwrap()));
    data
}

fn ensemble(seed: u64) -> RewardEnsemble {
    let config = RewardModelConfig { hidden: vec![32, 32], batch: 16, ..Default::default() };
    RewardEnsemble::new(config, SIZES, seed, &Device::Cpu).unwrap()
}

fn train(ensemble: &mut RewardEnsemble, answered: &PreferenceData) -> Session {
    ensemble.train(answered, answered).unwrap()
}

fn held_out() -> PreferenceData {
    data(&answers(400, ScriptedTeacherConfig::oracle(), 99))
}

#[test]
fn a_linear_reward_is_learned_from_150_comparisons() {
    let mut ensemble = ensemble(1);
    let held_out = held_out();
    let before = ensemble.accuracy(&held_out).unwrap().unwrap();
    let session = train(&mut ensemble, &data(&answers(150, ScriptedTeacherConfig::oracle(), 2)));
    let after = ensemble.accuracy(&held_out).unwrap().unwrap();
    assert!(after > 0.9, "{before} before, {after} after {session:?}");
    assert!(before < 0.8, "untrained members must not know the reward already: {before}");
    assert!(session.last.accuracy.unwrap() > 0.97 && session.epochs < 50, "{session:?}");
    assert_eq!(PreferenceModel::version(&ensemble), 1);
}

#[test]
fn one_mistake_in_ten_costs_little() {
    let mut ensemble = ensemble(1);
    train(&mut ensemble, &data(&answers(300, ScriptedTeacherConfig::mistaken(), 2)));
    let after = ensemble.accuracy(&held_out()).unwrap().unwrap();
    assert!(after > 0.85, "{after}");
}

#[test]
fn strong_preferences_outvote_weak_ones_only_where_strength_counts() {
    // Every answer is contradicted, weakly.
    let given = answers(150, ScriptedTeacherConfig::oracle(), 2);
    let mut contradicted = PreferenceData::new(2 * given.len(), STEPS, OBSERVATION, ACTION).unwrap();
    for answer in &given {
        let weak = Answer { choice: answer.choice.swapped(), ..answer.clone() };
        for (answer, strength) in [(answer.clone(), 4), (weak, 1)] {
            contradicted.push_comparison(&Comparison { answer, strength }).unwrap();
        }
    }
    let learned = |scaled| {
        let config = RewardModelConfig { hidden: vec![32, 32], batch: 16, scaled, ..Default::default() };
        let mut ensemble = RewardEnsemble::new(config, SIZES, 1, &Device::Cpu).unwrap();
        train(&mut ensemble, &contradicted);
        let likely = given.iter().filter(|answer| {
            let [first, second] = answer.query.pair().unwrap();
            let logit = ensemble.logit(first.view(), second.view()).unwrap();
            // Of five votes four are for it: p = 0.8, well above 0.65.
            (if answer.choice == Choice::First { logit } else { -logit }) > 0.62
        });
        (ensemble.accuracy(&held_out()).unwrap().unwrap(), likely.count())
    };
    let (accuracy, convinced) = learned(true);
    assert!(accuracy > 0.85 && convinced > 75, "{accuracy} with {convinced} of 150");
    let (_, convinced) = learned(false);
    assert!(convinced < 30, "{convinced} of 150 without strengths");
}

#[test]
fn equal_segments_pull_rewards_together() {
    // Every pair is said to be equal: the best model is indifferent.
    let config = ScriptedTeacherConfig { equal: 1e6, ..Default::default() };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let mut teacher = ScriptedTeacher::new(config, 0).unwrap();
    let usual = Segment { gold: vec![1.0; 100], len: 100, ..Segment::default() };
    teacher.observe_episode(usual.view());
    for _ in 0..100 {
        teacher.submit(Query::new(segment(&mut rng), segment(&mut rng), 0)).unwrap();
    }
    let mut equal = Vec::new();
    teacher.poll(&mut equal).unwrap();
    let mut ensemble = ensemble(1);
    let spread = |ensemble: &RewardEnsemble| {
        let logit = |answer: &Answer| {
            let [first, second] = answer.query.pair().unwrap();
            ensemble.logit(first.view(), second.view()).unwrap()
        };
        equal.iter().map(|answer| logit(answer).powi(2)).sum::<f32>()
    };
    let before = spread(&ensemble);
    let session = train(&mut ensemble, &data(&equal));
    assert_eq!(session.last.accuracy, None);
    assert!(spread(&ensemble) < 0.1 * before);
    assert_eq!(ensemble.accuracy(&data(&equal)).unwrap(), None);
}

#[test]
fn the_prediction_is_the_mean_of_members_that_differ() {
    let mut ensemble = ensemble(1);
    train(&mut ensemble, &data(&answers(50, ScriptedTeacherConfig::oracle(), 2)));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    // More rows than are evaluated together.
    let many: Vec<Segment> = (0..60).map(|_| segment(&mut rng)).collect();
    let obs: Vec<f32> = many.iter().flat_map(|segment| segment.obs.clone()).collect();
    let actions: Vec<f32> = many.iter().flat_map(|segment| segment.actions.clone()).collect();
    let rows = 60 * STEPS;
    let (mut mean, mut members) = (vec![0.0; rows], vec![0.0; 3 * rows]);
    ensemble.predict(&obs, &actions, rows, &mut mean).unwrap();
    ensemble.predict_members(&obs, &actions, rows, &mut members).unwrap();
    for row in 0..rows {
        let each = [0, 1, 2].map(|member| members[member * rows + row]);
        assert!((mean[row] - each.iter().sum::<f32>() / 3.0).abs() < 1e-6);
        assert!(each.iter().all(|reward| reward.abs() < 1.0) && each[0] != each[1] && each[1] != each[2]);
    }
    // A logit is the difference of the members' returns.
    let mut logits = [0.0; 3];
    ensemble.member_logits(many[0].view(), many[1].view(), &mut logits).unwrap();
    for (member, logit) in logits.iter().enumerate() {
        let rewards = &members[member * rows..][..2 * STEPS];
        let margin = rewards[..STEPS].iter().sum::<f32>() - rewards[STEPS..].iter().sum::<f32>();
        assert!((logit - margin).abs() < 1e-4);
    }
}

#[test]
fn a_restored_ensemble_trains_on_bit_for_bit() {
    let first = data(&answers(60, ScriptedTeacherConfig::oracle(), 2));
    let second = data(&answers(90, ScriptedTeacherConfig::mistaken(), 3));
    let mut original = ensemble(1);
    train(&mut original, &first);
    // Another seed: everything that matters must come from the bytes.
    let mut restored = ensemble(7);
    telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&original)).unwrap();
    let sessions = [&mut original, &mut restored].map(|ensemble| train(ensemble, &second));
    assert_eq!(sessions[0], sessions[1]);
    assert!(telos_checkpoint::to_bytes(&original) == telos_checkpoint::to_bytes(&restored));
}

#[test]
fn data_that_does_not_fit_is_an_error() {
    let mut ensemble = ensemble(1);
    let none = PreferenceData::new(1, STEPS, OBSERVATION, ACTION).unwrap();
    assert!(ensemble.train(&none, &none).unwrap_err().to_string().contains("no answered pair"));
    let mut out = [0.0; 2];
    let error = ensemble.predict(&[0.0; 11], &[0.0; 4], 2, &mut out).unwrap_err().to_string();
    assert_eq!(error, "observations: expected 12 numbers, found 11");
    let config = RewardModelConfig { members: 0, ..Default::default() };
    let error = RewardEnsemble::new(config, SIZES, 0, &Device::Cpu).err().unwrap().to_string();
    assert!(error.contains("members"), "{error}");
}
