//! A scratch directory with a base configuration whose training takes some milliseconds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Proximal policy optimisation on the textbook pendulum: 128 steps, two updates, one episode of
/// 200 steps to evaluate.
const BASE: &str = "\
learner = 'ppo'
steps = 128

[env]
id = 'pendulum-classic'
count = 2

[ppo]
rollout_steps = 32
minibatches = 1
epochs = 1
hidden = [8]

[evaluation]
interval = 0
episodes = 1

[checkpoint]
interval = 64
";

/// The directory, removed in the end.
pub(crate) struct Sandbox(tempfile::TempDir);

impl Sandbox {
    /// With `base.toml`, and `sweep.toml` of this text.
    pub(crate) fn new(sweep: &str) -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        fs::write(sandbox.path("base.toml"), BASE).unwrap();
        sandbox.write(sweep);
        sandbox
    }

    /// Replaces `sweep.toml`.
    pub(crate) fn write(&self, sweep: &str) {
        fs::write(self.path("sweep.toml"), sweep).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// `telos sweep` with these arguments, in this directory, not yet started.
    pub(crate) fn sweep(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_telos"));
        command.arg("sweep").args(arguments.split_whitespace()).current_dir(self.0.path());
        command
    }

    /// Runs to exit code 0.
    pub(crate) fn succeeds(&self, arguments: &str) -> String {
        let output = self.sweep(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", message(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs to this exit code and returns the message.
    pub(crate) fn fails(&self, arguments: &str, code: i32) -> String {
        let output = self.sweep(arguments).output().unwrap();
        let message = message(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {message}");
        assert!(!message.contains("panicked"), "{message}");
        message
    }
}

pub(crate) fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The ids of all trials of a sweep directory.
pub(crate) fn trials(sweep: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(sweep.join("trials")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
