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
