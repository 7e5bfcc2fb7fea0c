//! The `telos` command in a scratch directory, and byte comparison of what it wrote.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// `telos` with these arguments, not yet started.
pub(crate) fn telos(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telos"));
    command.args(arguments);
    command
}

/// The path of a configuration beside these tests.
pub(crate) fn config(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "tests", "configs", name].iter().collect();
    path.to_str().expect("the checkout has a UTF-8 path").to_owned()
}

/// Runs to the end and requires exit code 0.
pub(crate) fn succeed(mut command: Command) -> Output {
    let output = command.output().expect("telos starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Every file below `run` that must not depend on interruptions, threads or the machine.
pub(crate) fn results(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut open = vec![run.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                open.push(path);
            } else if ["result.json", "metrics.jsonl", "ledger.jsonl", "segments.bin"].contains(&name)
                || name.ends_with(".safetensors")
            {
                let content = fs::read(&path).unwrap();
                files.push((path.strip_prefix(run).unwrap().to_owned(), content));
            }
        }
    }
    files.sort();
    files
}

/// Requires two runs to have left the same bytes, and at least `least` files.
pub(crate) fn assert_same_results(a: &Path, b: &Path, least: usize) {
    let (a, b) = (results(a), results(b));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    assert!(a.len() >= least, "only {:?}", names(&a));
    for ((path, first), (_, second)) in a.iter().zip(&b) {
        assert!(!first.is_empty(), "{} is empty", path.display());
        assert!(first == second, "{} differs", path.display());
    }
}
