//! `telos vision` from outside, with a tiny model of random weights.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn telos(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_telos")).args(arguments).current_dir(directory).output().unwrap()
}

fn tiny() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../rewards/tests/clip_parity/clip").into()
}

fn refused(output: &Output) -> String {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    message
}

#[test]
fn a_preview_shows_every_score_beside_its_picture() {
    let scratch = tempfile::tempdir().unwrap();
    let tiny = tiny();
    let command = [
        "vision",
        "preview",
        "point-maze-umaze",
        "--clip",
        &tiny,
        "--goal",
        "a robot kneeling",
        "--baseline",
        "a robot",
        "--other",
        "robot",
        "--actor",
        "scripted",
        "--steps",
        "60",
        "--pictures",
        "7",
        "--out",
        "page.html",
    ];
    let output = telos(scratch.path(), &command);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = String::from_utf8(output.stdout).unwrap();
    for name in ["projection 0 ", "projection 0.5", "projection 1 ", "contrast"] {
        assert!(summary.contains(name), "{summary}");
    }
    let page = fs::read_to_string(scratch.path().join("page.html")).unwrap();
    assert_eq!(page.matches("data:image/png;base64,iVBOR").count(), 7);
    assert!(page.matches("class=\"best\"").count() >= 4, "the best of each way to score, ties included");
    assert!(page.contains("Step 60:") && !page.contains("http"));
    // The same command writes the same page.
    telos(scratch.path(), &command);
    assert_eq!(fs::read_to_string(scratch.path().join("page.html")).unwrap(), page);
}

#[test]
fn bad_input_is_named_and_writes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let tiny = tiny();
    let preview = |env: &str, clip: &str, out: &str, more: &[&str]| {
        let fixed = ["vision", "preview", env, "--clip", clip, "--out", out];
        refused(&telos(scratch.path(), &[&fixed[..], more].concat()))
    };
    let goal = ["--goal", "a robot"];
    assert!(preview("pendulum-swingup", "nowhere", "p.html", &goal).contains("nowhere"));
    assert!(preview("pendulum-swingpu", &tiny, "p.html", &goal).contains("pendulum-swingup"));
    assert!(preview("pendulum-swingup", &tiny, "p.png", &goal).contains(".html"));
    assert!(preview("pendulum-swingup", &tiny, "no/p.html", &goal).contains("no"));
    let scripted = ["--goal", "a robot", "--actor", "scripted"];
    assert!(preview("pendulum-swingup", &tiny, "p.html", &scripted).contains("no scripted expert"));
    let same = ["--goal", "a robot", "--baseline", "a robot"];
    assert!(preview("pendulum-swingup", &tiny, "p.html", &same).contains("cannot tell"));
    assert!(
        preview("pendulum-classic", &tiny, "p.html", &goal).contains("pendulum-classic"),
        "it has no picture"
    );
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn a_small_model_is_trained_measured_and_used_in_place_of_another() {
    let scratch = tempfile::tempdir().unwrap();
    let train = |out: &str, seed: &str| {
        let command = [
            "vision",
            "train",
            "--out",
            out,
            "--steps",
            "60",
            "--batch",
            "32",
            "--seed",
            seed,
            "--env",
            "pendulum-swingup",
            "--env",
            "cartpole-swingup",
        ];
        let output = telos(scratch.path(), &command);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read(scratch.path().join(out).join("model.safetensors")).unwrap()
    };
    assert_eq!(train("one", "1"), train("again", "1"));
    let audit = [
        "vision",
        "audit",
        "cartpole-swingup",
        "--clip",
        "one",
        "--goal",
        "a cartpole standing upright",
        "--baseline",
        "a cartpole",
        "--other",
        "a cartpole hanging down",
        "--pictures",
        "600",
        "--json",
    ];
    let output = telos(scratch.path(), &audit);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["reward"].as_str().unwrap()).collect();
    assert_eq!(names, ["projection 0", "projection 0.5", "projection 1", "contrast"]);
    assert!(rows.as_array().unwrap().iter().all(|row| (0.0..=1.0).contains(&row["auroc"].as_f64().unwrap())));
    let unknown = ["vision", "train", "--out", "none", "--env", "push-t"];
    assert!(refused(&telos(scratch.path(), &unknown)).contains("push-t"));
    assert!(!scratch.path().join("none").exists());
}

#[test]
fn a_pendulum_learns_to_stand_from_a_sentence_and_is_filmed() {
    let scratch = tempfile::tempdir().unwrap();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/sentence-pendulum.toml");
    let command = [
        "train",
        config,
        "--out",
        "run",
        "--quiet",
        "--set",
        "steps=6000",
        "--set",
        "evaluation.interval=0",
        "--set",
        "evaluation.episodes=10",
    ];
    let output = telos(scratch.path(), &command);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let run = scratch.path().join("run");
    assert!(fs::metadata(run.join("videos/final.mp4")).unwrap().len() > 1000);
    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("result.json")).unwrap()).unwrap();
    let seed = &result["seeds"][0];
    let mean = |of: &serde_json::Value| of["gold"]["mean"].as_f64().unwrap();
    assert!(seed["final"]["learned"]["mean"].as_f64().is_some(), "{seed:#}");
    // Upright and still is worth 400; random actions find about a third of it.
    assert!(mean(&seed["final"]) > 1.5 * mean(&seed["random"]), "{seed:#}");
}

#[test]
fn wrong_sentences_in_a_configuration_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    let train = |text: &str| {
        fs::write(scratch.path().join("c.toml"), text).unwrap();
        refused(&telos(scratch.path(), &["train", "c.toml", "--out", "run", "--quiet"]))
    };
    let env = "[env]\nid = 'pendulum-swingup'\n[reward.sentence]\n";
    assert!(train(&format!("{env}goal = []\n")).contains("reward.sentence.goal"));
    assert!(train(&format!("{env}goal = ['a zebra']\n")).contains("zebra"));
    let missing = train(&format!("{env}goal = ['a robot']\nclip.dir = 'nowhere'\n"));
    assert!(missing.contains("nowhere"), "{missing}");
    let invisible = train("[env]\nid = 'pendulum-classic'\n[reward.sentence]\ngoal = ['a robot']\n");
    assert!(invisible.contains("pendulum-classic"), "{invisible}");
}
