//! Searches over reward weights and over behaviours, as generations of one store.

use std::fs;

use serde_json::Value;

use crate::sandbox::Sandbox;

const WEIGHTS: &str = "
[parameters]
'reward.factors.upright' = { linear = [0.0, 2.0] }
'reward.factors.gentle' = { linear = [-1.0, 1.0] }
";

fn with_sampler(sampler: &str) -> Sandbox {
    Sandbox::new(&format!(
        "base = 'base.toml'\nset = ['env.id=\"pendulum-swingup\"', 'evaluation.last_observation=true']\n\
         seeds = [3, 8]\n\n[sampler]\n{sampler}\n{WEIGHTS}"
    ))
}

fn settings(sandbox: &Sandbox, generation: usize) -> Vec<Value> {
    let summary = sandbox.json("out/summary.json");
    let all = summary["settings"].as_array().unwrap().iter();
    all.filter(|setting| setting["place"]["generation"] == generation).cloned().collect()
}

fn weights(setting: &Value) -> [f64; 2] {
    ["upright", "gentle"].map(|name| setting["values"][format!("reward.factors.{name}")].as_f64().unwrap())
}

/// Faust, Francis and Mehta 2019, "Evolving Rewards to Automate Reinforcement Learning" (arXiv
/// 1905.07628): the reward of the training is searched, and judged by what it was made for.
#[test]
fn a_reward_search_trains_on_weights_and_is_scored_by_the_gold_return() {
    let sandbox = with_sampler("kind = 'cma-es'\nsettings = 6\ngenerations = 3\nsigma = 0.3");
    sandbox.succeeds("run sweep.toml --out out --quiet");
    let summary = sandbox.json("out/summary.json");
    assert_eq!(summary["settings"].as_array().unwrap().len(), 18);
    let of_trial = |setting: &Value, file: &str| {
        let trials = summary["trials"].as_array().unwrap();
        let trial = trials.iter().find(|trial| trial["place"] == setting["place"]).unwrap();
        let path = format!("out/trials/{}/attempts/0001/{file}", trial["id"].as_str().unwrap());
        fs::read(sandbox.path(&path)).unwrap()
    };
    let first = settings(&sandbox, 0);
    let config = String::from_utf8(of_trial(&first[0], "config.toml")).unwrap();
    assert!(config.contains(&format!("upright = {}", weights(&first[0])[0])), "{config}");
    // Other weights on one seed leave another policy.
    assert!(of_trial(&first[0], "weights.safetensors") != of_trial(&first[1], "weights.safetensors"));
    // The best half of a generation, not all of it, decides where the next one lies.
    let mean = |settings: &[Value]| {
        let all = settings.iter().map(weights);
        all.fold([0.0; 2], |sum, [a, b]| [sum[0] + a, sum[1] + b]).map(|sum| sum / settings.len() as f64)
    };
    assert_ne!(mean(&first), mean(&settings(&sandbox, 1)));
}

#[test]
fn emitters_search_around_rewarding_settings_and_behaviours_are_learned() {
    let sandbox = with_sampler(
        "kind = 'serene'\nsettings = 8\ngenerations = 4\nsigma = 0.02\nneighbours = 3\nlatent = 2\nemitter = 4\n\
         rewarding = 0.0\ndescriptor = ['seeds.0.final.last_observation']",
    );
    sandbox.succeeds("run sweep.toml --out out --quiet");
    let explored = settings(&sandbox, 0);
    assert!(explored.iter().all(|setting| setting["score"].as_f64() > Some(0.0)), "all are rewarding");
    // Two emitters of four settings each, at the first two that were explored.
    let emitted = settings(&sandbox, 1);
    for (start, around) in explored.iter().zip(emitted.chunks(4)) {
        for setting in around {
            let off =
                weights(setting).iter().zip(weights(start)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off > 0.0 && off < 0.2, "{setting} around {start}");
        }
    }
    assert_eq!(settings(&sandbox, 3).len(), 8);

    // Another coordinator decides the same from the same files.
    let decided = sandbox.read("out/generations/0003.json");
    for file in ["generations/0003.json", "summary.json"] {
        fs::remove_file(sandbox.path("out").join(file)).unwrap();
    }
    sandbox.succeeds("run out --quiet");
    assert_eq!(sandbox.read("out/generations/0003.json"), decided);
}

#[test]
fn novelty_search_codes_what_it_is_given() {
    let sandbox = with_sampler(
        "kind = 'novelty'\nsettings = 6\ngenerations = 3\nneighbours = 3\nlatent = 2\n\
         descriptor = ['seeds.0.final.last_observation', 'seeds.0.final.length']",
    );
    sandbox.succeeds("run sweep.toml --out out --quiet");
    assert_eq!(settings(&sandbox, 2).len(), 6);
}
