//! What a ledger refuses, with which reason, and what it keeps.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path};

use telos_envs::Segment;
use telos_rewards::{
    RewardError,
    feedback::{
        Answer, Ask, Choice, Comparison, FeedbackLedger, FeedbackSummary, PairRule, Query, comparisons,
    },
};

fn segment(value: f32) -> Segment {
    Segment { obs: vec![value; 2], actions: vec![-value], gold: vec![value], len: 1, ..Segment::default() }
}

fn comparison(value: f32, choice: Choice) -> Answer {
    Answer::computed(Query::new(segment(value), segment(value + 0.5), 3), choice, "ann")
}

fn ranking(order: Vec<u8>) -> Answer {
    let query = Query::ranking([10.0, 11.0, 12.0].map(segment).to_vec(), 3);
    Answer::computed(query, Choice::Ranking(order.try_into().unwrap()), "ann")
}

fn rating(value: f32, grade: u8, teacher: &str) -> Answer {
    Answer::computed(Query::rating(segment(value), 5, 3), Choice::Rating(grade), teacher)
}

fn open(directory: &Path) -> FeedbackLedger {
    FeedbackLedger::open_for(directory, "pendulum", 2, 1).unwrap()
}

#[test]
fn every_form_of_answer_is_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let answers = [
        comparison(1.0, Choice::Equal),
        ranking(vec![2, 0, 1]),
        rating(20.0, 5, "ben"),
        Answer { choice: Choice::Skip, ..rating(21.0, 1, "ben") },
        comparison(2.0, Choice::First),
    ];
    assert_eq!(open(scratch.path()).append(&answers).unwrap(), 5);
    assert_eq!(FeedbackLedger::read(scratch.path(), "pendulum", 2, 1).unwrap(), answers);
    let mut ledger = open(scratch.path());
    assert_eq!(ledger.rows().iter().map(|row| row.segments.len()).collect::<Vec<_>>(), [2, 3, 1, 1, 2]);
    assert_eq!(ledger.answer(1).unwrap(), answers[1]);
    assert_eq!(ledger.recall(answers[2].query.clone()).unwrap(), answers[2]);
    assert_eq!(ledger.append(&answers).unwrap(), 0, "nothing is stored twice");
}

#[test]
fn answers_out_of_range_are_refused_and_everything_else_is_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let mut ledger = open(scratch.path());
    ledger.append(&[comparison(1.0, Choice::Second)]).unwrap();
    let bad = [
        (ranking(vec![0, 1, 3]), "[0, 1, 3] does not name each of 3 segments once"),
        (ranking(vec![0, 1]), "[0, 1] does not name each of 3 segments once"),
        (ranking(vec![0, 1, 1]), "[0, 1, 1] does not name each of 3 segments once"),
        (rating(1.0, 0, "ann"), "the grade 0 is not from 1 to 5"),
        (rating(1.0, 6, "ann"), "the grade 6 is not from 1 to 5"),
        (
            comparison(5.0, Choice::Rating(1)),
            "a comparison of two was asked for, and the answer is Rating(1)",
        ),
        (Answer { choice: Choice::First, ..rating(1.0, 1, "ann") }, "a rating from 1 to 5 was asked for"),
        (Answer { cost: f64::NAN, ..comparison(6.0, Choice::First) }, "its cost is NaN"),
        (Answer { cost: -1.0, ..comparison(6.0, Choice::First) }, "its cost is -1"),
    ];
    for (answer, reason) in bad {
        let found = ledger.append(&[comparison(7.0, Choice::First), answer]).unwrap_err().to_string();
        assert!(found.contains(reason) && found.contains("query "), "{found}\nexpected {reason}");
    }
    drop(ledger);
    assert_eq!(open(scratch.path()).rows().len(), 1);
    assert!(matches!(
        ranking(vec![0, 1, 2]).query.pair(),
        Err(RewardError::Ask { expected: Ask::Comparison, found: Ask::Ranking })
    ));
}

#[test]
fn a_ledger_of_another_task_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    open(scratch.path()).append(&[comparison(1.0, Choice::Second)]).unwrap();
    let refused = "this feedback is about `pendulum`, not about `reacher`";
    let error = FeedbackLedger::open_for(scratch.path(), "reacher", 2, 1).err().unwrap().to_string();
    assert!(error.contains(refused), "{error}");
    let error = FeedbackLedger::read(scratch.path(), "reacher", 2, 1).unwrap_err().to_string();
    assert!(error.contains(refused), "{error}");
    let error = FeedbackLedger::read(scratch.path(), "pendulum", 3, 1).unwrap_err().to_string();
    assert!(error.contains("expected 2 numbers, found 3"), "{error}");
    assert_eq!(open(scratch.path()).rows().len(), 1);
}

#[test]
fn a_ledger_from_before_tasks_were_kept_is_adopted() {
    let scratch = tempfile::tempdir().unwrap();
    FeedbackLedger::open(scratch.path(), 2, 1).unwrap().append(&[comparison(1.0, Choice::First)]).unwrap();
    assert_eq!(open(scratch.path()).rows().len(), 1);
    assert!(FeedbackLedger::open_for(scratch.path(), "reacher", 2, 1).is_err());
    fs::write(scratch.path().join("origin.json"), "{\"env\":").unwrap();
    let error = FeedbackLedger::open_for(scratch.path(), "pendulum", 2, 1).err().unwrap().to_string();
    assert!(error.contains("origin.json") && error.contains("delete the file"), "{error}");
}

#[test]
fn reading_changes_nothing_and_passes_over_a_torn_last_line() {
    let scratch = tempfile::tempdir().unwrap();
    let answers = [comparison(1.0, Choice::First), ranking(vec![0, 1, 2])];
    let ledger = {
        let mut ledger = open(scratch.path());
        ledger.append(&answers).unwrap();
        // Still open for writing, as by a labelling page.
        ledger
    };
    let path = scratch.path().join("ledger.jsonl");
    let mut torn = fs::read(&path).unwrap();
    torn.extend_from_slice(b"{\"query\":\"00");
    fs::write(&path, &torn).unwrap();
    let read = FeedbackLedger::read(scratch.path(), "pendulum", 2, 1).unwrap();
    assert_eq!(read, answers);
    assert_eq!(fs::read(&path).unwrap(), torn);
    drop(ledger);
    assert_eq!(open(scratch.path()).rows().len(), 2);
    assert!(fs::read(&path).unwrap().ends_with(b"}\n"), "opening for writing cuts the torn line off");
}

#[test]
fn no_ledger_is_said_to_be_none() {
    let scratch = tempfile::tempdir().unwrap();
    let error = FeedbackLedger::read(scratch.path(), "pendulum", 2, 1).unwrap_err().to_string();
    assert!(error.ends_with("there is no feedback ledger here (no ledger.jsonl)"), "{error}");
}

#[test]
fn rankings_and_ratings_become_comparisons() {
    let of = |answers: &[Answer], rule| {
        comparisons(answers, rule)
            .iter()
            .map(|Comparison { answer, strength }| {
                let [first, second] = answer.query.pair().unwrap().map(|segment| segment.obs[0]);
                (first, second, answer.choice, *strength, answer.teacher.clone())
            })
            .collect::<Vec<_>>()
    };
    let ann = || "ann".to_owned();
    let ranked = [ranking(vec![2, 0, 1])];
    let (a, b, c) = (12.0, 10.0, 11.0);
    let adjacent = [(a, b, Choice::First, 1, ann()), (b, c, Choice::First, 1, ann())];
    assert_eq!(of(&ranked, PairRule::Adjacent), adjacent);
    let all =
        [(a, b, Choice::First, 1, ann()), (a, c, Choice::First, 2, ann()), (b, c, Choice::First, 1, ann())];
    assert_eq!(of(&ranked, PairRule::All), all);

    // Ben's grades are not compared with Ann's.
    let rated = [rating(1.0, 2, "ann"), rating(2.0, 5, "ben"), rating(3.0, 4, "ann"), rating(4.0, 4, "ann")];
    let adjacent = [(1.0, 3.0, Choice::Second, 2, ann()), (3.0, 4.0, Choice::Equal, 1, ann())];
    assert_eq!(of(&rated, PairRule::Adjacent), adjacent);
    assert_eq!(of(&rated, PairRule::All).len(), PairRule::All.count(3));
    let skipped = [comparison(1.0, Choice::Skip)];
    let [found] = &comparisons(&skipped, PairRule::All)[..] else { panic!("an answer stands for itself") };
    assert_eq!((&found.answer, found.strength), (&skipped[0], 1));
}

#[test]
fn a_summary_counts_by_source() {
    let scratch = tempfile::tempdir().unwrap();
    let mut ledger = open(scratch.path());
    let timed = |value: f32, latency: u64| Answer {
        latency_ms: Some(latency),
        cost: 2.5,
        teacher: "ben".into(),
        ..comparison(value, Choice::First)
    };
    let answers =
        [comparison(1.0, Choice::Skip), comparison(2.0, Choice::Equal), timed(3.0, 900), timed(4.0, 1500)];
    ledger.append(&answers).unwrap();
    let summary = FeedbackSummary::of(ledger.rows());
    let counts = |name: &str| {
        let source = &summary.sources[name];
        (source.asked, source.answered, source.skipped, source.cost, source.mean_latency_ms)
    };
    assert_eq!(counts("ann"), (2, 1, 1, 2.0, None));
    assert_eq!(counts("ben"), (2, 2, 0, 5.0, Some(1200.0)));
    assert_eq!((summary.total.asked, summary.total.skipped, summary.total.cost), (4, 1, 7.0));
    assert_eq!(summary.total.mean_latency_ms, Some(1200.0));
}
