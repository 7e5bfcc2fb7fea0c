//! Teachers other than the scripted one: whom they prefer, how often, at what cost, and what they see.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{BoxSpace, EnvSpec, Segment};
use telos_rewards::{
    feedback::{Answer, Choice, Query},
    teacher::{
        AnnotatorConfig, AnnotatorsConfig, InSampleValueConfig, MixtureConfig, RankedFactorsConfig,
        RegretTeacherConfig, ScriptedTeacherConfig, Teacher, TeacherConfig, TeacherSetting, Unresolved,
    },
};

fn spec() -> EnvSpec {
    EnvSpec {
        id: "corridor".into(),
        task: "Go to the end of the corridor.".into(),
        dt: 0.1,
        horizon: 20,
        observation: BoxSpace::unbounded(1),
        action: BoxSpace::uniform(1, -1.0, 1.0),
        factors: vec!["safe".into(), "fast".into()],
        can_terminate: false,
        goal: None,
    }
}

fn build(config: &TeacherConfig) -> Box<dyn Teacher> {
    config.build(TeacherSetting { spec: &spec(), feedback: None, stage: None, seed: 3 }).unwrap()
}

fn ask(teacher: &mut dyn Teacher, queries: impl IntoIterator<Item = Query>) -> Vec<Answer> {
    queries.into_iter().for_each(|query| teacher.submit(query).unwrap());
    let mut answers = Vec::new();
    teacher.poll(&mut answers).unwrap();
    answers
}

/// A walk along the corridor from `start` by these moves; being at x pays x.
fn walk(start: f32, moves: impl IntoIterator<Item = f32>) -> Segment {
    let mut segment = Segment::default();
    let mut x = start;
    for step in moves {
        segment.obs.push(x);
        segment.actions.push(step);
        x = (x + 0.1 * step).clamp(0.0, 1.0);
        segment.gold.push(x);
        segment.factors.extend([1.0 - x, x]);
        segment.len += 1;
    }
    segment.final_obs = vec![x];
    segment
}

fn episodes(count: usize) -> Vec<Segment> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    (0..count)
        .map(|_| {
            let start = rng.random_range(0.0..1.0);
            let bias: f32 = rng.random_range(-1.0..1.0);
            walk(start, (0..20).map(|_| (bias + rng.random_range(-1.0..1.0)).clamp(-1.0, 1.0)))
        })
        .collect()
}

/// A segment with these factor sums in one step; `tag` makes it one of its own.
fn factors(safe: f32, fast: f32, tag: usize) -> Segment {
    let (obs, final_obs) = (vec![tag as f32], vec![0.0]);
    let factors = vec![safe, fast];
    Segment { obs, actions: vec![0.0], gold: vec![0.0], factors, final_obs, terminated: false, len: 1 }
}

#[test]
fn regret_prefers_the_better_decisions_over_the_better_place() {
    let value = InSampleValueConfig { discount: 0.9, updates: 3000, ..Default::default() };
    let mut regret = build(&TeacherConfig::Regret(RegretTeacherConfig { value, ..Default::default() }));
    let mut oracle = build(&TeacherConfig::default());
    episodes(200).iter().for_each(|episode| regret.observe_episode(episode.view()));
    // The first starts near the end and walks away from it, the second comes from afar.
    let query = || Query::new(walk(0.9, [-1.0; 4]), walk(0.1, [1.0; 4]), 0);
    assert_eq!(ask(oracle.as_mut(), [query()])[0].choice, Choice::First);
    let answers = ask(regret.as_mut(), [query()]);
    assert_eq!((&answers[0].choice, answers[0].teacher.as_str()), (&Choice::Second, "regret"));
}

#[test]
fn the_first_factor_that_tells_two_segments_apart_decides() {
    let config = |ranking: [&str; 2], unresolved| {
        let ranking = ranking.map(str::to_owned).to_vec();
        TeacherConfig::Factors(RankedFactorsConfig { ranking, margin: 0.5, unresolved })
    };
    // Both deviations are about 0.29: margins of 0.14.
    let queries = || {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let mut draw = || rng.random::<f32>();
        let mut queries: Vec<Query> = (0..300)
            .map(|tag| Query::new(factors(draw(), draw(), tag), factors(draw(), draw(), tag + 1000), 0))
            .collect();
        queries.push(Query::new(factors(0.5, 0.1, 2000), factors(0.6, 0.9, 2001), 0));
        queries.push(Query::new(factors(0.5, 0.9, 2002), factors(0.7, 0.1, 2003), 0));
        queries.push(Query::new(factors(0.5, 0.5, 2004), factors(0.55, 0.45, 2005), 0));
        queries
    };
    let last_three = |ranking, unresolved| {
        let answers = ask(build(&config(ranking, unresolved)).as_mut(), queries());
        answers[300..].iter().map(|answer| answer.choice).collect::<Vec<_>>()
    };
    let safety_first = last_three(["safe", "fast"], Unresolved::Skip);
    assert_eq!(safety_first, [Choice::Second, Choice::Second, Choice::Skip]);
    let speed_first = last_three(["fast", "safe"], Unresolved::Equal);
    assert_eq!(speed_first, [Choice::Second, Choice::First, Choice::Equal]);

    // Only ranks matter: a factor on ten times the scale changes no answer.
    let scaled = |mut query: Query| {
        let [first, second] = query.pair().unwrap().map(|segment| {
            let mut segment = segment.clone();
            segment.factors[0] *= 10.0;
            segment
        });
        query = Query::new(first, second, 0);
        query
    };
    let choices = |queries: Vec<Query>| {
        let answers = ask(build(&config(["safe", "fast"], Unresolved::Skip)).as_mut(), queries);
        answers.into_iter().map(|answer| answer.choice).collect::<Vec<_>>()
    };
    assert_eq!(choices(queries()), choices(queries().into_iter().map(scaled).collect()));
}

#[test]
fn unknown_factors_are_refused_with_those_there_are() {
    let config = RankedFactorsConfig { ranking: vec!["fats".into()], ..Default::default() };
    let built = TeacherConfig::Factors(config).build(TeacherSetting {
        spec: &spec(),
        feedback: None,
        stage: None,
        seed: 0,
    });
    assert_eq!(built.err().unwrap().to_string(), "`corridor` has no factor `fats`; it has: safe, fast");
}

fn two_tastes() -> TeacherConfig {
    let member = |name: &str, share: f64, liked: &str, mistake: f32| AnnotatorConfig {
        name: name.into(),
        share,
        weights: BTreeMap::from([(liked.into(), 1.0)]),
        rationality: ScriptedTeacherConfig { mistake, ..Default::default() },
    };
    let members = vec![member("careful", 3.0, "safe", 0.0), member("hasty", 1.0, "fast", 0.2)];
    TeacherConfig::Annotators(AnnotatorsConfig { members })
}

/// Requires a share of `n` draws to lie within four standard errors of its probability.
fn assert_share(hits: usize, n: usize, probability: f64) {
    let (found, error) = (hits as f64 / n as f64, (probability * (1.0 - probability) / n as f64).sqrt());
    assert!((found - probability).abs() < 4.0 * error, "{found}, expected {probability} +- {error}");
}

#[test]
fn annotators_answer_by_share_and_by_their_own_taste() {
    let n = 8000;
    let queries = (0..n).map(|tag| Query::new(factors(1.0, 0.0, tag), factors(0.0, 1.0, tag + n), 0));
    let answers = ask(build(&two_tastes()).as_mut(), queries);
    let by = |name: &str| answers.iter().filter(|answer| answer.teacher == name).collect::<Vec<_>>();
    let (careful, hasty) = (by("careful"), by("hasty"));
    assert_eq!(careful.len() + hasty.len(), n);
    assert_share(careful.len(), n, 0.75);
    assert!(careful.iter().all(|answer| answer.choice == Choice::First), "the careful one likes safety");
    let slips = hasty.iter().filter(|answer| answer.choice == Choice::First).count();
    assert_share(slips, hasty.len(), 0.2);
}

fn mixture(dear_budget: Option<f64>) -> TeacherConfig {
    TeacherConfig::Mixture(MixtureConfig { dear_share: 0.3, dear_budget, ..Default::default() })
}

#[test]
fn a_mixture_spends_as_its_share_says_and_no_more_than_its_budget() {
    let n = 8000;
    let queries = || (0..n).map(|tag| Query::new(walk(0.1, [1.0; 2]), walk(0.8, [1e-4 * tag as f32; 2]), 0));
    let answers = ask(build(&mixture(None)).as_mut(), queries());
    let dear: Vec<&Answer> = answers.iter().filter(|answer| answer.teacher == "dear:scripted").collect();
    assert_share(dear.len(), n, 0.3);
    assert!(dear.iter().all(|answer| answer.cost == 10.0 && answer.choice == Choice::Second));
    let cheap: Vec<&Answer> = answers.iter().filter(|answer| answer.teacher == "cheap:scripted").collect();
    assert_eq!(cheap.len() + dear.len(), n);
    assert!(cheap.iter().all(|answer| answer.cost == 1.0));
    assert_share(cheap.iter().filter(|answer| answer.choice == Choice::First).count(), cheap.len(), 0.25);

    let answers = ask(build(&mixture(Some(1239.0))).as_mut(), queries());
    let spent: f64 = answers.iter().filter(|answer| answer.cost == 10.0).map(|answer| answer.cost).sum();
    assert_eq!(spent, 1230.0);
}

fn every_kind() -> Vec<TeacherConfig> {
    let value = InSampleValueConfig { updates: 20, ..Default::default() };
    let ranking = vec!["safe".into(), "fast".into()];
    vec![
        TeacherConfig::Scripted(ScriptedTeacherConfig::stochastic()),
        TeacherConfig::Regret(RegretTeacherConfig { value, ..Default::default() }),
        TeacherConfig::Factors(RankedFactorsConfig { ranking, ..Default::default() }),
        two_tastes(),
        mixture(Some(100.0)),
    ]
}

fn comparisons(model_version: u64) -> Vec<Query> {
    let pairs: Vec<Segment> = episodes(60);
    pairs.chunks(2).map(|pair| Query::new(pair[0].clone(), pair[1].clone(), model_version)).collect()
}

#[test]
fn teacher_never_sees_learned_reward() {
    for config in every_kind() {
        let mut choices = Vec::new();
        // The learned reward is another one from version to version, and nothing else is.
        for version in [0, 1, 17] {
            let mut teacher = build(&config);
            episodes(20).iter().for_each(|episode| teacher.observe_episode(episode.view()));
            let answers = ask(teacher.as_mut(), comparisons(version));
            choices.push(answers.into_iter().map(|answer| answer.choice).collect::<Vec<_>>());
        }
        assert!(choices.windows(2).all(|pair| pair[0] == pair[1]), "{config:?}");
        // The answers do depend on what the teacher may see.
        assert!(choices[0].contains(&Choice::First) && choices[0].contains(&Choice::Second), "{config:?}");
    }
}

#[test]
fn a_resumed_teacher_goes_on_as_if_it_had_never_stopped() {
    for config in every_kind() {
        let mut whole = build(&config);
        let mut stopped = build(&config);
        for teacher in [&mut whole, &mut stopped] {
            episodes(20).iter().for_each(|episode| teacher.observe_episode(episode.view()));
        }
        let saved = telos_checkpoint::to_bytes(stopped.as_ref());
        let known = ask(whole.as_mut(), comparisons(0));
        // Killed after the answers were stored, resumed before they were asked for.
        let mut resumed = build(&config);
        telos_checkpoint::from_bytes(resumed.as_mut(), &saved).unwrap();
        let mut again = Vec::new();
        comparisons(0).into_iter().zip(&known).for_each(|(query, _)| {
            let stored = known.iter().find(|answer| answer.query.id() == query.id()).unwrap();
            resumed.resubmit(stored.clone()).unwrap();
        });
        resumed.poll(&mut again).unwrap();
        assert_eq!(again, known, "{config:?}");
        let bytes = [&whole, &resumed].map(|teacher| telos_checkpoint::to_bytes(teacher.as_ref()));
        assert!(bytes[0] == bytes[1], "{config:?}");
    }
}

#[test]
fn what_a_kind_cannot_answer_it_says() {
    use telos_rewards::feedback::Ask;
    let ranks: Vec<bool> = every_kind().iter().map(|config| config.answers(Ask::Ranking)).collect();
    assert_eq!(ranks, [true, true, false, true, true]);
    let rates: Vec<bool> =
        every_kind().iter().map(|config| config.answers(Ask::Rating { bins: 5 })).collect();
    assert_eq!(rates, [true, false, false, true, true]);
}
