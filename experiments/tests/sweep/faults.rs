//! Nothing is lost and nothing is counted twice, whatever is killed, full, or run twice.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::sandbox::{Sandbox, message, trials};

const SWEEP: &str = "\
base = 'base.toml'
seeds = [1, 2, 3]

[sampler]
kind = 'random'
settings = 3

[parameters]
'ppo.lr' = { log = [1e-4, 1e-2] }
";

const SUMMARY: [&str; 2] = ["summary.json", "summary.csv"];

fn assert_same_summary(sandbox: &Sandbox, a: &str, b: &str) {
    for file in SUMMARY {
        assert_eq!(sandbox.read(&format!("{a}/{file}")), sandbox.read(&format!("{b}/{file}")), "{file}");
    }
}

/// The processes that a process has started and that have not ended.
fn children(of: u32) -> Vec<u32> {
    let listed = fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
    let text = listed.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    text.collect::<String>().split_whitespace().map(|number| number.parse().unwrap()).collect()
}

fn kill(process: u32) {
    // It may have ended by itself.
    let _ =
        Command::new("kill").args(["-KILL", &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// The checkpoints in a directory, without one that is being written.
fn complete_checkpoints(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| !entry.file_name().to_string_lossy().ends_with(".tmp")).count()
}

/// Kills workers at random, one in `pause` on average, until the coordinator ends, or kills it, too.
fn torment(coordinator: &mut Child, pause: Duration, rng: &mut Xoshiro256PlusPlus) -> u32 {
    let mut killed = 0;
    while coordinator.try_wait().unwrap().is_none() {
        sleep(pause.mul_f64(rng.random_range(0.0..2.0)));
        let workers = children(coordinator.id());
        if let Some(worker) = workers.get(rng.random_range(0..workers.len().max(1))) {
            kill(*worker);
            killed += 1;
        }
        if rng.random_range(0..40) == 0 {
            kill(coordinator.id());
            coordinator.wait().unwrap();
            return killed;
        }
    }
    killed
}

/// 1,000 trainings of 128 steps, killed at random together with their coordinators.
#[test]
fn a_thousand_trials_survive_random_kills() {
    let sweep = "\
base = 'base.toml'
# Trials this short have no checkpoint to show when they are killed.
attempts = 1000
seeds = [1, 2]

[sampler]
kind = 'sobol'
settings = 500

[parameters]
'ppo.lr' = { log = [1e-4, 1e-2] }
'ppo.gamma' = { linear = [0.9, 0.99] }
";
    let sandbox = Sandbox::new(sweep);
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("kills drawn with seed {seed}");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    sandbox.succeeds("plan sweep.toml --out out");
    // On a busy machine a trial takes seconds: each of three workers lives about three trials long.
    let began = Instant::now();
    sandbox.succeeds("exec out --generation 0 --index 0");
    let pause = began.elapsed();
    let (mut kills, mut coordinators) = (0, 0);
    while !sandbox.path("out/summary.json").exists() {
        let mut coordinator =
            sandbox.sweep("run out --quiet --workers 3").stdout(Stdio::null()).spawn().unwrap();
        coordinators += 1;
        kills += torment(&mut coordinator, pause, &mut rng);
    }
    println!("{kills} workers and {} coordinators killed", coordinators - 1);
    assert!(kills > 50, "only {kills} workers were killed");

    let summary = sandbox.json("out/summary.json");
    let summarised = summary["trials"].as_array().unwrap();
    assert!(summarised.iter().all(|trial| trial["status"] == "done"));
    let ids: BTreeSet<&str> = summarised.iter().map(|trial| trial["id"].as_str().unwrap()).collect();
    assert_eq!((summarised.len(), ids.len()), (1000, 1000));
    let found = trials(&sandbox.path("out"));
    assert_eq!(found.len(), 1000);
    let mut attempts = 0;
    for trial in &found {
        assert!(!trial.join("duplicates").exists(), "{}", trial.display());
        let runs = fs::read_dir(trial.join("attempts")).unwrap();
        attempts += runs.filter(|run| run.as_ref().unwrap().path().is_dir()).count();
    }
    assert!(attempts > 1000, "no kill met a trial that had begun");

    // A sample of them, repeated undisturbed from their own configurations.
    for trial in found.iter().step_by(200) {
        let alone = sandbox.path("alone").join(trial.file_name().unwrap());
        let train = Command::new(env!("CARGO_BIN_EXE_telos"))
            .args(["train", "--quiet", "--out"])
            .args([&alone, &trial.join("config.toml")])
            .output()
            .unwrap();
        assert!(train.status.success(), "{}", message(&train));
        let result = |directory: &Path| fs::read(directory.join("result.json")).unwrap();
        assert_eq!(result(&alone), result(trial));
    }
}

#[test]
fn a_killed_trial_goes_on_from_its_checkpoint() {
    let sandbox = Sandbox::new("base = 'base.toml'\nset = ['steps=40000']\n");
    sandbox.succeeds("run sweep.toml --out whole --quiet");
    sandbox.succeeds("plan sweep.toml --out cut");
    let trial = trials(&sandbox.path("cut")).remove(0);
    let first = trial.join("attempts/0001/checkpoints");
    let mut child = sandbox.sweep("exec cut --generation 0 --index 0").spawn().unwrap();
    while complete_checkpoints(&first) < 2 {
        assert!(child.try_wait().unwrap().is_none(), "the trial ended before it could be killed");
        sleep(Duration::from_millis(1));
    }
    kill(child.id());
    child.wait().unwrap();
    sandbox.succeeds("exec cut --generation 0 --index 0");
    let start = fs::read_to_string(trial.join("attempts/0002.start.json")).unwrap();
    let start: serde_json::Value = serde_json::from_str(&start).unwrap();
    assert!(start["step"].as_u64() >= Some(128), "{start}");
    sandbox.succeeds("run cut --quiet");
    assert_same_summary(&sandbox, "whole", "cut");
}

#[test]
fn trials_that_come_to_nothing_are_given_up_in_the_end() {
    let sandbox = Sandbox::new("base = 'base.toml'\nattempts = 2\n");
    sandbox.succeeds("plan sweep.toml --out out");
    let trial = trials(&sandbox.path("out")).remove(0);
    for number in 1..=2 {
        assert!(sandbox.succeeds("status out").contains("0 given up"));
        // What a process leaves that is killed as soon as it has begun.
        fs::create_dir_all(trial.join(format!("attempts/{number:04}"))).unwrap();
    }
    assert!(sandbox.succeeds("status out").contains("2 attempts ended without a new checkpoint"));
    sandbox.succeeds("run out --quiet");
    assert!(sandbox.read("out/summary.csv").contains(",given-up,"));
    // With a higher cap it is tried again, and the summary follows.
    sandbox.succeeds("run out --quiet --attempts 3");
    assert!(sandbox.read("out/summary.csv").contains(",done,"));
}

#[test]
fn two_coordinators_and_strange_clocks_make_one_sweep() {
    let sandbox = Sandbox::new(SWEEP);
    sandbox.succeeds("run sweep.toml --out alone --quiet");
    let run = || {
        sandbox.sweep("run sweep.toml --out both --quiet --workers 2").stdout(Stdio::null()).spawn().unwrap()
    };
    let mut coordinators = [run(), run()];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    while coordinators.iter_mut().any(|coordinator| coordinator.try_wait().unwrap().is_none()) {
        // Machines whose clocks are decades apart, as far as modification times can tell.
        for trial in fs::read_dir(sandbox.path("both/trials")).into_iter().flatten().flatten() {
            for file in fs::read_dir(trial.path()).into_iter().flatten().flatten() {
                let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(rng.random_range(0..4_000_000_000));
                if let Ok(file) = fs::File::open(file.path()) {
                    file.set_modified(moment).unwrap();
                }
            }
        }
        sleep(Duration::from_millis(10));
    }
    for mut coordinator in coordinators {
        assert_eq!(coordinator.wait().unwrap().code(), Some(0));
    }
    assert_same_summary(&sandbox, "alone", "both");
    assert!(trials(&sandbox.path("both")).iter().all(|trial| !trial.join("duplicates").exists()));
}

#[test]
fn the_first_result_wins_and_another_one_is_reported() {
    // Long enough that the other machine is faster also when this one is busy.
    let sandbox = Sandbox::new("base = 'base.toml'\nset = ['steps=40000']\n");
    sandbox.succeeds("plan sweep.toml --out out");
    let trial = trials(&sandbox.path("out")).remove(0);
    let mut child =
        sandbox.sweep("exec out --generation 0 --index 0").stderr(Stdio::piped()).spawn().unwrap();
    while !trial.join("attempts/0001.start.json").exists() {
        assert!(child.try_wait().unwrap().is_none());
    }
    // Another machine, whose arithmetic differs, is faster.
    let first = "{\"gold_return\": {\"mean\": 1.0}}\n";
    fs::write(trial.join("result.json"), first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("not deterministic"), "{}", message(&output));
    assert_eq!(fs::read_to_string(trial.join("result.json")).unwrap(), first);
    assert_eq!(
        fs::read(trial.join("duplicates/0001.json")).unwrap(),
        fs::read(trial.join("attempts/0001/result.json")).unwrap()
    );
    assert!(sandbox.succeeds("status out").contains("not deterministic"));
}

/// `telos sweep` under a shell's limit on the size of files, with which the system refuses writes in
/// the middle of a file as on a full disk.
#[test]
fn a_full_disk_stops_the_sweep_and_loses_nothing() {
    let sandbox = Sandbox::new(SWEEP);
    sandbox.succeeds("run sweep.toml --out whole --quiet");
    sandbox.succeeds("plan sweep.toml --out full");
    // Room for two kibibytes in each file: configurations fit, checkpoints do not.
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" sweep run full --quiet"])
        .arg(env!("CARGO_BIN_EXE_telos"))
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", message(&output));
    let message = message(&output);
    assert!(
        message.contains("File too large") && message.contains("put this right, then `telos sweep run full`"),
        "{message}"
    );
    let status = sandbox.succeeds("status full");
    assert!(status.contains("0 given up") && status.contains("to be repeated"), "{status}");
    sandbox.succeeds("run full --quiet");
    assert_same_summary(&sandbox, "whole", "full");
}

/// As a user who may only read; root, who may do anything, becomes nobody for it.
#[test]
fn a_read_only_store_can_be_looked_at_and_is_left_alone() {
    let sandbox = Sandbox::new(SWEEP);
    sandbox.succeeds("plan sweep.toml --out out");
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let program = sandbox.path("telos");
    fs::copy(env!("CARGO_BIN_EXE_telos"), &program).unwrap();
    let modes = |mode: &str, path: &str| {
        assert!(Command::new("chmod").args(["-R", mode]).arg(sandbox.path(path)).status().unwrap().success());
    };
    modes("a+rX,a-w", "");
    let reader = |arguments: &str| {
        let mut command = if root { Command::new("setpriv") } else { Command::new(&program) };
        if root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        }
        command.arg("sweep").args(arguments.split(' ')).current_dir(sandbox.path("")).output().unwrap()
    };
    let status = reader("status out");
    assert!(status.status.success(), "{}", message(&status));
    let run = reader("run out --quiet");
    modes("u+w", "");
    assert_eq!(run.status.code(), Some(1), "{}", message(&run));
    let message = message(&run);
    assert!(message.contains("Permission denied") && message.contains("make it writable"), "{message}");
    assert!(trials(&sandbox.path("out")).iter().all(|trial| !trial.join("attempts").exists()));
    sandbox.succeeds("run out --quiet");
}
