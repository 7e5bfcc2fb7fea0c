//! Short trainings that must learn: each loop that turns answers into behaviour, from a seed.

use std::path::Path;

use crate::command::{succeed, telos};

/// Trains an experiment of `experiments/configs` and reads its result.
fn train(name: &str, out: &Path, set: &[&str]) -> serde_json::Value {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name);
    let mut arguments = vec!["train", config.to_str().unwrap(), "--quiet", "--out", out.to_str().unwrap()];
    set.iter().for_each(|set| arguments.extend(["--set", set]));
    succeed(telos(&arguments));
    serde_json::from_slice(&std::fs::read(out.join("result.json")).unwrap()).unwrap()
}

/// Gold return of the final evaluation.
fn gold(result: &serde_json::Value) -> f64 {
    result["seeds"][0]["final"]["gold"]["mean"].as_f64().unwrap()
}

#[test]
fn prefppo_swings_the_pendulum_up() {
    let scratch = tempfile::tempdir().unwrap();
    let result =
        train("pendulum-prefppo.toml", scratch.path(), &["comparison.gold=false", "evaluation.interval=0"]);
    println!("{:.1}", gold(&result));
    assert!(gold(&result) > 250.0, "{}", gold(&result));
}

#[test]
fn answers_that_were_given_before_are_enough() {
    let scratch = tempfile::tempdir().unwrap();
    let [asked, learned] = ["asked", "learned"].map(|run| scratch.path().join(run));
    let brief = ["evaluation.interval=0", "steps=16000", "comparison.random=false"];
    train("quickstart.toml", &asked, &[&brief[..], &["comparison.gold=false"]].concat());
    let ledger = format!("preferences.ledger={}", asked.join("feedback").display());
    // The last of several `steps` counts. A processor whose sums round otherwise is still learning after 16,000.
    let result =
        train("pendulum-from-ledger.toml", &learned, &[&brief[..], &["steps=24000", &ledger]].concat());
    println!("{:.1}", gold(&result));
    assert!(gold(&result) > 250.0, "{}", gold(&result));
    let preferences = &result["seeds"][0]["preferences"];
    assert_eq!(preferences["asked"], 0);
    assert!(preferences["answered"].as_u64().unwrap() > 100);
    assert!(!learned.join("feedback").exists(), "nobody was asked");
}
