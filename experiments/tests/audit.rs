//! `telos audit` from outside, on a run of a few seconds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;

use std::{collections::BTreeSet, fs, path::Path};

/// Of either learner.
const CONFIG: &str = "\
steps = 2000
[env]
id = 'pendulum-classic'
count = 4
[evaluation]
interval = 0
episodes = 1
";

const SMALL: &str = "--pairs 20 --candidates 64 --segment 10 --seeds 1";

/// The exit code, and what was printed and reported.
fn telos(arguments: &str, directory: &Path) -> (i32, String, String) {
    let output = command::telos(&arguments.split_whitespace().collect::<Vec<_>>(), directory);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn trained(learner: &str) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let config = format!("learner = '{learner}'\n{CONFIG}[{learner}]\nhidden = [8]\n");
    fs::write(scratch.path().join("c.toml"), config).unwrap();
    let (code, _, message) = telos("train c.toml --out run", scratch.path());
    assert_eq!(code, 0, "{message}");
    scratch
}

#[test]
fn every_kind_of_reward_model_is_optimised_in_every_way() {
    let scratch = trained("ppo");
    let (code, table, message) =
        telos(&format!("audit gold run {SMALL} --updates 2 --out gold"), scratch.path());
    assert_eq!(code, 0, "{message}");
    assert_eq!(table.matches("Gold by PPO").count(), 2, "{table}");
    let csv = fs::read_to_string(scratch.path().join("gold/gold.csv")).unwrap();
    let mut ways = BTreeSet::new();
    let mut updates = 0;
    for row in csv.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |at: usize| cells[at].parse::<f64>().unwrap();
        ways.insert((cells[0].to_owned(), cells[1].to_owned(), cells[2].to_owned()));
        assert!(number(5) >= -1e-9 && number(7).is_finite() && number(8).is_finite(), "{row}");
        // Nothing is gained where nothing was changed.
        if number(4) == 0.0 && cells[2] == "PPO" {
            assert_eq!((number(5), number(7), number(8)), (0.0, 0.0, 0.0), "{row}");
        }
        updates += usize::from(cells[2] == "PPO" && number(4) > 0.0 && number(5) > 0.0);
    }
    assert_eq!(ways.len(), 2 * 5 * 3, "{ways:?}");
    assert!(updates > 10, "{updates} of 20 updates moved the policy");
}

#[test]
fn only_a_policy_that_can_be_trained_on_is() {
    let scratch = trained("sac");
    let (code, _, message) = telos(&format!("audit gold run {SMALL} --out gold"), scratch.path());
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("its learner is not \"ppo\"") && message.contains("--updates 0"), "{message}");
    let (code, table, message) =
        telos(&format!("audit gold run {SMALL} --updates 0 --out gold"), scratch.path());
    assert_eq!(code, 0, "{message}");
    assert!(table.contains("Gold by best-of-n") && !table.contains("Gold by PPO"), "{table}");
    let (code, _, message) =
        telos("audit gold run --pairs 0 --candidates 64 --segment 10 --out gold", scratch.path());
    assert_eq!(code, 2, "{message}");
}

#[test]
fn robustness_and_stopping_have_their_tables() {
    let scratch = trained("ppo");
    let (code, table, message) = telos(&format!("audit robustness run {SMALL}"), scratch.path());
    assert_eq!(code, 0, "{message}");
    assert!(table.lines().count() > 10, "{table}");
    let (code, table, message) = telos("audit goodhart --processes 5", scratch.path());
    assert_eq!(code, 0, "{message}");
    assert!(table.starts_with("5 processes of 10 states"), "{table}");
    let (code, _, message) = telos("audit goodhart --processes 5 --angle 3", scratch.path());
    assert_eq!((code, message.contains("--angle is 3")), (2, true), "{message}");
}
