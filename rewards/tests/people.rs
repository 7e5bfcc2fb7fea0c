//! People as a teacher, from the training's side: answers come when they come, are learned from once, and
//! a resumed training sees them exactly when the first one did.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use telos_envs::Segment;
use telos_rewards::{
    feedback::{Answer, Choice, Query, QueryId},
    teacher::{
        Teacher,
        people::{
            AnswerEvent, AnswerLog, Journal, PeopleConfig, PeopleTeacher, PersonalAnswer, QueryBatch,
            directory, standing,
        },
    },
};

fn query(at: usize) -> Query {
    let segment = |value: f32| Segment {
        obs: vec![value; 4],
        actions: vec![0.5; 2],
        gold: vec![value; 2],
        len: 2,
        ..Segment::default()
    };
    Query::new(segment(at as f32), segment(-1.0 - at as f32), 3)
}

fn answer(at: usize, annotator: &str, choice: Choice, wanted: u32) -> AnswerEvent {
    AnswerEvent::Answer(PersonalAnswer {
        query: query(at).id(),
        choice,
        annotator: annotator.into(),
        at_ms: 1000 + at as u64,
        latency_ms: 10,
        wanted,
        key: format!("{annotator}-{at}"),
    })
}

fn undo(at: usize, annotator: &str) -> AnswerEvent {
    AnswerEvent::Undo { query: query(at).id(), annotator: annotator.into(), at_ms: 2000 }
}

fn teacher(run: &Path) -> PeopleTeacher {
    PeopleTeacher::new(PeopleConfig { undo_seconds: 0.0 }, Some(run)).unwrap()
}

fn write(run: &Path, events: &[AnswerEvent]) -> u64 {
    let (mut log, _) = AnswerLog::open(&directory(run)).unwrap();
    let end = events.iter().map(|event| log.stage(event)).last().unwrap();
    log.commit().unwrap();
    end
}

/// Polls until `count` answers have come.
fn wait_for(teacher: &mut PeopleTeacher, count: usize) -> Vec<Answer> {
    let (mut answers, started) = (Vec::new(), Instant::now());
    while answers.len() < count {
        assert!(started.elapsed() < Duration::from_secs(30), "{} of {count} answers", answers.len());
        thread::sleep(Duration::from_millis(5));
        teacher.poll(&mut answers).unwrap();
    }
    answers
}

#[test]
fn questions_go_out_in_batches_and_answers_come_in_any_order() {
    let run = tempfile::tempdir().unwrap();
    let mut teacher = teacher(run.path());
    let mut answers = Vec::new();
    for session in [0..3, 3..5] {
        session.for_each(|at| teacher.submit(query(at)).unwrap());
        teacher.poll(&mut answers).unwrap();
    }
    let people = directory(run.path());
    assert_eq!(QueryBatch::numbers(&people).unwrap(), [0, 1]);
    assert_eq!(QueryBatch::read(&people, 0).unwrap().queries, [query(0), query(1), query(2)]);
    assert_eq!((teacher.pending(), answers.len()), (5, 0));

    write(run.path(), &[answer(4, "ann", Choice::Second, 1), answer(0, "bob", Choice::Skip, 1)]);
    // An answer to what was never asked changes nothing.
    write(run.path(), &[answer(77, "bob", Choice::First, 1)]);
    let answers = wait_for(&mut teacher, 2);
    let found: Vec<_> =
        answers.iter().map(|a| (a.query.clone(), a.choice, a.teacher.as_str(), a.cost)).collect();
    let expected = [(query(4), Choice::Second, "ann", 1.0), (query(0), Choice::Skip, "bob", 1.0)];
    assert_eq!(found, expected);
    assert_eq!(answers[0].at_ms, Some(1004));
    assert_eq!(teacher.pending(), 3);
}

#[test]
fn several_people_decide_together() {
    let run = tempfile::tempdir().unwrap();
    let mut teacher = teacher(run.path());
    teacher.submit(query(0)).unwrap();
    teacher.poll(&mut Vec::new()).unwrap();
    write(run.path(), &[answer(0, "ann", Choice::First, 3), answer(0, "bob", Choice::First, 3)]);
    thread::sleep(Duration::from_millis(250));
    let mut answers = Vec::new();
    teacher.poll(&mut answers).unwrap();
    assert!(answers.is_empty(), "the third voice is missing");
    write(run.path(), &[answer(0, "eve", Choice::Second, 3)]);
    let answers = wait_for(&mut teacher, 1);
    assert_eq!((answers[0].choice, answers[0].cost), (Choice::First, 3.0));
    assert_eq!(answers[0].teacher, "ann+bob+eve");
}

#[test]
fn an_answer_is_learned_from_or_undone_but_never_both() {
    let run = tempfile::tempdir().unwrap();
    let people = directory(run.path());
    let mut teacher = teacher(run.path());
    (0..2).for_each(|at| teacher.submit(query(at)).unwrap());
    teacher.poll(&mut Vec::new()).unwrap();
    // Undone in time, and answered anew.
    let second = answer(0, "ann", Choice::Second, 1);
    write(run.path(), &[answer(0, "ann", Choice::First, 1), undo(0, "ann"), second]);
    let answers = wait_for(&mut teacher, 1);
    assert_eq!(answers[0].choice, Choice::Second);
    let learned = Journal::wait(&people).unwrap().bytes();
    assert_eq!(learned, fs::metadata(people.join("answers.jsonl")).unwrap().len());

    // While somebody holds the journal to undo, the teacher takes nothing and does not wait.
    let end = write(run.path(), &[answer(1, "ann", Choice::First, 1)]);
    let journal = Journal::wait(&people).unwrap();
    assert!(journal.bytes() < end);
    thread::sleep(Duration::from_millis(250));
    let mut answers = Vec::new();
    let started = Instant::now();
    teacher.poll(&mut answers).unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(answers.is_empty());
    write(run.path(), &[undo(1, "ann")]);
    drop(journal);
    thread::sleep(Duration::from_millis(250));
    teacher.poll(&mut answers).unwrap();
    assert!(answers.is_empty(), "it was taken back");
}

#[test]
fn answers_rest_for_as_long_as_they_can_be_undone() {
    let run = tempfile::tempdir().unwrap();
    let config = PeopleConfig { undo_seconds: 86_400.0 };
    let mut patient = PeopleTeacher::new(config, Some(run.path())).unwrap();
    patient.submit(query(0)).unwrap();
    patient.poll(&mut Vec::new()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let AnswerEvent::Answer(mut fresh) = answer(0, "ann", Choice::First, 1) else { unreachable!() };
    fresh.at_ms = now;
    write(run.path(), &[AnswerEvent::Answer(fresh)]);
    thread::sleep(Duration::from_millis(250));
    let mut answers = Vec::new();
    patient.poll(&mut answers).unwrap();
    assert!(answers.is_empty());
    assert_eq!(Journal::wait(&directory(run.path())).unwrap().bytes(), 0);
}

#[test]
fn a_resumed_training_gets_every_answer_at_the_poll_of_the_first() {
    let run = tempfile::tempdir().unwrap();
    let mut first = teacher(run.path());
    // Which answers came at which poll.
    let mut course = Vec::<(u64, Vec<(QueryId, Choice)>)>::new();
    let mut saved = None;
    let mut polls = 0;
    let poll = |teacher: &mut PeopleTeacher, polls: &mut u64| {
        *polls += 1;
        let mut answers = Vec::new();
        teacher.poll(&mut answers).unwrap();
        (*polls, answers.iter().map(|answer| (answer.query.id(), answer.choice)).collect::<Vec<_>>())
    };
    for session in 0..4 {
        (0..3).for_each(|k| first.submit(query(3 * session + k)).unwrap());
        course.push(poll(&mut first, &mut polls));
        if session == 1 {
            saved = Some((polls, telos_checkpoint::to_bytes(&first)));
        }
        for k in 0..3 {
            let at = 3 * session + k;
            write(run.path(), &[answer(at, "ann", [Choice::First, Choice::Equal][at % 2], 1)]);
            let before = first.pending();
            while first.pending() == before {
                thread::sleep(Duration::from_millis(20));
                course.push(poll(&mut first, &mut polls));
            }
        }
    }
    drop(first);
    let files = || {
        let people = directory(run.path());
        let mut files: Vec<_> = QueryBatch::numbers(&people)
            .unwrap()
            .into_iter()
            .map(|number| fs::read(people.join(format!("queries/{number:06}.batch"))).unwrap())
            .collect();
        files.extend(["answers.jsonl", "taken.jsonl"].map(|name| fs::read(people.join(name)).unwrap()));
        files
    };
    let left = files();

    // Once from the very beginning, once from a checkpoint in the middle; as fast as it goes.
    let (saved_at, checkpoint) = saved.unwrap();
    for (start, checkpoint) in [(0, None), (saved_at, Some(checkpoint))] {
        let mut resumed = teacher(run.path());
        if let Some(checkpoint) = checkpoint {
            telos_checkpoint::from_bytes(&mut resumed, &checkpoint).unwrap();
        }
        let (mut polls, mut asked) = (start, if start == 0 { 0 } else { 6 });
        for (at, answers) in course.iter().filter(|(at, _)| *at > start) {
            // A session is asked once the one before it is answered.
            if resumed.pending() == 0 {
                (0..3).for_each(|k| resumed.submit(query(asked + k)).unwrap());
                asked += 3;
            }
            assert_eq!(poll(&mut resumed, &mut polls), (*at, answers.clone()));
        }
        assert_eq!(resumed.pending(), 0);
        assert!(files() == left, "a file was written anew with other content");
    }
}

#[test]
fn bad_input_in_the_files_of_people_is_named_and_nothing_is_lost() {
    let run = tempfile::tempdir().unwrap();
    let people = directory(run.path());
    write(run.path(), &[answer(0, "ann", Choice::First, 1), answer(1, "ann", Choice::First, 1)]);
    let path = people.join("answers.jsonl");
    let whole = fs::read(&path).unwrap();
    // A kill in the middle of a line costs only that line, which nobody was told of.
    let first = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for keep in first..whole.len() {
        fs::write(&path, &whole[..keep]).unwrap();
        let (_, events) = AnswerLog::open(&people).unwrap();
        assert_eq!(standing(events).len(), 1, "kept {keep} bytes");
        assert_eq!(fs::read(&path).unwrap(), &whole[..first]);
    }
    // A damaged line is refused with its place, and the file is left alone.
    let mut damaged = whole.clone();
    damaged[10] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let error = AnswerLog::open(&people).err().unwrap().to_string();
    assert!(error.contains("answers.jsonl:1:"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), damaged);
    fs::write(&path, &whole).unwrap();

    let (_log, events) = AnswerLog::open(&people).unwrap();
    assert_eq!(events.len(), 2);
    let error = AnswerLog::open(&people).err().unwrap().to_string();
    assert!(error.contains("another process"), "{error}");

    QueryBatch { queries: vec![query(0)] }.write(&people, 4).unwrap();
    let batch = people.join("queries/000004.batch");
    let mut bytes = fs::read(&batch).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&batch, &bytes).unwrap();
    fs::write(people.join("queries/notes.txt"), "mine").unwrap();
    assert_eq!(QueryBatch::numbers(&people).unwrap(), [4]);
    let error = QueryBatch::read(&people, 4).unwrap_err().to_string();
    assert!(error.contains("000004.batch"), "{error}");
    let error = PeopleTeacher::new(PeopleConfig { undo_seconds: -1.0 }, None).err().unwrap().to_string();
    assert!(error.contains("undo_seconds"), "{error}");
}
