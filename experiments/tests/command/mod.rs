//! `telos` as its users run it, for the tests that look at it from outside.

#![allow(dead_code, reason = "no test uses all of it")]

use std::{
    path::Path,
    process::{Command, Output},
    thread::sleep,
    time::Duration,
};

/// Runs `telos` in `directory` to its end.
pub(crate) fn telos(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_telos")).args(arguments).current_dir(directory).output().unwrap()
}

/// What it said on the error stream.
pub(crate) fn message(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Asserts that the command exits 0, and returns what it printed.
pub(crate) fn succeeds(arguments: &[&str], directory: &Path) -> String {
    let output = telos(arguments, directory);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", message(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts that the command exits 2 with a message that holds `words`.
pub(crate) fn refused(arguments: &[&str], directory: &Path, words: &str) {
    let output = telos(arguments, directory);
    let message = message(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.contains(words), "{arguments:?}: no {words:?} in {message}");
}

/// Kills the command as soon as `path` exists, which it must before the command ends.
pub(crate) fn kill_after(arguments: &[&str], directory: &Path, path: &Path) {
    let mut victim =
        Command::new(env!("CARGO_BIN_EXE_telos")).args(arguments).current_dir(directory).spawn().unwrap();
    while !path.exists() && victim.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
    assert!(path.exists(), "{arguments:?} ended without {}", path.display());
    victim.kill().unwrap();
    victim.wait().unwrap();
}
