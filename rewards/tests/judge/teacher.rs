//! A judge as a teacher: what it is shown, what its answers are worth, and that nothing is lost or asked twice.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::Value;
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{EnvSpec, TrajectoryStore, VecEnv, registry};
use telos_rewards::{
    feedback::{Answer, Ask, Choice, Query},
    teacher::{
        Stage, Teacher, TeacherConfig, TeacherSetting,
        judge::{JudgeConfig, JudgeMode, Shown},
    },
};

use crate::server::{Act, Server};

const ENV: &str = "pendulum-swingup";
const SEED: u64 = 7;

fn stage() -> Stage {
    Stage::new(SEED, || registry::make(ENV))
}

fn spec() -> EnvSpec {
    registry::make(ENV).unwrap().spec().clone()
}

/// Recorded behaviour of two environments.
fn behaviour() -> TrajectoryStore {
    let mut envs = VecEnv::new(2, 1, SEED, |_| registry::make(ENV)).unwrap();
    let mut store = TrajectoryStore::new(envs.spec(), 2, 4).unwrap();
    envs.reset();
    for step in 0..2 * envs.spec().horizon {
        let obs = envs.batch().obs.clone();
        let actions = [(step as f32 * 0.3).sin(), (step as f32 * 0.07).cos()];
        store.push(&obs, &actions, envs.step(&actions));
    }
    store
}

fn pairs(count: usize) -> Vec<Query> {
    let (store, mut rng) = (behaviour(), Xoshiro256PlusPlus::seed_from_u64(5));
    let mut draw = || store.sample_segment(&mut rng, 25).unwrap();
    let pair = |(first, second)| {
        let origins = [first, second].map(|segment| store.origin(segment).unwrap());
        let [first, second] = [first, second].map(|segment| store.segment(segment).unwrap());
        Query::new(first, second, 0).with_origins(Some(origins))
    };
    (0..count).map(|_| (draw(), draw())).map(pair).collect()
}

fn config(server: &Server, mode: JudgeMode, show: Shown) -> JudgeConfig {
    JudgeConfig { endpoint: server.config.clone(), mode, show, wait: true, ..JudgeConfig::default() }
}

fn build(config: &JudgeConfig, feedback: &Path) -> Box<dyn Teacher> {
    let (spec, stage) = (spec(), stage());
    let setting = TeacherSetting { spec: &spec, feedback: Some(feedback), stage: Some(&stage), seed: 0 };
    TeacherConfig::Judge(Box::new(config.clone())).build(setting).unwrap()
}

fn answers(teacher: &mut dyn Teacher, queries: &[Query]) -> Vec<Answer> {
    queries.iter().for_each(|query| teacher.submit(query.clone()).unwrap());
    let mut answers = Vec::new();
    teacher.poll(&mut answers).unwrap();
    answers
}

/// The message of a request; as JSON where it holds pictures.
fn message(body: &Value) -> String {
    let content = &body["messages"][0]["content"];
    content.as_str().map_or_else(|| content.to_string(), str::to_owned)
}

/// Degrees from vertical of each pole that a message tells of, in order.
fn degrees(message: &str) -> Vec<f32> {
    let words: Vec<&str> = message.split_whitespace().collect();
    words
        .windows(2)
        .filter(|pair| pair[1].starts_with("degrees"))
        .map(|pair| pair[0].parse().unwrap())
        .collect()
}

/// A judge of captions that prefers the pole that is nearer to upright, and thinks aloud first.
fn upright_is_better(body: &Value) -> Act {
    let message = message(body);
    if !message.contains("Somebody compared") {
        let [first, second] = degrees(&message)[..] else { return Act::Status(400, None) };
        return Act::Write(format!("{first} degrees from vertical against {second} degrees from vertical"));
    }
    let [first, second] = degrees(&message)[..] else { return Act::Status(400, None) };
    Act::Say(if first == second {
        "-1"
    } else if first < second {
        "0"
    } else {
        "1"
    })
}

#[test]
fn a_judge_of_captions_prefers_what_ended_nearer_to_the_goal() {
    let (server, scratch) = (Server::by(upright_is_better), tempfile::tempdir().unwrap());
    let queries = pairs(12);
    let mut teacher = build(&config(&server, JudgeMode::Pair, Shown::Captions), scratch.path());
    let given = answers(teacher.as_mut(), &queries);
    assert_eq!(given.len(), 12);
    // Observation 0 is the cosine of the pole's angle from upright.
    let height = |query: &Query, side: usize| query.segments()[side].final_obs[0];
    let mut decided = 0;
    for (answer, query) in given.iter().zip(&queries) {
        assert_eq!(answer.query.id(), query.id(), "answers come in the order of their queries");
        let margin = height(query, 0) - height(query, 1);
        match answer.choice {
            Choice::First => assert!(margin > -1e-2),
            Choice::Second => assert!(margin < 1e-2),
            _ => continue,
        }
        decided += 1;
    }
    assert!(decided >= 8, "only {decided} of 12 pairs differ");
    assert!(server.words().iter().all(|words| !words.contains("image_url")));
}

#[test]
fn pictures_show_the_ends_of_both_clips() {
    let server = Server::by(|body| {
        let message = message(body);
        let pictures: Vec<&str> = message.split("image/png;base64,").skip(1).collect();
        match pictures[..] {
            [first, second] if first.len() > 200 && first[..200] != second[..200] => Act::Say("they differ"),
            [_, _] => Act::Status(400, None),
            _ => Act::Say("-1"),
        }
    });
    let scratch = tempfile::tempdir().unwrap();
    let judge = JudgeConfig { pixels: 64, ..config(&server, JudgeMode::Pair, Shown::Pictures) };
    let given = answers(build(&judge, scratch.path()).as_mut(), &pairs(2));
    assert_eq!(given.iter().map(|answer| answer.choice).collect::<Vec<_>>(), [Choice::Skip; 2]);
    let two = JudgeConfig { frames: 3, ..judge };
    let server = Server::by(|_| Act::Say("-1"));
    let two = JudgeConfig { endpoint: server.config.clone(), ..two };
    answers(build(&two, scratch.path()).as_mut(), &pairs(1));
    let words = server.words();
    assert_eq!(words[0].matches("image_url\"").count(), 2 * 6, "three of each clip, named twice each");
    assert!(words[0].contains("After 1.0 s:") || words[0].contains("After 0."), "{}", &words[0][..400]);
}

#[test]
fn scores_compare_and_grade() {
    let server = Server::by(|body| {
        let message = message(body);
        let caption = |angle: f32| Act::Write(format!("{angle} degrees from vertical"));
        match (message.contains("A critique of"), degrees(&message).as_slice()) {
            (false, [angle]) => caption(*angle),
            (true, [angle]) => Act::Write(format!("{}", (10.0 - angle / 18.0).round())),
            _ => Act::Status(400, None),
        }
    });
    let scratch = tempfile::tempdir().unwrap();
    let judge = config(&server, JudgeMode::Critique, Shown::Captions);
    let queries = pairs(8);
    let compared = answers(build(&judge, scratch.path()).as_mut(), &queries);
    let rated: Vec<Query> = queries
        .iter()
        .flat_map(|query| {
            let origins = query.origins().unwrap();
            let one = |side: usize| {
                let rating = Query::rating(query.segments()[side].clone(), 11, 0);
                rating.with_origins(Some(&origins[side..=side]))
            };
            [one(0), one(1)]
        })
        .collect();
    let grades: Vec<u8> = answers(build(&judge, scratch.path()).as_mut(), &rated)
        .iter()
        .map(|answer| match answer.choice {
            Choice::Rating(grade) => grade,
            other => panic!("{other:?} is no grade"),
        })
        .collect();
    for (answer, grades) in compared.iter().zip(grades.as_chunks::<2>().0) {
        let expected = match grades[0].cmp(&grades[1]) {
            std::cmp::Ordering::Greater => Choice::First,
            std::cmp::Ordering::Less => Choice::Second,
            std::cmp::Ordering::Equal => Choice::Equal,
        };
        assert_eq!(answer.choice, expected);
    }
    let pair = TeacherConfig::Judge(Box::new(config(&server, JudgeMode::Pair, Shown::Captions)));
    assert!(!pair.answers(Ask::Rating { bins: 3 }) && !pair.answers(Ask::Ranking));
}

#[test]
fn a_yes_no_judge_scores_by_the_first_token_and_an_outcome_judge_by_its_word() {
    let server = Server::by(|body| {
        let [angle] = degrees(&message(body))[..] else { return Act::Status(400, None) };
        match (body.get("logprobs").is_some(), angle < 90.0) {
            (true, true) => Act::Chances(&[("Yes", 0.8), ("No", 0.1)]),
            (true, false) => Act::Chances(&[("Yes", 0.1), ("No", 0.8)]),
            (false, true) => Act::Say("yes"),
            (false, false) => Act::Say("no"),
        }
    });
    for mode in [JudgeMode::YesNo, JudgeMode::Outcome] {
        let scratch = tempfile::tempdir().unwrap();
        let judge = config(&server, mode, Shown::Captions);
        for answer in answers(build(&judge, scratch.path()).as_mut(), &pairs(6)) {
            let [first, second] = [0, 1].map(|side| answer.query.segments()[side].final_obs[0] > 0.0);
            let expected = match (first, second) {
                (true, false) => Choice::First,
                (false, true) => Choice::Second,
                _ => Choice::Equal,
            };
            assert_eq!(answer.choice, expected, "{mode:?}");
        }
    }
}

#[test]
fn what_cannot_be_understood_is_counted_and_skipped_and_a_wrong_key_stops_the_run() {
    let server = Server::by(|body| {
        Act::Say(if message(body).contains("Somebody compared") { "who knows" } else { "two poles" })
    });
    let scratch = tempfile::tempdir().unwrap();
    let mut judge = config(&server, JudgeMode::Pair, Shown::Captions);
    (judge.endpoint.prompt_price, judge.endpoint.completion_price) = (1e4, 0.0);
    let mut teacher = build(&judge, scratch.path());
    let given = answers(teacher.as_mut(), &pairs(3));
    assert!(given.iter().all(|answer| answer.choice == Choice::Skip && answer.cost >= 1.0), "{given:?}");
    assert!(teacher.metrics().contains(&("judge/unparsable", 3.0)));

    let refusing = Server::by(|_| Act::Status(401, None));
    let judge = config(&refusing, JudgeMode::Pair, Shown::Captions);
    let mut teacher = build(&judge, scratch.path());
    teacher.submit(pairs(1).remove(0)).unwrap();
    let error = teacher.poll(&mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
}

#[test]
fn nobody_waits_for_a_judge_and_a_resumed_run_hears_the_same_at_the_same_time() {
    static OPEN: AtomicBool = AtomicBool::new(false);
    let slow = |body: &Value| {
        while !OPEN.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        upright_is_better(body)
    };
    let (server, scratch) = (Server::by(slow), tempfile::tempdir().unwrap());
    let judge = JudgeConfig { wait: false, ..config(&server, JudgeMode::Pair, Shown::Captions) };
    let queries = pairs(5);
    let mut teacher = build(&judge, scratch.path());
    assert!(answers(teacher.as_mut(), &queries).is_empty(), "no answer can have come");
    let checkpoint = to_bytes(teacher.as_ref());
    OPEN.store(true, Ordering::Relaxed);
    // The numbers of the polls at which the answers came, and the answers.
    let until_done = |teacher: &mut dyn Teacher| {
        let mut heard = Vec::new();
        for poll in 0.. {
            let mut answers = Vec::new();
            teacher.poll(&mut answers).unwrap();
            heard.extend(answers.into_iter().map(|answer| (poll, answer)));
            if teacher.pending() == 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        heard
    };
    let heard = until_done(teacher.as_mut());
    assert_eq!(heard.len(), 5);
    let after = to_bytes(teacher.as_ref());
    drop(teacher);
    let asked = server.words().len();
    let mut resumed = build(&judge, scratch.path());
    from_bytes(resumed.as_mut(), &checkpoint).unwrap();
    assert_eq!(until_done(resumed.as_mut()), heard);
    assert!(to_bytes(resumed.as_ref()) == after);
    assert_eq!(server.words().len(), 0, "{asked} requests were answered before");
}
