//! A person, who here is a script, answers over HTTP while a real training runs and is killed; the
//! pendulum's reward is learned from those answers, and the run can be repeated byte for byte.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use telos::{
    RunDirectory,
    rewards::{
        feedback::Query,
        teacher::people::{QueryBatch, directory},
    },
};

use crate::{
    http::Person,
    run::{options, serve, stored},
};

const CONFIG: &str = "\
loop = 'preferences'
steps = 30000

[env]
id = 'pendulum-swingup'
count = 4
threads = 1

[training]
learning_starts = 1000
updates_per_step = 0.5

[sac]
hidden = [64, 64]
batch_size = 128

[preferences]
budget = 80
queries_per_session = 20
session_interval = 1000
unsupervised_steps = 1600
query = { segment = 50, selector = 'uniform' }
teacher = { kind = 'people', undo_seconds = 0 }
reward_model = { hidden = [32, 32] }

[evaluation]
interval = 10000
episodes = 4

[checkpoint]
interval = 1000
";

fn train(run: &Path) -> Child {
    let config = run.with_file_name("people.toml");
    Command::new(env!("CARGO_BIN_EXE_telos"))
        .args(["train", config.to_str().unwrap(), "--out", run.to_str().unwrap(), "--resume", "--quiet"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for the training; whatever happens, it does not outlive the test.
struct Training(Child);

impl Drop for Training {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every query that the training has asked so far.
fn asked(run: &RunDirectory) -> Vec<Query> {
    let people = directory(&run.feedback());
    let batches = QueryBatch::numbers(&people).unwrap().into_iter();
    batches.flat_map(|number| QueryBatch::read(&people, number).unwrap().queries).collect()
}

fn results(run: &Path) -> Vec<Vec<u8>> {
    let names = [
        "metrics.jsonl",
        "result.json",
        "weights.safetensors",
        "feedback/ledger.jsonl",
        "feedback/people/taken.jsonl",
        "feedback/people/queries/000003.batch",
    ];
    names.map(|name| fs::read(run.join(name)).unwrap()).into()
}

#[test]
fn a_pendulum_learns_from_a_person_who_answers_over_http() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("run");
    fs::write(scratch.path().join("people.toml"), CONFIG).unwrap();
    let mut training = Training(train(&path));
    let started = Instant::now();
    let patience = || assert!(started.elapsed() < Duration::from_secs(300), "the training does not come on");
    while !directory(&path.join("feedback")).exists() {
        patience();
        std::thread::sleep(Duration::from_millis(50));
    }
    let run = RunDirectory::open(&path).unwrap();
    let served = serve(&run, &options());
    let mut person = Person::at(served.address, "ann");
    let (mut seen, mut kills, mut clips) = (BTreeSet::new(), 0, 0);
    let status = loop {
        patience();
        for id in person.next(4).unwrap() {
            assert!(seen.insert(id.clone()), "{id} is asked twice");
            if seen.len() % 20 == 1 {
                let clip = person.browser.get(&format!("/api/clip/{id}/0")).unwrap();
                assert_eq!(clip.status, 200, "{}", String::from_utf8_lossy(&clip.body));
                clips += 1;
            }
            let query = asked(&run).into_iter().find(|query| query.id().to_string() == id).unwrap();
            let [first, second] = query.pair().unwrap().map(|segment| segment.gold_return());
            let choice = if (first - second).abs() < 0.5 {
                "equal"
            } else if first > second {
                "first"
            } else {
                "second"
            };
            assert_eq!(person.answer(&id, choice).unwrap().status, 200);
        }
        // In the middle of the second and of the third session the training is killed.
        if kills < 2 && seen.len() >= 30 + 20 * kills {
            drop(training);
            training = Training(train(&path));
            kills += 1;
        }
        if let Some(status) = training.0.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "{status}");
    assert_eq!((kills, clips, seen.len()), (2, 4, 80));
    drop(served);
    assert_eq!(stored(&run).len(), 80);

    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("result.json")).unwrap()).unwrap();
    let preferences = &result["seeds"][0]["preferences"];
    println!("{preferences} {}", result["seeds"][0]["final"]);
    assert!(preferences["answered"].as_u64().unwrap() >= 60, "{preferences}");
    // Guessing orders half of the pairs.
    assert!(preferences["held_out_accuracy"].as_f64().unwrap() > 0.75, "{preferences}");

    // From the first step, with the answers that are there, everything comes out the same.
    let before = results(&path);
    for name in [
        "metrics.jsonl",
        "result.json",
        "weights.safetensors",
        "feedback/ledger.jsonl",
        "feedback/segments.bin",
    ] {
        fs::remove_file(path.join(name)).unwrap();
    }
    for name in ["checkpoints", "feedback/people/queries"] {
        fs::remove_dir_all(path.join(name)).unwrap();
    }
    assert!(train(&path).wait().unwrap().success());
    assert!(results(&path) == before, "the repeated run differs");
}
