//! Samplers through the command line: what a generation takes over from the one before.

use std::fs;

use crate::sandbox::{Sandbox, trials};

const RATES: &str =
    "\n[parameters]\n'ppo.lr' = { log = [1e-4, 1e-1] }\n'ppo.gamma' = { linear = [0.9, 0.99] }\n";

fn with_sampler(sampler: &str) -> Sandbox {
    Sandbox::new(&format!(
        "base = 'base.toml'\nset = ['ppo.anneal_lr=false']\nseeds = [3, 8]\n\n[sampler]\n{sampler}\n{RATES}"
    ))
}

#[test]
fn a_trial_is_the_run_that_its_configuration_describes() {
    let sandbox = with_sampler("kind = 'random'\nsettings = 2");
    sandbox.succeeds("run sweep.toml --out out --quiet");
    let trial = trials(&sandbox.path("out")).remove(0);
    let train = std::process::Command::new(env!("CARGO_BIN_EXE_telos"))
        .args(["train", "--quiet", "--out"])
        .arg(sandbox.path("alone"))
        .arg(trial.join("config.toml"))
        .output()
        .unwrap();
    assert!(train.status.success());
    let attempt = trial.join("attempts/0001");
    assert_eq!(fs::read(trial.join("result.json")).unwrap(), fs::read(attempt.join("result.json")).unwrap());
    for file in ["result.json", "metrics.jsonl", "weights.safetensors"] {
        assert_eq!(
            fs::read(attempt.join(file)).unwrap(),
            fs::read(sandbox.path("alone").join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let sandbox = with_sampler("kind = 'tpe'\nsettings = 4\ngenerations = 3");
    sandbox.succeeds("run sweep.toml --out one --quiet --workers 1");
    sandbox.succeeds("run sweep.toml --out three --quiet --workers 3");
    for file in ["summary.json", "summary.csv", "generations/0002.json"] {
        assert_eq!(sandbox.read(&format!("one/{file}")), sandbox.read(&format!("three/{file}")));
    }
    assert_eq!(sandbox.read("one/summary.csv").lines().count(), 1 + 3 * 4 * 2);
}

#[test]
fn halving_goes_on_with_the_same_run() {
    let sandbox = with_sampler("kind = 'halving'\nsettings = 9\ngenerations = 3\nfirst_steps = 64\neta = 3");
    sandbox.succeeds("run sweep.toml --out out --quiet");
    let summary = sandbox.json("out/summary.json");
    let settings = summary["settings"].as_array().unwrap();
    let steps: Vec<u64> = settings.iter().map(|setting| setting["steps"].as_u64().unwrap()).collect();
    assert_eq!(steps, [[64; 9].as_slice(), &[192; 3], &[576; 1]].concat());

    // Those that went on are the best of their rung, unchanged.
    for rung in [1, 2] {
        let of = |rung| settings.iter().filter(move |setting| setting["place"]["generation"] == rung);
        let cut = of(rung).count();
        let mut scores: Vec<f64> = of(rung - 1).map(|setting| setting["score"].as_f64().unwrap()).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        for child in of(rung) {
            let parent = settings.iter().find(|setting| setting["place"] == child["parent"]).unwrap();
            assert_eq!(parent["values"], child["values"]);
            assert!(parent["score"].as_f64().unwrap() >= scores[cut - 1]);
        }
    }

    // The last rung holds the metrics of all of them, as one run would: one evaluation each.
    let last = summary["trials"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap();
    let metrics = sandbox.read(&format!("out/trials/{last}/attempts/0001/metrics.jsonl"));
    let steps: Vec<&str> = metrics.lines().map(|line| line.split([':', ',']).nth(1).unwrap()).collect();
    assert_eq!(steps, ["64", "192", "576"]);
}

#[test]
fn a_population_pins_its_parents_and_changes_what_they_do() {
    let sandbox =
        with_sampler("kind = 'population'\nsettings = 4\ngenerations = 3\nfirst_steps = 64\nquantile = 0.25");
    sandbox.succeeds("run sweep.toml --out out --quiet");
    let summary = sandbox.json("out/summary.json");
    let settings = summary["settings"].as_array().unwrap();
    let of = |generation| settings.iter().filter(move |setting| setting["place"]["generation"] == generation);
    for generation in [1, 2] {
        let score = |setting: &serde_json::Value| setting["score"].as_f64().unwrap();
        let worst = of(generation - 1).min_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
        let best = of(generation - 1).max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
        for child in of(generation) {
            let parent = settings.iter().find(|setting| setting["place"] == child["parent"]).unwrap();
            if child["place"]["setting"] == worst["place"]["setting"] {
                assert_eq!(parent, best);
                assert_ne!(parent["values"], child["values"]);
            } else {
                assert_eq!(parent["place"]["setting"], child["place"]["setting"]);
                assert_eq!(parent["values"], child["values"]);
            }
        }
    }

    // The mutated child and the survivor that it copies began with the same bytes and parted ways.
    let child = of(1).find(|setting| {
        settings
            .iter()
            .any(|parent| parent["place"] == setting["parent"] && parent["values"] != setting["values"])
    });
    let child = child.unwrap();
    let survivor =
        of(1).find(|one| one["parent"] == child["parent"] && one["place"] != child["place"]).unwrap();
    let trial = |setting: &serde_json::Value| {
        let trials = summary["trials"].as_array().unwrap();
        let one = trials.iter().find(|trial| trial["place"] == setting["place"]).unwrap();
        one["id"].as_str().unwrap().to_owned()
    };
    let [child, survivor] = [child, survivor].map(trial);
    let parent = |id: &str| sandbox.json(&format!("out/trials/{id}/trial.json"))["parent"].clone();
    assert_eq!(parent(&child), parent(&survivor));
    assert_eq!(parent(&child)["checkpoint"].as_str().unwrap().len(), 64);
    let weights =
        |id: &str| fs::read(sandbox.path(&format!("out/trials/{id}/attempts/0001/weights.safetensors")));
    assert_ne!(weights(&child).unwrap(), weights(&survivor).unwrap());

    // Another checkpoint than the pinned one is not taken for it.
    let lost = parent(&child)["trial"].as_str().unwrap().to_owned();
    let series = sandbox.path(&format!("out/trials/{lost}/attempts/0001/checkpoints"));
    let last = fs::read_dir(&series).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::remove_file(&last).unwrap();
    fs::write(&last, bytes).unwrap();
    fs::remove_dir_all(sandbox.path(&format!("out/trials/{child}/attempts"))).unwrap();
    fs::remove_file(sandbox.path(&format!("out/trials/{child}/result.json"))).unwrap();
    let message = sandbox.fails("run out --quiet", 1);
    assert!(message.contains(&lost) && message.contains("no attempt has the last checkpoint"), "{message}");
}

#[test]
fn novelty_and_elites_breed_from_what_their_archives_hold() {
    let descriptor = "descriptor = ['seeds.0.final.gold.mean', 'seeds.0.final.length']";
    for sampler in [
        format!("kind = 'novelty'\nsettings = 4\ngenerations = 3\nsigma = 0.2\nneighbours = 3\n{descriptor}"),
        format!(
            "kind = 'map-elites'\nsettings = 4\ngenerations = 3\ninherit = true\nfirst_steps = 64\n{descriptor}\n\
             cells = [[-1600, 0, 8], [0, 200, 1]]"
        ),
    ] {
        let sandbox = with_sampler(&sampler);
        sandbox.succeeds("run sweep.toml --out out --quiet");
        let summary = sandbox.json("out/summary.json");
        let settings = summary["settings"].as_array().unwrap();
        assert_eq!(settings.len(), 12);
        let inherits = sampler.contains("inherit");
        for setting in settings.iter().skip(4) {
            assert_eq!(setting["parent"].is_null(), !inherits);
        }
        let last = settings.last().unwrap();
        assert!(if inherits { last["steps"].as_u64() >= Some(128) } else { last["steps"] == 128 });
    }
}
