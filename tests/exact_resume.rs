//! A run killed at any instant and resumed leaves the same bytes as the run that was not.

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::command::{assert_same_results, config, succeed, telos};

const KILLS: usize = 10;

fn survives_kills(name: &str, set: &[&str], files: usize) {
    let scratch = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|run| scratch.path().join(run));
    let started = Instant::now();
    let arguments = |run: &Path| {
        let mut arguments = vec!["train".to_owned(), config(name), "--quiet".to_owned()];
        arguments.extend(["--out".to_owned(), run.to_str().unwrap().to_owned()]);
        arguments.extend(set.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]));
        arguments
    };
    let command = |arguments: &[String]| telos(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    succeed(command(&arguments(&whole)));
    let took = started.elapsed();

    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("kills drawn with seed {seed}");
    let mut moments = Xoshiro256PlusPlus::seed_from_u64(seed);
    let resume = [arguments(&killed), vec!["--resume".to_owned()]].concat();
    for _ in 0..KILLS {
        let mut victim = command(&resume).spawn().unwrap();
        // On average a fifth of the whole: some lives end before their first checkpoint, and ten of
        // them together cover the run.
        sleep(Duration::from_secs_f64(took.as_secs_f64() * moments.random_range(0.0..0.4)));
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    succeed(command(&resume));
    assert_same_results(&whole, &killed, files);
}

#[test]
fn preferences_survive_kills() {
    survives_kills("preferences.toml", &[], 7);
}

#[test]
fn on_policy_runs_survive_kills() {
    survives_kills("on-policy.toml", &[], 3);
}

#[test]
fn on_policy_preferences_survive_kills() {
    survives_kills("on-policy-preferences.toml", &[], 5);
}

#[test]
fn a_run_that_begins_with_the_policy_of_another_survives_kills() {
    let scratch = tempfile::tempdir().unwrap();
    let name = config("on-policy-preferences.toml");
    let [first, refused] = ["first", "refused"].map(|run| scratch.path().join(run));
    succeed(telos(&["train", &name, "--out", first.to_str().unwrap(), "--quiet", "--set", "steps=4000"]));
    let set = format!("preferences.prior.policy={}", first.display());
    survives_kills("on-policy-preferences.toml", &[&set, "steps=4000"], 5);

    let other = "env.id=cartpole-swingup";
    let arguments = ["train", &name, "--out", refused.to_str().unwrap(), "--set", &set, "--set", other];
    let output = telos(&arguments).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("cannot be the prior of this run: both need the same `env.id`"), "{message}");
}

#[test]
fn learning_from_a_fixed_ledger_survives_kills() {
    let scratch = tempfile::tempdir().unwrap();
    let asked = scratch.path().join("asked");
    succeed(telos(&["train", &config("preferences.toml"), "--out", asked.to_str().unwrap(), "--quiet"]));
    let ledger = asked.join("feedback");
    let rows = || std::fs::read(ledger.join("ledger.jsonl")).unwrap();
    let before = rows();
    let set = format!("preferences.ledger={}", ledger.display());
    survives_kills("preferences.toml", &[&set, "steps=2000"], 5);
    assert!(rows() == before, "a ledger that is only learned from stays as it is");
}

#[test]
fn runs_of_several_ranks_survive_kills() {
    survives_kills("data-parallel.toml", &[], 3);
}

#[cfg(unix)]
#[test]
fn an_interrupt_checkpoints_and_exits_with_3() {
    let scratch = tempfile::tempdir().unwrap();
    let [whole, stopped] = ["whole", "stopped"].map(|run| scratch.path().join(run));
    let name = config("preferences.toml");
    succeed(telos(&["train", &name, "--out", whole.to_str().unwrap(), "--quiet"]));
    let resume = ["train", &name, "--out", stopped.to_str().unwrap(), "--quiet", "--resume"];
    let victim = telos(&resume).spawn().unwrap();
    // The first metrics mean that signals are being listened for.
    while !stopped.join("metrics.jsonl").exists() {
        sleep(Duration::from_millis(5));
    }
    let pid = victim.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = victim.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    succeed(telos(&resume));
    assert_same_results(&whole, &stopped, 7);
}
