//! Wrong input is refused with exit code 2, a message that says where, and nothing written.

use std::fs;

use crate::sandbox::{Sandbox, trials};

const SWEEP: &str = "\
base = 'base.toml'
seeds = [1, 2]

[sampler]
kind = 'random'
settings = 2

[parameters]
'ppo.lr' = { log = [1e-4, 1e-2] }
'ppo.gamma' = [0.9, 0.99]
";

#[test]
fn bad_input_in_a_sweep_file() {
    let cases = [
        ("base = 'base.toml'", "", "sweep.toml: `base`: is missing"),
        ("'base.toml'", "'absent.toml'", "absent.toml: No such file"),
        ("settings", "setings", "sweep.toml:6: unknown key `setings` in [sampler]; did you mean `settings`?"),
        (
            "'random'",
            "'rondom'",
            "sweep.toml:5: `sampler.kind`: there is no \"rondom\"; did you mean \"random\"?",
        ),
        ("settings = 2", "eta = 2", "sweep.toml:6: `sampler.eta`: is in conflict with this kind"),
        (
            "'random'\nsettings = 2",
            "'grid'",
            "sweep.toml:8: `parameters.ppo.lr`: is a range, of which a grid",
        ),
        ("seeds = [1, 2]", "seeds = [1, 1]", "sweep.toml:2: `seeds`: names 1 twice"),
        ("seeds = [1, 2]", "seeds = []", "sweep.toml:2: `seeds`: is empty"),
        (
            "seeds = [1, 2]",
            "metric = 'gold_retrun.mean'",
            "sweep.toml: `metric`: no result.json has a number",
        ),
        (
            "seeds = [1, 2]",
            "set = ['ppo.lr=1']",
            "sweep.toml:2: `set`: fixes `ppo.lr`, which [parameters] varies",
        ),
        (
            "{ log = [1e-4, 1e-2] }",
            "{ log = [0.0, 1e-2] }",
            "sweep.toml:9: `parameters.ppo.lr.log`: must lie above 0",
        ),
        (
            "log = [1e-4, 1e-2]",
            "log = [1, 2], int = [1, 2]",
            "sweep.toml:9: `parameters.ppo.lr.int`: is in conflict",
        ),
        (
            "log = [1e-4, 1e-2]",
            "variants = { a = ['seed=3'] }",
            "sweep.toml:9: `parameters.ppo.lr.variants`: \"seed=3\" sets a seed",
        ),
        (
            "log = [1e-4, 1e-2]",
            "variants = { a = ['steps'] }",
            "sweep.toml:9: `parameters.ppo.lr.variants`: \"steps\" is not key=value",
        ),
        (
            "{ log = [1e-4, 1e-2] }",
            "{ variants = { a = ['ppo.lrr=1'] } }",
            "unknown key `lrr` in [ppo]; did you mean `lr`?",
        ),
        ("log = [1e-4, 1e-2]", "lgo = [1, 2]", "sweep.toml:9: unknown key `lgo`"),
        ("[0.9, 0.99]", "[0.9, 0.9]", "sweep.toml:10: `parameters.ppo.gamma.values`: names 0.9 twice"),
        (
            "1e-2] }",
            "1e-2], when = { 'ppo.gamma' = 0.9 } }",
            "sweep.toml:9: `parameters.ppo.lr.when`: names `ppo.gamma`, which is no parameter above",
        ),
        ("[0.9, 0.99]", "[0.9, 1.5]", "`ppo.gamma`: is 1.5"),
        ("'ppo.gamma'", "'ppo.gamme'", "unknown key `gamme` in [ppo]; did you mean `gamma`?"),
        (
            "'random'\nsettings = 2",
            "'halving'",
            "base.toml: ppo.anneal_lr = true is in conflict with the sampler",
        ),
        (
            "'random'",
            "'cma-es'",
            "sweep.toml:10: `parameters.ppo.gamma`: is in conflict with the sampler, which needs numbers",
        ),
        (
            "'random'\nsettings = 2",
            "'serene'\ndescriptor = ['seeds.0.final.last_observation']",
            "sweep.toml:10: `parameters.ppo.gamma`: is in conflict with the sampler, which needs numbers",
        ),
        (
            "'random'\nsettings = 2",
            "'novelty'\ndescriptor = ['seeds.0.final.last_observation']",
            "`sampler.descriptor`: no result.json has a number at `seeds.0.final.last_observation`",
        ),
        ("[parameters]", "[slurm]\ncpus = 0\n\n[parameters]", "sweep.toml:9: `slurm.cpus`: is 0"),
        ("[parameters]", "[slurm]\ntime = 'soon'\n\n[parameters]", "`slurm.time`: \"soon\" is no time limit"),
        ("[parameters]", "[slurm]\ntime = '1'\n\n[parameters]", "`slurm.warning`: is 60, but must be below"),
        (
            "[parameters]",
            "[slurm]\noptions = ['--array=1']\n\n[parameters]",
            "`slurm.options`: `--array` is in conflict",
        ),
        (
            "[parameters]",
            "[kubernetes]\nmemory = '0Gi'\n\n[parameters]",
            "`kubernetes.memory`: \"0Gi\" is no positive",
        ),
    ];
    let sandbox = Sandbox::new(SWEEP);
    for (from, to, expected) in cases {
        assert!(SWEEP.contains(from), "{from}");
        sandbox.write(&SWEEP.replacen(from, to, 1));
        let message = sandbox.fails("plan sweep.toml --out out", 2);
        assert!(message.contains(expected), "{to:?}\n   found {message}\nexpected {expected}");
        assert!(!sandbox.path("out/generations").exists(), "{to:?}");
        let _ = fs::remove_dir_all(sandbox.path("out"));
    }
}

#[test]
fn bad_input_in_a_store() {
    let sandbox = Sandbox::new(SWEEP);
    sandbox.succeeds("plan sweep.toml --out out");
    let cases = [
        ("out/store.json", "\"format\": 1", "\"format\": 7", "store.json: `format` is 7, but this telos"),
        ("out/store.json", "\"program\": \"", "\"program\": \"0", "store.json: was planned by another build"),
        ("out/sweep.toml", "[1, 2]", "[1, 3]", "sweep.toml: was changed after the sweep began"),
        ("out/base.toml", "count = 2", "count = 3", "sweep.toml: was changed after the sweep began"),
        (
            "out/generations/0000.json",
            "\"settings\"",
            "\"sittings\"",
            "0000.json: not what `telos sweep` writes here",
        ),
    ];
    for (file, from, to, expected) in cases {
        let whole = sandbox.read(file);
        fs::write(sandbox.path(file), whole.replacen(from, to, 1)).unwrap();
        for command in ["run out --quiet", "advance out", "exec out --generation 0 --index 0"] {
            let message = sandbox.fails(command, 2);
            assert!(message.contains(expected), "{command}\n   found {message}\nexpected {expected}");
        }
        fs::write(sandbox.path(file), whole).unwrap();
    }
    assert!(sandbox.fails("exec out --generation 0 --index 4", 2).contains("has 4 trials"));
    assert!(sandbox.fails("exec out --generation 1 --index 0", 2).contains("no generation 1"));
    assert!(sandbox.fails("status .", 2).contains("not a sweep directory"));
    assert!(trials(&sandbox.path("out")).iter().all(|trial| !trial.join("attempts").exists()));

    sandbox.write(&SWEEP.replace("settings = 2", "settings = 3"));
    assert!(
        sandbox.fails("run sweep.toml --out out", 2).contains("out: holds another sweep than sweep.toml")
    );
    fs::create_dir(sandbox.path("mine")).unwrap();
    fs::write(sandbox.path("mine/notes.txt"), "mine").unwrap();
    assert!(sandbox.fails("plan sweep.toml --out mine", 2).contains("mine: is not empty and no sweep"));
    assert!(sandbox.fails("submit out --to kubernetes", 2).contains("`kubernetes.image` is missing"));
}

#[test]
fn a_training_that_fails_is_given_up_at_once_and_the_rest_goes_on() {
    // A step size with which the weights overflow.
    let sandbox = Sandbox::new("base = 'base.toml'\n[parameters]\n'ppo.lr' = [1e30, 1e-3]\n");
    let message = {
        let output = sandbox.sweep("run sweep.toml --out out --quiet").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        crate::sandbox::message(&output)
    };
    let csv = sandbox.read("out/summary.csv");
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert!(rows[0].contains(",given-up,,") && rows[1].contains(",done,-"), "{csv}");
    let id = rows[0].split(',').nth(2).unwrap();
    assert!(message.contains(&format!("trial {id}: error: ")), "{message}");
    let status = sandbox.succeeds("status out");
    assert!(status.contains(&format!("given up {id}: ")) && status.contains("2 attempts"), "{status}");
}
