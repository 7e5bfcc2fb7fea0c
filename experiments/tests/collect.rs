//! `telos collect` and `telos dataset`: equal bytes for equal seeds, tiers in order, mistakes refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use telos::envs::dataset::Dataset;

fn telos(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_telos")).current_dir(directory).args(arguments).output().unwrap()
}

fn done(directory: &Path, line: &str) -> String {
    let output = telos(directory, &line.split_whitespace().collect::<Vec<_>>());
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(directory: &Path, line: &str, expected: &str) {
    let output = telos(directory, &line.split_whitespace().collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{line}: {said}");
    assert!(said.contains(expected), "{line}: {said}");
}

fn assert_equal_bytes(first: &Path, second: &Path) {
    let mut names: Vec<_> = fs::read_dir(first).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.contains(&"manifest.json".into()));
    for name in names {
        assert_eq!(fs::read(first.join(&name)).unwrap(), fs::read(second.join(&name)).unwrap(), "{name:?}");
    }
}

#[test]
fn equal_seeds_give_equal_bytes_on_any_number_of_threads() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    let collect =
        "collect --policy scripted --env reacher --steps 1003 --noise 0.1 --reference-episodes 2 --quiet";
    done(at, &format!("{collect} --seed 4 --threads 1 --out one"));
    done(at, &format!("{collect} --seed 4 --threads 3 --out three"));
    done(at, &format!("{collect} --seed 5 --out other"));
    assert_equal_bytes(&at.join("one"), &at.join("three"));
    let [one, other] = ["one", "other"].map(|name| Dataset::open(&at.join(name)).unwrap());
    assert_eq!(one.steps(), 1003);
    assert_ne!(one.episode(0).obs, other.episode(0).obs);
    assert!(one.episodes().all(|episode| !episode.terminated));
    // The scripted expert solves the task, random actions do not.
    let scores = one.info().reference.clone().unwrap();
    assert!(scores.expert > scores.random + 1.0, "{scores:?}");
    assert!(done(at, "dataset info one --verify").contains("all columns match"));
}

#[test]
fn tiers_come_from_one_training_and_rise_in_quality() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    fs::write(
        at.join("sac.toml"),
        "steps = 20000\n[env]\nid = 'pendulum-swingup'\n[training]\nlearning_starts = 500\n\
         [sac]\nhidden = [32, 32]\nbatch_size = 64\n[evaluation]\ninterval = 2000\nepisodes = 4\n",
    )
    .unwrap();
    let tiers = "random,medium,medium-replay,medium-expert,expert";
    let collect =
        format!("collect --tiers {tiers} --config sac.toml --steps 4000 --reference-episodes 4 --quiet");
    done(at, &format!("{collect} --threads 1 --out one"));
    done(at, &format!("{collect} --threads 2 --out two"));
    let mut means = Vec::new();
    for tier in tiers.split(',') {
        assert_equal_bytes(&at.join("one").join(tier), &at.join("two").join(tier));
        let dataset = Dataset::open(&at.join("one").join(tier)).unwrap();
        let total: f64 = dataset.episodes().map(|episode| episode.total_reward()).sum();
        means.push(total / dataset.steps() as f64);
        assert!(dataset.info().reference.is_some());
        if tier != "medium-replay" {
            assert_eq!(dataset.steps(), 4000);
        }
    }
    let [random, medium, _, mixed, expert] = means[..] else { unreachable!("five tiers") };
    assert!(random < medium && medium <= mixed && mixed <= expert, "{means:?}");
}

#[test]
fn play_goes_to_more_places_than_the_task_asks_for() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    done(
        at,
        "collect --tiers play,expert --env point-maze-umaze --steps 3000 --reference-episodes 2 --quiet --out maze",
    );
    let [play, expert] = ["play", "expert"].map(|tier| Dataset::open(&at.join("maze").join(tier)).unwrap());
    let success = |dataset: &Dataset| {
        let solved = dataset.episodes().map(|episode| episode.success.iter().filter(|s| **s).count());
        solved.sum::<usize>() as f64 / dataset.steps() as f64
    };
    assert!(success(&play) < success(&expert), "{} {}", success(&play), success(&expert));
    refused(at, "collect --tiers play --env walker-walk --steps 100 --out no", "needs a scripted expert");
}

#[test]
fn demonstrations_end_at_their_first_success_and_say_what_was_meant() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    let collect = "collect --policy scripted --env reacher --steps 600 --reference-episodes 2 --quiet";
    done(at, &format!("{collect} --out whole"));
    done(at, &format!("{collect} --until-success --out cut"));
    let [whole, cut] = ["whole", "cut"].map(|name| Dataset::open(&at.join(name)).unwrap());
    assert_eq!((whole.steps(), cut.steps()), (600, 600));
    assert!(cut.episodes().len() > 2 * whole.episodes().len(), "{}", cut.episodes().len());
    let mut ended = 0;
    for episode in cut.episodes() {
        let (last, before) = episode.success.split_last().unwrap();
        assert!(!before.contains(&true) && !episode.terminated, "{:?}", episode.success);
        ended += usize::from(*last);
    }
    // All but the last of each environment, which its share of the steps cuts.
    assert!(ended + 3 >= cut.episodes().len(), "{ended} of {}", cut.episodes().len());
    let beginning = |dataset: &Dataset, steps| dataset.episode(0).actions[..steps].to_vec();
    let steps = cut.episode(0).actions.len();
    assert_eq!(beginning(&cut, steps), beginning(&whole, steps));
    let noisy =
        "collect --policy scripted --env reacher --steps 400 --noise 0.3 --reference-episodes 2 --quiet";
    done(at, &format!("{noisy} --out executed"));
    done(at, &format!("{noisy} --intended --out intended"));
    let [executed, intended] = ["executed", "intended"].map(|name| Dataset::open(&at.join(name)).unwrap());
    // The same episodes, of which one says what was done and the other what was meant.
    assert_eq!(executed.episode(0).obs, intended.episode(0).obs);
    let expert = telos::envs::registry::expert("reacher").unwrap();
    let mut action = [0.0; 2];
    for (obs, recorded) in
        intended.episode(0).obs.chunks_exact(7).zip(intended.episode(0).actions.chunks_exact(2))
    {
        expert.act(obs, &mut action);
        assert_eq!(recorded, action);
    }
    assert_ne!(executed.episode(0).actions, intended.episode(0).actions);
    refused(at, "collect --policy random --env reacher --steps 10 --intended --out no", "--intended");
    let unjudged = "collect --policy random --env cheetah-run --until-success --steps 10 --out no";
    refused(at, unjudged, "does not judge success");
}

#[test]
fn rewards_are_written_anew_from_factors_and_everything_else_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    done(at, "collect --policy random --env walker-walk --steps 400 --quiet --out walk");
    let factors = Dataset::open(&at.join("walk")).unwrap().info().factors.clone();
    let (first, second) = (&factors[0], &factors[1]);
    done(at, &format!("dataset relabel walk --factor {first}=2 --factor {second}=-0.5 --out again"));
    let [old, new] = ["walk", "again"].map(|name| Dataset::open(&at.join(name)).unwrap());
    for (old, new) in old.episodes().zip(new.episodes()) {
        assert_eq!((old.obs, old.actions, old.factors), (new.obs, new.actions, new.factors));
        for (reward, terms) in new.rewards.iter().zip(old.factors.chunks_exact(factors.len())) {
            assert!((reward - (2.0 * terms[0] - 0.5 * terms[1])).abs() < 1e-6);
        }
    }
    refused(at, "dataset relabel walk --factor nothing=1 --out no", &factors.join(", "));
    refused(at, "dataset relabel walk --reward-of walk --out no", "walk");
}

#[test]
fn rewards_are_written_anew_by_what_a_run_learned() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/configs/preferences.toml");
    done(at, &format!("train {config} --set comparison.gold=false --out run --quiet"));
    done(
        at,
        "collect --policy run --steps 500 --seed 2 --quiet --reference-episodes 2 --expert run --out data",
    );
    done(at, "dataset relabel data --reward-of run --out learned");
    let [gold, learned] = ["data", "learned"].map(|name| Dataset::open(&at.join(name)).unwrap());
    assert!(gold.info().reference.is_some() && learned.info().reference.is_none());
    let rewards: Vec<f32> = learned.episodes().flat_map(|episode| episode.rewards.to_vec()).collect();
    assert!(rewards.iter().any(|reward| *reward != rewards[0]));
    assert_ne!(gold.episode(0).rewards, learned.episode(0).rewards);
    assert_eq!(gold.episode(0).actions, learned.episode(0).actions);
    refused(at, "collect --policy run --checkpoint 7 --steps 10 --out no", "has no checkpoint of step 7");
    refused(at, "collect --policy run --env reacher --steps 10 --out no", "leave --env out");
}

#[test]
fn a_killed_collection_leaves_no_dataset() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    let line = "collect --policy random --env pendulum-classic --steps 1000000000 --quiet --out data";
    let mut child = Command::new(env!("CARGO_BIN_EXE_telos"))
        .current_dir(at)
        .args(line.split_whitespace())
        .spawn()
        .unwrap();
    let hidden = loop {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        let entry = fs::read_dir(at).unwrap().next().map(|entry| entry.unwrap().path());
        match entry {
            Some(path) if path.join("obs.f32").metadata().is_ok_and(|file| file.len() > 0) => break path,
            _ => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!at.join("data").exists());
    refused(at, &format!("dataset info {}", hidden.display()), "no manifest.json");
    done(at, "collect --policy random --env pendulum-classic --steps 100 --quiet --out data");
}

#[test]
fn mistakes_are_refused_before_any_work() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    fs::create_dir(at.join("taken")).unwrap();
    refused(at, "collect --policy random --env reacher --steps 10 --out taken", "exists already");
    refused(at, "collect --policy random --env reachr --steps 10 --out new", "did you mean `reacher`?");
    refused(at, "collect --policy random --steps 10 --out new", "--env");
    refused(at, "collect --policy scripted --env cheetah-run --steps 10 --out new", "no scripted expert");
    refused(at, "collect --policy nowhere --steps 10 --out new", "nowhere");
    refused(at, "collect --policy random --env reacher --steps 10 --noise -1 --out new", "--noise");
    refused(at, "dataset info taken", "no manifest.json");
    refused(at, "dataset convert taken --out new", "is no dataset");
    assert_eq!(fs::read_dir(at).unwrap().count(), 1);
}
