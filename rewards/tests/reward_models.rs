//! Each reward model does, on a small problem with a known answer, what its paper claims.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, in its helpers too")]

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::Segment;
use telos_nn::Device;
use telos_rewards::{
    feedback::{Answer, Choice, Query},
    reward_model::{
        Aggregation, DecorrelatedConfig, PreferenceData, PseudoLabelConfig, RewardLearner, RewardModelConfig,
        RewardModelKind, StepSizes, TiesConfig, UserLatentConfig,
    },
};

const SIZES: StepSizes = StepSizes { observation: 4, action: 2, segment: 8 };

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// Steps scattered around a centre that differs from segment to segment, `centre` wide.
fn segment(rng: &mut Xoshiro256PlusPlus, centre: f32) -> Segment {
    let centre: [f32; 6] = std::array::from_fn(|_| centre * rng.random_range(-1.0..1.0));
    let mut segment = Segment { len: SIZES.segment, ..Segment::default() };
    for _ in 0..SIZES.segment {
        let step = centre.map(|x| x + rng.random_range(-0.3..0.3));
        segment.obs.extend(&step[..SIZES.observation]);
        segment.actions.extend(&step[SIZES.observation..]);
        segment.gold.push(0.6 * step[0] - 0.4 * step[1] + 0.3 * step[2] * step[2]);
    }
    segment
}

fn effort(segment: &Segment) -> f32 {
    segment.actions.iter().map(|a| a * a).sum()
}

/// Pairs judged by the sign of what `judge` says about first and second; within `equal` they are equal.
fn judged(
    count: usize,
    seed: u64,
    equal: f32,
    teacher: &str,
    judge: impl Fn(&Segment) -> f32,
) -> Vec<Answer> {
    let mut rng = rng(seed);
    (0..count)
        .map(|_| {
            let (first, second) = (segment(&mut rng, 1.0), segment(&mut rng, 1.0));
            let margin = judge(&first) - judge(&second);
            let choice = match margin {
                margin if margin.abs() < equal => Choice::Equal,
                margin if margin > 0.0 => Choice::First,
                _ => Choice::Second,
            };
            let query = Query::new(first, second, 0);
            Answer { query, choice, teacher: teacher.into(), at_ms: None, latency_ms: None, cost: 1.0 }
        })
        .collect()
}

fn by_gold(count: usize, seed: u64) -> Vec<Answer> {
    judged(count, seed, 0.0, "gold", Segment::gold_return)
}

/// Turns a share of the answers around.
fn flipped(mut answers: Vec<Answer>, share: f32, seed: u64) -> Vec<Answer> {
    let mut rng = rng(seed);
    for answer in &mut answers {
        if rng.random::<f32>() < share {
            answer.choice = answer.choice.swapped();
        }
    }
    answers
}

fn data(answers: &[Answer]) -> PreferenceData {
    let mut data =
        PreferenceData::new(answers.len(), SIZES.segment, SIZES.observation, SIZES.action).unwrap();
    answers.iter().for_each(|answer| assert!(data.push(answer).unwrap()));
    data
}

/// Trains to the end of the epochs: nothing is stopped early.
fn config(kind: RewardModelKind, epochs: usize) -> RewardModelConfig {
    RewardModelConfig {
        kind,
        hidden: vec![32, 32],
        batch: 16,
        max_epochs: epochs,
        target_accuracy: 1.0,
        learning_rate: 1e-3,
        ..RewardModelConfig::default()
    }
}

fn trained(config: &RewardModelConfig, data: &PreferenceData, seed: u64) -> Box<dyn RewardLearner> {
    let mut model = config.build(SIZES, seed, &Device::Cpu).unwrap();
    model.train(data, data).unwrap();
    model
}

fn accuracy(model: &dyn RewardLearner, answers: &[Answer]) -> f32 {
    model.accuracy(&data(answers)).unwrap().unwrap()
}

fn logit(model: &dyn RewardLearner, answer: &Answer) -> f64 {
    let [first, second] = answer.query.pair().unwrap();
    f64::from(model.logit(first.view(), second.view()).unwrap())
}

/// Sum of the predicted rewards.
fn predicted(model: &dyn RewardLearner, segment: &Segment) -> f32 {
    let mut rewards = vec![0.0; segment.len];
    model.predict(&segment.obs, &segment.actions, segment.len, &mut rewards).unwrap();
    rewards.iter().sum()
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Mean negative log-likelihood of decided answers under Bradley-Terry.
fn cross_entropy(model: &dyn RewardLearner, answers: &[Answer]) -> f64 {
    let surprise = |answer: &Answer| {
        let logit = logit(model, answer);
        softplus(if answer.choice == Choice::First { -logit } else { logit })
    };
    answers.iter().map(surprise).sum::<f64>() / answers.len() as f64
}

fn correlation(pairs: &[(f32, f32)]) -> f32 {
    let n = pairs.len() as f32;
    let mean = |of: fn(&(f32, f32)) -> f32| pairs.iter().map(of).sum::<f32>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let moment = |of: &dyn Fn(&(f32, f32)) -> f32| pairs.iter().map(of).sum::<f32>();
    let cov = moment(&|p| (p.0 - x) * (p.1 - y));
    cov / (moment(&|p| (p.0 - x).powi(2)) * moment(&|p| (p.1 - y).powi(2))).sqrt()
}

#[test]
fn ties_explain_equal_answers_that_bradley_terry_cannot() {
    let answers = judged(400, 1, 2.5, "gold", Segment::gold_return);
    let held_out = judged(400, 2, 2.5, "gold", Segment::gold_return);
    let share = answers.iter().filter(|a| a.choice == Choice::Equal).count() as f64 / 400.0;
    assert!((0.2..0.8).contains(&share), "{share}");
    let bradley_terry = trained(&config(RewardModelKind::Mlp, 30), &data(&answers), 3);
    let ties = trained(&config(RewardModelKind::Ties, 30), &data(&answers), 3);
    let mean = |surprise: &dyn Fn(&Answer) -> f64| held_out.iter().map(surprise).sum::<f64>() / 400.0;
    // The best that a model without ties can say: equal with its usual share, whatever the segments.
    let without = mean(&|answer| match answer.choice {
        Choice::Equal => -share.ln(),
        Choice::First => softplus(-logit(&*bradley_terry, answer)) - (1.0 - share).ln(),
        _ => softplus(logit(&*bradley_terry, answer)) - (1.0 - share).ln(),
    });
    let k = TiesConfig::default().k;
    let with = mean(&|answer| {
        let margin = logit(&*ties, answer);
        let (first, second) = (softplus(k.ln() - margin), softplus(k.ln() + margin));
        match answer.choice {
            Choice::First => first,
            Choice::Second => second,
            _ => first + second - (k * k - 1.0).ln(),
        }
    });
    assert!(with < 0.85 * without, "{with} nats with ties, {without} without");
}

#[test]
fn a_latent_serves_two_users_of_opposite_taste_where_one_reward_serves_neither() {
    let taste = |sign: f32| move |segment: &Segment| sign * segment.gold_return();
    let users = |count, seed| {
        let (likes, dislikes) =
            (judged(count, seed, 0.0, "ada", taste(1.0)), judged(count, seed + 1, 0.0, "bob", taste(-1.0)));
        [likes, dislikes]
    };
    let answers = users(150, 1).concat();
    let [ada, bob] = users(200, 5);
    let one = trained(&config(RewardModelKind::Mlp, 30), &data(&answers), 3);
    let each = config(RewardModelKind::UserLatent, 60);
    let latent = trained(&each, &data(&answers), 3);
    for held_out in [&ada, &bob] {
        let (one, latent) = (accuracy(&*one, held_out), accuracy(&*latent, held_out));
        assert!((0.25..0.75).contains(&one) && latent > 0.85, "{one} by one reward, {latent} by a latent");
    }
    // The configured user decides what is predicted; without one, opposite tastes cancel.
    let learned = telos_checkpoint::to_bytes(&*latent);
    let agrees = |user: Option<&str>| {
        let user_latent = UserLatentConfig { user: user.map(str::to_owned), ..Default::default() };
        let config = RewardModelConfig { user_latent, ..each.clone() };
        let mut model = config.build(SIZES, 3, &Device::Cpu).unwrap();
        telos_checkpoint::from_bytes(&mut *model, &learned).unwrap();
        let right = ada.iter().filter(|a| (logit(&*model, a) > 0.0) == (a.choice == Choice::First));
        right.count() as f32 / ada.len() as f32
    };
    assert!(agrees(Some("ada")) > 0.85 && agrees(Some("bob")) < 0.15);
    assert!((0.2..0.8).contains(&agrees(None)));
}

#[test]
fn conservative_rewards_fall_where_members_disagree() {
    let answers = data(&by_gold(150, 1));
    let config = |aggregation, variance_penalty| RewardModelConfig {
        aggregation,
        variance_penalty,
        ..config(RewardModelKind::Mlp, 30)
    };
    let mut rng = rng(2);
    let mut segments = |centre| (0..100).map(|_| segment(&mut rng, centre)).collect::<Vec<Segment>>();
    let (known, unknown) = (segments(1.0), segments(6.0));
    // Without a penalty, the mean of the standardised members.
    let mean = trained(&config(Aggregation::UncertaintyWeighted, 0.0), &answers, 3);
    for aggregation in [Aggregation::WorstCase, Aggregation::UncertaintyWeighted] {
        let conservative = trained(&config(aggregation, 0.5), &answers, 3);
        let loss = |s: &Segment| predicted(&*mean, s) - predicted(&*conservative, s);
        let penalty = |segments: &[Segment]| segments.iter().map(loss).sum::<f32>() / segments.len() as f32;
        let (inside, outside) = (penalty(&known), penalty(&unknown));
        assert!(
            inside > 0.0 && outside > 2.0 * inside,
            "{aggregation:?}: {inside} inside, {outside} outside"
        );
    }
}

#[test]
fn smoothed_answers_outlast_flips_that_likelihood_memorises() {
    let answers = data(&flipped(by_gold(200, 1), 0.25, 2));
    let held_out = by_gold(400, 3);
    let likelihood = config(RewardModelKind::Mlp, 120);
    let smoothing = RewardModelConfig { data_smoothing: 0.1, ..likelihood.clone() };
    let short = RewardModelConfig { max_epochs: 10, ..likelihood.clone() };
    let [short, long, smooth] = [short, likelihood, smoothing].map(|c| trained(&c, &answers, 4));
    let [short, long, smooth] = [&*short, &*long, &*smooth].map(|model| cross_entropy(model, &held_out));
    assert!(long > short + 0.1, "more epochs must hurt the likelihood: {short} nats, then {long}");
    assert!(smooth < long - 0.1, "{smooth} nats smoothed, {long} by likelihood");
}

#[test]
fn own_sure_answers_stand_in_for_most_of_the_given_ones() {
    let unjudged = data(&by_gold(400, 9));
    let held_out = by_gold(400, 5);
    let supervised = config(RewardModelKind::Mlp, 30);
    let pseudo_labels = PseudoLabelConfig { rounds: 1, pairs: 300, ..PseudoLabelConfig::default() };
    let semi = RewardModelConfig { pseudo_labels, ..supervised.clone() };
    let mean = |config: &RewardModelConfig, given: usize| {
        let one = |seed| {
            let mut model = config.build(SIZES, seed, &Device::Cpu).unwrap();
            model.train(&data(&by_gold(given, 20 + seed)), &unjudged).unwrap();
            accuracy(&*model, &held_out)
        };
        (0..4).map(one).sum::<f32>() / 4.0
    };
    let (few, semi, all) = (mean(&supervised, 50), mean(&semi, 50), mean(&supervised, 200));
    assert!(semi >= few && semi > 0.95 * all, "{few} from 50 answers, {semi} with own ones, {all} from 200");
}

#[test]
fn the_quality_head_does_not_follow_effort_that_the_teacher_likes() {
    let impressed = |segment: &Segment| segment.gold_return() + 0.8 * effort(segment);
    let answers = data(&judged(400, 1, 0.0, "impressed", impressed));
    let plain = config(RewardModelKind::Mlp, 30);
    let decorrelated = config(RewardModelKind::Decorrelated, 30);
    let mut rng = rng(2);
    let segments: Vec<Segment> = (0..300).map(|_| segment(&mut rng, 1.0)).collect();
    let follows = |config: &RewardModelConfig, what: &dyn Fn(&Segment) -> f32| {
        let model = trained(config, &answers, 3);
        let pairs: Vec<(f32, f32)> = segments.iter().map(|s| (predicted(&*model, s), what(s))).collect();
        correlation(&pairs)
    };
    let (before, after) = (follows(&plain, &effort), follows(&decorrelated, &effort));
    assert!(before > 0.4 && after.abs() < 0.3 * before, "correlation with effort {before}, then {after}");
    let gold = |segment: &Segment| segment.gold_return();
    assert!(follows(&decorrelated, &gold) > follows(&plain, &gold));
    let weights = DecorrelatedConfig { correlation: -1.0, ..Default::default() };
    let error =
        RewardModelConfig { decorrelated: weights, ..decorrelated }.validate().unwrap_err().to_string();
    assert!(error.contains("`decorrelated.correlation` = -1"), "{error}");
}
