//! Fine-tuning a cloned generative policy from outside: every method, exact resumption, mistakes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;

use std::fs;

use command::{kill_after, refused, succeeds};

const GENERATIVE: &str = "\
learner = 'generative'

[env]
id = 'point-maze-umaze'
count = 4

[generative]
process = 'flow'
horizon = 4
executed = 2
residual = true
sampler = { steps = 4 }
mlp = { hidden = [32, 32] }

[evaluation]
interval = 300
episodes = 2
";

const CLONING: &str = "\
[data]
path = 'data'

[cloning]
batch_size = 32
";

const TUNING: &str = "\
[base]
run = 'base'

[checkpoint]
interval = 120

[tuning]
denoising_steps = 3
rollout_steps = 30
batch_size = 16
epochs = 2
value_hidden = [16]
warm_up = 1
";

/// A directory with the run `base`, and the data set `data` that it has cloned.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let here = scratch.path();
    let arguments = ["collect", "--env", "point-maze-umaze", "--policy", "scripted", "--steps", "1500"];
    succeeds(&[&arguments[..], &["--quiet", "--reference-episodes", "1", "--out", "data"]].concat(), here);
    fs::write(here.join("base.toml"), format!("loop = 'imitation'\nsteps = 100\n{GENERATIVE}{CLONING}"))
        .unwrap();
    succeeds(&["train", "base.toml", "--out", "base", "--quiet"], here);
    scratch
}

/// A configuration of 360 steps, three rollouts, by `method`.
fn tuning(method: &str, more: &str) -> String {
    format!("loop = 'fine-tune'\nsteps = 360\n{GENERATIVE}{TUNING}method = '{method}'\n{more}")
}

#[test]
fn killed_runs_resume_to_the_same_bytes() {
    let scratch = scratch();
    let here = scratch.path();
    for (method, more) in [("dppo", ""), ("d3po", "judge = 'simulator'\n"), ("adjoint-matching", "")] {
        fs::write(here.join("c.toml"), tuning(method, more)).unwrap();
        let (whole, killed) = (format!("{method}-whole"), format!("{method}-killed"));
        let text = succeeds(&["train", "c.toml", "--out", &whole, "--quiet"], here);
        assert!(text.contains("fine-tuned generative policy") && text.contains("before"), "{text}");
        let resume = ["train", "c.toml", "--out", &killed, "--quiet", "--resume"];
        kill_after(&resume, here, &here.join(&killed).join("checkpoints/step-0000000120.ckpt"));
        succeeds(&resume, here);
        for name in ["result.json", "metrics.jsonl", "weights.safetensors"] {
            let [a, b] = [&whole, &killed].map(|run| fs::read(here.join(run).join(name)).unwrap());
            assert!(!a.is_empty() && a == b, "{method}: {name}");
        }
    }
    // Once trained, the base is not needed.
    fs::remove_dir_all(here.join("base")).unwrap();
    assert!(succeeds(&["eval", "dppo-whole", "--episodes", "1"], here).contains("point-maze-umaze"));
}

#[test]
fn every_method_changes_the_policy_and_stays_finite() {
    let scratch = scratch();
    let here = scratch.path();
    let methods = [
        ("dpok", ""),
        ("prdp", ""),
        ("reward-gradient", ""),
        ("flow-dpo", ""),
        ("reward-weighted", ""),
        ("spin", "[data]\npath = 'data'\n"),
        ("eda", "candidates = 4\neda = { label_share = 0.5 }\n"),
        ("noise-actor", ""),
    ];
    for (method, more) in methods {
        let eta = if method == "noise-actor" { "0.0" } else { "1.0" };
        let sampler = format!("{{ steps = 4, noise = {{ eta = {eta} }} }}");
        let config = tuning(method, more).replace("{ steps = 4 }", &sampler);
        fs::write(here.join("m.toml"), config).unwrap();
        succeeds(&["train", "m.toml", "--out", method, "--quiet"], here);
        let metrics = fs::read_to_string(here.join(method).join("metrics.jsonl")).unwrap();
        assert!(metrics.contains("\"tuning/policy_loss\""), "{method}: {metrics}");
        assert!(!metrics.contains("null"), "{method}: {metrics}");
        let [before, after] =
            ["base", method].map(|run| fs::read(here.join(run).join("weights.safetensors")).unwrap());
        assert!(before != after, "{method}");
    }
    for steer in ["best-of-n", "particles", "guidance", "noise-search"] {
        let arguments = ["eval", "reward-gradient", "--episodes", "1", "--steer", steer, "--candidates", "2"];
        assert!(succeeds(&arguments, here).contains("gold return"), "{steer}");
    }
    refused(&["eval", "dpok", "--steer", "best-of-n"], here, "there is no critic to steer by");
    refused(&["eval", "base", "--steer", "best-of-n"], here, "is no fine-tuning");
}

#[test]
fn a_sentence_can_be_the_reward_and_its_run_resumes_to_the_same_bytes() {
    let scratch = scratch();
    let here = scratch.path();
    let sentence = "[reward.sentence]\ngoal = ['a ball in the middle of a maze']\nevery = 3\n";
    fs::write(here.join("c.toml"), tuning("dppo", sentence)).unwrap();
    let text = succeeds(&["train", "c.toml", "--out", "whole", "--quiet"], here);
    assert!(text.contains("fine-tuned on \"a ball in the middle of a maze\""), "{text}");
    assert!(text.contains("return under the sentence"), "{text}");
    let resume = ["train", "c.toml", "--out", "killed", "--quiet", "--resume"];
    kill_after(&resume, here, &here.join("killed/checkpoints/step-0000000120.ckpt"));
    succeeds(&resume, here);
    for name in ["result.json", "metrics.jsonl", "weights.safetensors"] {
        let [a, b] = ["whole", "killed"].map(|run| fs::read(here.join(run).join(name)).unwrap());
        assert!(!a.is_empty() && a == b, "{name}");
    }
}

#[test]
fn mistakes_are_named() {
    let scratch = scratch();
    let here = scratch.path();
    let good = tuning("dppo", "");
    let cases = [
        ("run = 'base'", "", "`base.run`: is missing"),
        ("run = 'base'", "run = 'bse'", "bse"),
        ("hidden = [32, 32]", "hidden = [32]", "cannot be the base of this run"),
        ("id = 'point-maze-umaze'", "id = 'push-t'", "cannot be the base of this run"),
        ("'dppo'", "'dpo'", "`tuning.method`: there is no \"dpo\""),
        ("denoising_steps = 3", "denoising_steps = 5", "`tuning.denoising_steps`: is 5"),
        ("'dppo'", "'d3po'\ncandidates = 3", "`tuning.candidates`: is 3"),
        ("'dppo'", "'dppo'\n[data]\npath = 'data'", "`data`: nothing reads this table"),
        ("'dppo'", "'spin'", "`data.path`: is missing"),
        (
            "'dppo'",
            "'d3po'\njudge = 'simulator'\n[reward.sentence]\ngoal = ['a ball at rest']",
            "`reward.sentence`: is a reward of pictures",
        ),
        ("'dppo'", "'spin'\n[reward.sentence]\ngoal = ['a ball']", "`reward.sentence`: changes nothing"),
        ("[tuning]", "[cloning]\n[tuning]", "`cloning`: nothing reads this table"),
    ];
    for (from, to, words) in cases {
        fs::write(here.join("bad.toml"), good.replace(from, to)).unwrap();
        refused(&["train", "bad.toml", "--out", "bad"], here, words);
        assert!(!here.join("bad").exists(), "{to}");
    }
}
