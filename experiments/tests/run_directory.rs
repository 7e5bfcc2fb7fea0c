//! The contract of run directories: nothing is lost, nothing foreign is touched, every refusal says why.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use telos::{RunDirectory, TelosError, config::Config, device::DeviceChoice, error::exit_code};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

struct Counter(u64);

impl Checkpoint for Counter {
    fn save(&self, out: &mut Writer) {
        out.value("count", &self.0);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.0 = from.value("count")?;
        Ok(())
    }
}

fn configuration(overrides: &[&str]) -> Config {
    let overrides: Vec<String> = overrides.iter().map(|flag| (*flag).to_owned()).collect();
    Config::parse("c.toml", "[env]\nid = 'pendulum-classic'\n", &overrides).unwrap()
}

fn scratch_run() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("runs").join("a");
    (scratch, path)
}

/// Every file below `path` with its bytes.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// Asserts that `path` is refused as wrong input with a message that holds `words`, untouched.
fn refused(
    path: &Path,
    attempt: Result<RunDirectory, TelosError>,
    before: &BTreeMap<PathBuf, Vec<u8>>,
    words: &[&str],
) {
    let error = attempt.unwrap_err();
    for word in words {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(error.exit_code(), exit_code::INPUT, "{error}");
    assert_eq!(&contents(path), before);
}

#[test]
fn a_resumed_run_takes_back_what_came_after_its_checkpoint() {
    let (_scratch, path) = scratch_run();
    let config = configuration(&[]);
    let run = RunDirectory::create(&path, &config, DeviceChoice::Cpu).unwrap();
    let mut metrics = run.metrics().unwrap();
    metrics.record(1, &[("x", 1.0)]).unwrap();
    run.save(1, &Counter(1), &metrics).unwrap();
    metrics.record(2, &[("x", 2.0)]).unwrap();
    drop((run, metrics));

    let run = RunDirectory::resume(&path, &config, DeviceChoice::Cpu).unwrap();
    let (mut counter, mut metrics) = (Counter(0), run.metrics().unwrap());
    assert_eq!(run.restore(&mut counter, &mut metrics).unwrap(), Some(1));
    assert_eq!(counter.0, 1);
    assert_eq!(fs::read_to_string(path.join("metrics.jsonl")).unwrap(), "{\"step\":1,\"x\":1.0}\n");
}

#[test]
fn a_run_without_checkpoint_begins_anew() {
    let (_scratch, path) = scratch_run();
    let run = RunDirectory::create(&path, &configuration(&[]), DeviceChoice::Cpu).unwrap();
    let mut metrics = run.metrics().unwrap();
    metrics.record(1, &[("x", 1.0)]).unwrap();
    assert_eq!(run.restore(&mut Counter(0), &mut metrics).unwrap(), None);
    assert_eq!(fs::read(path.join("metrics.jsonl")).unwrap(), b"");
    let error = run.read_latest(&mut Counter(0)).unwrap_err();
    assert!(error.to_string().contains("no checkpoint yet"), "{error}");
}

#[test]
fn an_existing_run_is_never_overwritten() {
    let (_scratch, path) = scratch_run();
    let config = configuration(&[]);
    drop(RunDirectory::create(&path, &config, DeviceChoice::Cpu).unwrap());
    let before = contents(&path);
    refused(&path, RunDirectory::create(&path, &config, DeviceChoice::Cpu), &before, &["--resume", "--out"]);
}

#[test]
fn a_foreign_directory_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path();
    fs::write(path.join("config.toml"), "mine = true\n").unwrap();
    let before = contents(path);
    let config = configuration(&[]);
    refused(path, RunDirectory::create(path, &config, DeviceChoice::Cpu), &before, &["exists already"]);
    refused(path, RunDirectory::resume(path, &config, DeviceChoice::Cpu), &before, &["not a run directory"]);
}

#[test]
fn a_creation_that_was_killed_is_finished() {
    let (_scratch, path) = scratch_run();
    let config = configuration(&[]);
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("config.toml"), config.to_toml()).unwrap();
    fs::write(path.join("manifest.json.77.tmp"), "{").unwrap();
    let run = RunDirectory::resume(&path, &config, DeviceChoice::Cpu).unwrap();
    assert_eq!(run.manifest(), RunDirectory::open(&path).unwrap().manifest());
}

#[test]
fn what_does_not_fit_a_resume_is_named() {
    let (_scratch, path) = scratch_run();
    let config = configuration(&[]);
    drop(RunDirectory::create(&path, &config, DeviceChoice::Cpu).unwrap());
    let before = contents(&path);
    let other = configuration(&["seed=2"]);
    refused(
        &path,
        RunDirectory::resume(&path, &other, DeviceChoice::Cpu),
        &before,
        &["config.toml: `seed` is 1", "2"],
    );
    let cuda = RunDirectory::resume(&path, &config, DeviceChoice::Cuda(0));
    refused(&path, cuda, &before, &["manifest.json: `device` is cpu"]);
    let holder = RunDirectory::resume(&path, &config, DeviceChoice::Cpu).unwrap();
    refused(&path, RunDirectory::resume(&path, &config, DeviceChoice::Cpu), &before, &["another process"]);
    drop(holder);
    let threads = configuration(&["env.threads=1"]);
    RunDirectory::resume(&path, &threads, DeviceChoice::Cpu).unwrap();
}

#[test]
fn a_run_from_before_a_key_existed_is_gone_on_with() {
    let (_scratch, path) = scratch_run();
    drop(RunDirectory::create(&path, &configuration(&[]), DeviceChoice::Cpu).unwrap());
    let now = fs::read_to_string(path.join("config.toml")).unwrap();
    let then = now.replace("last_observation = false\n", "");
    assert_ne!(now, then);
    fs::write(path.join("config.toml"), &then).unwrap();
    let digest = |text: &str| format!("{:08x}", crc32fast::hash(text.as_bytes()));
    let manifest = fs::read_to_string(path.join("manifest.json")).unwrap();
    fs::write(path.join("manifest.json"), manifest.replace(&digest(&now), &digest(&then))).unwrap();
    drop(RunDirectory::open(&path).unwrap());
    RunDirectory::resume(&path, &configuration(&["env.threads=2"]), DeviceChoice::Cpu).unwrap();
}

#[test]
fn another_version_and_a_changed_configuration_are_refused() {
    let (_scratch, path) = scratch_run();
    let config = configuration(&[]);
    drop(RunDirectory::create(&path, &config, DeviceChoice::Cpu).unwrap());
    let manifest = fs::read_to_string(path.join("manifest.json")).unwrap();
    for (from, to, words) in [
        (
            "\"format\": 1",
            "\"format\": 2, \"new\": true",
            ["manifest.json: `format` is 2", "use the version"],
        ),
        (
            env!("CARGO_PKG_VERSION"),
            "99.0.0",
            ["manifest.json: `telos` is 99.0.0", "resume with the version"],
        ),
        ("\"seed\"", "\"sead\"", ["manifest.json: not a manifest", "sead"]),
    ] {
        fs::write(path.join("manifest.json"), manifest.replace(from, to)).unwrap();
        let before = contents(&path);
        refused(&path, RunDirectory::resume(&path, &config, DeviceChoice::Cpu), &before, &words);
    }
    fs::write(path.join("manifest.json"), manifest).unwrap();
    let text = fs::read_to_string(path.join("config.toml")).unwrap();
    fs::write(path.join("config.toml"), text.replace("seed = 1\n", "seed = 9\n")).unwrap();
    let before = contents(&path);
    refused(&path, RunDirectory::open(&path), &before, &["config.toml: was changed", "restore it"]);
}
