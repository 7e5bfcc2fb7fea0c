//! The scripted teacher's answers, counted over many queries, against what its settings promise.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use telos_envs::Segment;
use telos_rewards::{
    feedback::{Answer, Choice, Order, Query},
    teacher::{ScriptedPreset, ScriptedTeacher, ScriptedTeacherConfig, Teacher},
};

const QUERIES: usize = 20_000;

/// A segment with these gold rewards; `tag` makes it one of its own.
fn segment(gold: &[f32], tag: f32) -> Segment {
    let len = gold.len();
    Segment { obs: vec![tag; len], actions: vec![0.0; len], gold: gold.to_vec(), len, ..Segment::default() }
}

fn teacher(config: ScriptedTeacherConfig) -> ScriptedTeacher {
    ScriptedTeacher::new(config, 7).unwrap()
}

/// Shows `count` episodes of ten steps with this reward in each.
fn show(teacher: &mut ScriptedTeacher, count: usize, reward: f32) {
    let episode = segment(&[reward; 10], 0.0);
    (0..count).for_each(|_| teacher.observe_episode(episode.view()));
}

fn ask(teacher: &mut ScriptedTeacher, queries: impl Iterator<Item = Query>) -> Vec<Answer> {
    queries.for_each(|query| teacher.submit(query).unwrap());
    let mut answers = Vec::new();
    teacher.poll(&mut answers).unwrap();
    answers
}

/// Fraction of many comparisons of these gold rewards that are answered by `choice`.
fn rate(teacher: &mut ScriptedTeacher, first: &[f32], second: &[f32], choice: &Choice) -> f64 {
    let query = |tag: usize| Query::new(segment(first, tag as f32), segment(second, 0.0), 0);
    let answers = ask(teacher, (0..QUERIES).map(query));
    answers.iter().filter(|answer| answer.choice == *choice).count() as f64 / QUERIES as f64
}

/// Requires a share of `QUERIES` draws to lie within four standard errors of its probability.
fn assert_share(found: f64, probability: f64) {
    let error = (probability * (1.0 - probability) / QUERIES as f64).sqrt();
    assert!((found - probability).abs() < 4.0 * error, "{found}, expected {probability} +- {error}");
}

#[test]
fn the_oracle_prefers_the_larger_return_and_is_never_wrong() {
    let mut oracle = teacher(ScriptedPreset::Oracle.config());
    assert_eq!(rate(&mut oracle, &[0.1, 0.9], &[0.5, 0.4], &Choice::First), 1.0);
    assert_eq!(rate(&mut oracle, &[0.5, 0.4], &[0.1, 0.9], &Choice::Second), 1.0);
    assert_eq!(rate(&mut oracle, &[0.5, 0.4], &[0.4, 0.5], &Choice::Equal), 1.0);
}

#[test]
fn a_stochastic_teacher_follows_bradley_terry() {
    for (beta, margin) in [(1.0_f32, 0.5_f32), (2.0, 0.5), (1.0, -1.5)] {
        let mut stochastic = teacher(ScriptedTeacherConfig { beta, ..ScriptedPreset::Stochastic.config() });
        let first = [0.5 + margin, 0.5];
        let probability = 1.0 / (1.0 + f64::from(-beta * margin).exp());
        assert_share(rate(&mut stochastic, &first, &[0.5, 0.5], &Choice::First), probability);
    }
}

#[test]
fn a_mistaken_teacher_errs_at_its_rate() {
    for mistake in [0.1, 0.35] {
        let mut mistaken = teacher(ScriptedTeacherConfig { mistake, ..ScriptedPreset::Mistake.config() });
        assert_share(rate(&mut mistaken, &[1.0], &[0.0], &Choice::Second), mistake.into());
    }
    assert_eq!(ScriptedPreset::Mistake.config().mistake, 0.1);
}

#[test]
fn a_myopic_teacher_weighs_the_end() {
    let (early, late) = ([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.5]);
    let mut oracle = teacher(ScriptedTeacherConfig::oracle());
    assert_eq!(rate(&mut oracle, &early, &late, &Choice::First), 1.0);
    // 0.9^3 + 0.9^2 = 1.539 > 1.5, and 0.7^3 + 0.7^2 = 0.83 < 1.5.
    let mut myopic = teacher(ScriptedPreset::Myopic.config());
    assert_eq!(rate(&mut myopic, &early, &late, &Choice::First), 1.0);
    let mut more = teacher(ScriptedTeacherConfig { gamma: 0.7, ..ScriptedTeacherConfig::default() });
    assert_eq!(rate(&mut more, &early, &late, &Choice::Second), 1.0);
}

#[test]
fn thresholds_scale_with_the_recent_mean_return() {
    let config = ScriptedTeacherConfig { skip: 0.5, equal: 0.25, ..Default::default() };
    let mut teacher = teacher(config);
    // No episode yet: no threshold.
    assert_eq!(rate(&mut teacher, &[0.02, 0.0], &[0.01, 0.0], &Choice::First), 1.0);
    show(&mut teacher, 3, 100.0);
    // Ten newer episodes push those out: 0.4 per step, 0.8 per segment of 2 steps. Skip at most
    // 0.4, equal below a difference of 0.2.
    show(&mut teacher, 10, 0.4);
    assert_eq!(rate(&mut teacher, &[0.39, 0.0], &[0.0, 0.0], &Choice::Skip), 1.0);
    assert_eq!(rate(&mut teacher, &[0.41, 0.0], &[0.0, 0.0], &Choice::First), 1.0);
    assert_eq!(rate(&mut teacher, &[0.5, 0.5], &[0.5, 0.31], &Choice::Equal), 1.0);
    assert_eq!(rate(&mut teacher, &[0.5, 0.5], &[0.5, 0.29], &Choice::First), 1.0);
}

#[test]
fn the_presets_skip_and_equal_have_the_benchmarks_thresholds() {
    let mut skip = teacher(ScriptedPreset::Skip.config());
    let mut equal = teacher(ScriptedPreset::Equal.config());
    [&mut skip, &mut equal].into_iter().for_each(|teacher| show(teacher, 10, 1.0));
    // A tenth of the typical return 2.0 of a segment of two steps.
    assert_eq!(rate(&mut skip, &[0.19, 0.0], &[0.0, 0.0], &Choice::Skip), 1.0);
    assert_eq!(rate(&mut skip, &[0.21, 0.0], &[0.0, 0.0], &Choice::First), 1.0);
    assert_eq!(rate(&mut equal, &[1.19, 0.0], &[1.0, 0.0], &Choice::Equal), 1.0);
    assert_eq!(rate(&mut equal, &[1.21, 0.0], &[1.0, 0.0], &Choice::First), 1.0);
}

fn order(places: Vec<u8>) -> Order {
    places.try_into().unwrap()
}

fn ranking(golds: &[f32], tag: usize) -> Query {
    Query::ranking(golds.iter().map(|&gold| segment(&[gold], tag as f32)).collect(), 0)
}

#[test]
fn an_oracle_ranks_by_return() {
    let answers =
        ask(&mut teacher(ScriptedTeacherConfig::oracle()), [ranking(&[0.2, 0.9, 0.1, 0.5], 0)].into_iter());
    assert_eq!(answers[0].choice, Choice::Ranking(order(vec![1, 3, 0, 2])));
}

#[test]
fn a_stochastic_ranking_is_plackett_luce() {
    let mut stochastic = teacher(ScriptedTeacherConfig::stochastic());
    let answers = ask(&mut stochastic, (0..QUERIES).map(|tag| ranking(&[1.0, 0.0, -0.5], tag)));
    let share = |wanted: &dyn Fn(&[u8]) -> bool| {
        let hits = answers.iter().filter(|answer| match answer.choice {
            Choice::Ranking(order) => wanted(order.places()),
            _ => false,
        });
        hits.count() as f64 / QUERIES as f64
    };
    let [a, b, c] = [1.0_f64, 0.0, -0.5].map(f64::exp);
    assert_share(share(&|order| order[0] == 0), a / (a + b + c));
    assert_share(share(&|order| order == [0, 1, 2]), a / (a + b + c) * b / (b + c));
    // Any two of the three are ordered as Bradley and Terry say.
    let place = |order: &[u8], of: u8| order.iter().position(|&at| at == of);
    assert_share(share(&|order| place(order, 1) < place(order, 2)), b / (b + c));
}

#[test]
fn a_mistake_exchanges_two_neighbours_of_a_ranking() {
    let mut mistaken = teacher(ScriptedTeacherConfig { mistake: 0.3, ..Default::default() });
    let answers = ask(&mut mistaken, (0..QUERIES).map(|tag| ranking(&[3.0, 2.0, 1.0], tag)));
    let share = |places: [u8; 3]| {
        let hits = answers.iter().filter(|answer| answer.choice == Choice::Ranking(order(places.to_vec())));
        hits.count() as f64 / QUERIES as f64
    };
    assert_share(share([0, 1, 2]), 0.7);
    assert_share(share([1, 0, 2]), 0.15);
    assert_share(share([0, 2, 1]), 0.15);
}

#[test]
fn ratings_divide_the_range_that_was_seen() {
    let mut oracle = teacher(ScriptedTeacherConfig::oracle());
    let rating = |gold: f32, tag: usize| Query::rating(segment(&[gold, gold], tag as f32), 5, 0);
    // Nothing seen yet: the middle.
    assert_eq!(ask(&mut oracle, [rating(9.0, 0)].into_iter())[0].choice, Choice::Rating(3));
    show(&mut oracle, 1, -1.0);
    show(&mut oracle, 1, 4.0);
    let golds = [-7.0, -1.0, -0.1, 0.1, 1.5, 2.9, 3.1, 4.0, 7.0];
    let answers = ask(&mut oracle, golds.iter().enumerate().map(|(tag, &gold)| rating(gold, tag)));
    let grades: Vec<Choice> = [1, 1, 1, 2, 3, 4, 5, 5, 5].map(Choice::Rating).to_vec();
    assert_eq!(answers.into_iter().map(|answer| answer.choice).collect::<Vec<_>>(), grades);

    let mut mistaken = teacher(ScriptedTeacherConfig { mistake: 0.2, ..Default::default() });
    show(&mut mistaken, 1, 0.0);
    show(&mut mistaken, 1, 1.0);
    let answers = ask(&mut mistaken, (0..QUERIES).map(|tag| rating(0.5, tag)));
    let share = |grade: u8| {
        answers.iter().filter(|answer| answer.choice == Choice::Rating(grade)).count() as f64 / QUERIES as f64
    };
    assert_share(share(3), 0.8);
    assert_share(share(2), 0.1);
    assert_share(share(4), 0.1);
}

#[test]
fn a_stochastic_rater_errs_by_logistic_noise_about_the_return() {
    let mut stochastic = teacher(ScriptedTeacherConfig { beta: 4.0, ..Default::default() });
    show(&mut stochastic, 1, 0.0);
    show(&mut stochastic, 1, 1.0);
    let query = |tag: usize| Query::rating(segment(&[0.25], tag as f32), 2, 0);
    let answers = ask(&mut stochastic, (0..QUERIES).map(query));
    let high = answers.iter().filter(|answer| answer.choice == Choice::Rating(2)).count();
    // The edge is at 0.5: a quarter above the return.
    assert_share(high as f64 / QUERIES as f64, 1.0 / (1.0 + f64::exp(4.0 * 0.25)));
}

#[test]
fn answers_do_not_depend_on_what_was_asked_before() {
    let query = |i: usize| Query::new(segment(&[0.3, i as f32], 0.0), segment(&[0.1, 2.0], 1.0), 0);
    let mut asked = teacher(ScriptedTeacherConfig::stochastic());
    let all = ask(&mut asked, (0..4).map(query));
    assert_eq!(asked.pending(), 0);
    let mut resumed = teacher(ScriptedTeacherConfig::stochastic());
    resumed.resubmit(all[3].clone()).unwrap();
    let mut restored = teacher(ScriptedTeacherConfig::stochastic());
    telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&resumed)).unwrap();
    assert_eq!(restored.pending(), 1);
    assert_eq!(ask(&mut restored, std::iter::empty()), all[3..]);
}

#[test]
fn configurations_out_of_range_name_their_key() {
    for (config, key) in [
        (ScriptedTeacherConfig { gamma: 0.0, ..Default::default() }, "gamma"),
        (ScriptedTeacherConfig { mistake: 1.5, ..Default::default() }, "mistake"),
        (ScriptedTeacherConfig { equal: f32::NAN, ..Default::default() }, "equal"),
    ] {
        let error = ScriptedTeacher::new(config, 0).err().unwrap().to_string();
        assert!(error.contains(key), "{error}");
    }
}
