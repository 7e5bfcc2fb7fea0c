//! `telos report` and `telos watch` on a sweep directory.

use std::{fs, process::Command};

use crate::sandbox::{Sandbox, message, trials};

#[test]
fn a_sweep_is_reported_and_watched_like_its_trials() {
    let sandbox =
        Sandbox::new("base = 'base.toml'\nseeds = [3, 8]\n\n[parameters]\n'ppo.gamma' = [0.9, 0.95, 0.99]\n");
    sandbox.succeeds("run sweep.toml --out out --quiet");
    let telos = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_telos"));
        let output =
            command.args(arguments.split_whitespace()).current_dir(sandbox.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", message(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let table = telos("report out --out report");
    for setting in ["gamma = 0.9 ", "gamma = 0.95 ", "gamma = 0.99 "] {
        let row = table.lines().find(|line| line.starts_with(setting)).unwrap_or_else(|| panic!("{table}"));
        assert_eq!(row.split_whitespace().nth(3), Some("2"), "{table}");
    }
    assert!(telos("watch out --once").starts_with("6 of 6 trainings finished"));

    // A trial without an attempt has not begun; the others are still reported.
    fs::remove_dir_all(trials(&sandbox.path("out")).remove(0).join("attempts")).unwrap();
    assert!(telos("watch out --once").starts_with("5 of 6 trainings finished"));
    telos("report out --out report");
}

#[test]
fn a_trial_that_was_given_up_is_shown_as_such() {
    // A step size with which the weights overflow, and one that nothing was left of.
    let sandbox =
        Sandbox::new("base = 'base.toml'\nattempts = 1\n[parameters]\n'ppo.lr' = [1e30, 1e-3, 1e-4]\n");
    sandbox.succeeds("plan sweep.toml --out out");
    let trials = trials(&sandbox.path("out"));
    let killed = trials
        .iter()
        .find(|trial| fs::read_to_string(trial.join("config.toml")).unwrap().contains("lr = 0.0001\n"));
    // What a process leaves that is killed as soon as it has begun.
    fs::create_dir_all(killed.unwrap().join("attempts/0001")).unwrap();
    sandbox.succeeds("run out --quiet");
    let telos = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_telos"));
        let output =
            command.args(arguments.split_whitespace()).current_dir(sandbox.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", message(&output));
        (String::from_utf8(output.stdout.clone()).unwrap(), message(&output))
    };
    let (_, warnings) = telos("report out --out report");
    assert_eq!(warnings.matches("was given up").count(), 2, "{warnings}");
    assert!(!warnings.contains("go on") && !warnings.contains("has not begun"), "{warnings}");
    assert!(sandbox.read("report/report.html").contains("(given up)"));
    let (frame, _) = telos("watch out --once");
    assert!(frame.starts_with("1 of 3 trainings finished, 2 given up"), "{frame}");
}
