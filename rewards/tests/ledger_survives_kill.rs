//! The feedback ledger loses no acknowledged answer and doubles none, wherever the process dies:
//! after a repair and a repetition of the lost work its files are those of a run that never died.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use telos_envs::Segment;
use telos_rewards::feedback::{Answer, Choice, FeedbackLedger, Query};

const OBSERVATION: usize = 2;
const ACTION: usize = 1;

fn segment(seed: usize, len: usize) -> Segment {
    let column = |width: usize| (0..len * width).map(|i| (seed * 31 + i * 7) as f32 / 3.0).collect();
    Segment { obs: column(OBSERVATION), actions: column(ACTION), gold: column(1), len, ..Segment::default() }
}

fn answer(at: usize) -> Answer {
    Answer {
        query: Query::new(segment(2 * at, 1 + at % 3), segment(2 * at + 1, 1 + at % 3), at as u64 / 3),
        choice: [Choice::First, Choice::Second, Choice::Equal, Choice::Skip][at % 4],
        teacher: "scripted".into(),
        at_ms: None,
        latency_ms: None,
        cost: 1.0,
    }
}

/// Answers in sessions of two, the last one of one or two.
fn sessions(count: usize) -> Vec<Vec<Answer>> {
    let answers: Vec<Answer> = (0..count).map(answer).collect();
    answers.chunks(2).map(<[Answer]>::to_vec).collect()
}

fn open(directory: &Path) -> FeedbackLedger {
    FeedbackLedger::open(directory, OBSERVATION, ACTION).unwrap()
}

fn files(directory: &Path) -> [Vec<u8>; 2] {
    ["ledger.jsonl", "segments.bin"].map(|name| fs::read(directory.join(name)).unwrap())
}

/// The files of a run that stored `count` answers without dying.
fn uninterrupted(count: usize) -> [Vec<u8>; 2] {
    let scratch = tempfile::tempdir().unwrap();
    let mut ledger = open(scratch.path());
    for session in sessions(count) {
        assert_eq!(ledger.append(&session).unwrap(), session.len());
    }
    files(scratch.path())
}

#[test]
fn ledger_survives_kill_at_every_byte_of_an_append() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path();
    let before = uninterrupted(4);
    let after = uninterrupted(6);
    let write = |rows: &[u8], segments: &[u8]| {
        fs::write(directory.join("ledger.jsonl"), rows).unwrap();
        fs::write(directory.join("segments.bin"), segments).unwrap();
    };
    let check = |acknowledged: usize, cut: usize| {
        let mut ledger = open(directory);
        let kept = ledger.rows().len();
        assert!(kept >= acknowledged, "lost an acknowledged row");
        for at in 0..kept {
            assert_eq!(ledger.answer(at).unwrap(), answer(at));
        }
        // Waiting for the disk is slow, so only some of the repaired ledgers are continued.
        if cut.is_multiple_of(16) {
            for session in sessions(6) {
                ledger.append(&session).unwrap();
            }
            assert!(files(directory) == after, "the files differ from an uninterrupted run's");
        }
    };
    // The segments are written first, so the rows are still the old ones.
    for cut in before[1].len()..=after[1].len() {
        write(&before[0], &after[1][..cut]);
        check(4, cut);
    }
    // Then the rows.
    for cut in before[0].len()..=after[0].len() {
        write(&after[0][..cut], &after[1]);
        check(4, cut);
    }
    // The very first append, its file header included.
    for cut in 0..before[1].len() {
        write(b"", &before[1][..cut]);
        check(0, cut);
    }
}

const CHILD: &str = "TELOS_TEST_LEDGER";
const CHILD_ANSWERS: usize = 3000;

/// Not a test of its own: the process that the next test kills.
#[test]
fn child_that_appends() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let mut ledger = open(Path::new(&directory));
    let mut out = std::io::stdout();
    for session in sessions(CHILD_ANSWERS) {
        ledger.append(&session).unwrap();
        writeln!(out, "acknowledged {}", ledger.rows().len()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn ledger_survives_kill_of_the_writing_process() {
    let scratch = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    // Each child continues where the last was killed.
    for life in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_appends", "--exact", "--nocapture"])
            .env(CHILD, scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let target = acknowledged + 20 + 9 * life;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            // The harness writes on the same stream, and may put its own words before ours.
            let line = line.unwrap();
            let Some((_, count)) = line.split_once("acknowledged ") else { continue };
            acknowledged = acknowledged.max(count.parse().unwrap());
            if acknowledged >= target {
                break;
            }
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "the child must not have finished");
        assert!(acknowledged >= target);

        let ledger = open(scratch.path());
        assert!(ledger.rows().len() >= acknowledged, "lost an acknowledged row");
        for at in 0..ledger.rows().len() {
            assert_eq!(ledger.answer(at).unwrap(), answer(at));
        }
    }
    let kept = open(scratch.path()).rows().len();
    assert!(kept < CHILD_ANSWERS);
    let mut ledger = open(scratch.path());
    for session in sessions(kept + 5) {
        ledger.append(&session).unwrap();
    }
    drop(ledger);
    assert!(files(scratch.path()) == uninterrupted(kept + 5));
}

#[test]
fn an_answered_query_keeps_its_first_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let mut ledger = open(scratch.path());
    ledger.append(&[answer(0)]).unwrap();
    let mut other = answer(0);
    other.choice = Choice::Second;
    let twice = answer(1);
    assert_eq!(ledger.append(&[other.clone(), twice.clone(), twice]).unwrap(), 1);
    assert_eq!(ledger.rows().len(), 2);
    assert_eq!(ledger.recall(other.query).unwrap(), answer(0));
    let unknown = answer(2).query;
    assert_eq!(ledger.recall(unknown.clone()).unwrap_err(), unknown);
}

#[test]
fn damage_is_an_error_that_names_file_and_place() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path();
    let [rows, segments] = uninterrupted(6);
    let refused = || {
        let before = files(directory);
        let error = FeedbackLedger::open(directory, OBSERVATION, ACTION).err().unwrap().to_string();
        assert!(before == files(directory), "a refused ledger must stay as it is");
        error
    };
    fs::write(directory.join("segments.bin"), &segments).unwrap();
    let ends: Vec<usize> = (0..rows.len()).filter(|&at| rows[at] == b'\n').collect();
    // Also in the last row: it ends in a line feed, so it was acknowledged.
    for line in [1, 3, 6] {
        let mut damaged = rows.clone();
        damaged[ends[line - 1] - 30] ^= 1;
        fs::write(directory.join("ledger.jsonl"), damaged).unwrap();
        let error = refused();
        assert!(error.contains(&format!("ledger.jsonl:{line}:")), "{error}");
    }
    fs::write(directory.join("ledger.jsonl"), &rows).unwrap();
    for at in [0, 9, 13, 30, segments.len() / 2, segments.len() - 1] {
        let mut damaged = segments.clone();
        damaged[at] ^= 0x40;
        fs::write(directory.join("segments.bin"), damaged).unwrap();
        let error = refused();
        assert!(error.contains("segments.bin"), "byte {at}: {error}");
    }
    fs::write(directory.join("segments.bin"), &segments[..segments.len() - 1]).unwrap();
    assert!(refused().contains("record 11"));
    fs::write(directory.join("segments.bin"), b"").unwrap();
    assert!(refused().contains("header"));
}

#[test]
fn a_row_taken_out_by_hand_loses_only_its_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path();
    let [rows, segments] = uninterrupted(3);
    let lines: Vec<&[u8]> = rows.split_inclusive(|&byte| byte == b'\n').collect();
    fs::write(directory.join("ledger.jsonl"), [lines[0], lines[2]].concat()).unwrap();
    fs::write(directory.join("segments.bin"), segments).unwrap();
    let mut ledger = open(directory);
    assert_eq!(ledger.answer(1).unwrap(), answer(2));
    assert_eq!(ledger.append(&[answer(1), answer(3)]).unwrap(), 2);
    drop(ledger);
    let ledger = open(directory);
    let kept: Vec<Answer> = (0..4).map(|at| ledger.answer(at).unwrap()).collect();
    assert_eq!(kept, [0, 2, 1, 3].map(answer));
    // Rows in another order refer to segments out of order.
    drop(ledger);
    fs::write(directory.join("ledger.jsonl"), [lines[2], lines[0]].concat()).unwrap();
    let error = FeedbackLedger::open(directory, OBSERVATION, ACTION).err().unwrap().to_string();
    assert!(error.contains("ledger.jsonl:2:"), "{error}");
}

#[test]
fn a_ledger_has_one_writer_and_one_shape() {
    let scratch = tempfile::tempdir().unwrap();
    let mut ledger = open(scratch.path());
    let mut odd = answer(0);
    odd.query = Query::new(segment(0, 1), Segment { gold: vec![0.0; 4], len: 4, ..Segment::default() }, 0);
    let error = ledger.append(&[answer(1), odd]).unwrap_err().to_string();
    assert!(error.contains("observations of a segment"), "{error}");
    assert_eq!(ledger.append(&[answer(1)]).unwrap(), 1);
    let error = FeedbackLedger::open(scratch.path(), OBSERVATION, ACTION).err().unwrap().to_string();
    assert!(error.contains("another process"), "{error}");
    drop(ledger);
    let error = FeedbackLedger::open(scratch.path(), OBSERVATION + 1, ACTION).err().unwrap().to_string();
    assert!(error.contains("observation"), "{error}");
    assert_eq!(open(scratch.path()).answer(0).unwrap(), answer(1));
}
