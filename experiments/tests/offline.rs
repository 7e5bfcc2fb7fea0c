//! Learning from recorded data and going on online, from outside: results, exact resumption, mistakes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;

use std::{fs, path::Path};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{
    dataset::{DatasetInfo, DatasetWriter, Episode, ReferenceScores},
    episode_seed, registry,
};

use command::{kill_after, refused, succeeds};

/// Both phases with every part of them, in a few seconds.
const CONFIG: &str = "\
loop = 'offline-to-online'
learner = 'cql'
steps = 1200

[env]
id = 'pendulum-classic'
count = 2

[data]
path = 'data'
reward = { scale = 0.1, bias = 0.5 }

[cql]
calibrated = true
actor_hidden = [16]
critic_hidden = [16]
batch_size = 16
samples = 2

[fine_tuning]
starts = 400
warm_up = 100
updates_per_step = 0.5
sera = { neighbours = 3 }

[evaluation]
interval = 200
episodes = 2

[checkpoint]
interval = 150
";

/// Records random swings of `id` as the data set `path`.
fn record(path: &Path, id: &str, seed: u64) {
    let mut env = registry::make(id).unwrap();
    let mut info = DatasetInfo::of(env.spec(), false, "a test");
    info.factors.clear();
    info.reference = Some(ReferenceScores {
        random: -1500.0,
        expert: -150.0,
        expert_policy: "nobody".into(),
        episodes: 1,
    });
    let mut writer = DatasetWriter::create(path, info).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for index in 0..5 {
        let mut obs = vec![0.0; env.spec().observation.size()];
        let mut episode = Episode::default();
        env.reset(episode_seed(seed, index, 0), &mut obs);
        episode.obs.extend(&obs);
        loop {
            let action: Vec<f32> =
                (0..env.spec().action.size()).map(|_| rng.random_range(-1.0..=1.0)).collect();
            let transition = env.step(&action, &mut obs);
            episode.obs.extend(&obs);
            episode.actions.extend(&action);
            episode.rewards.push(transition.reward);
            episode.terminated = transition.terminated;
            if transition.terminated || transition.truncated {
                break;
            }
        }
        writer.push(episode.view()).unwrap();
    }
    writer.finish().unwrap();
}

/// A directory with the data set `data` and the configuration `c.toml`.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    record(&scratch.path().join("data"), "pendulum-classic", 1);
    fs::write(scratch.path().join("c.toml"), CONFIG).unwrap();
    scratch
}

const RESULTS: [&str; 3] = ["result.json", "metrics.jsonl", "weights.safetensors"];

#[test]
fn a_killed_run_resumes_to_the_same_bytes_and_tells_before_from_after() {
    let scratch = scratch();
    let here = scratch.path();
    let text = succeeds(&["train", "c.toml", "--out", "whole", "--quiet"], here);
    assert!(text.contains("recorded data, then online"), "{text}");
    assert!(text.contains("seed 1: normalised return"), "{text}");

    // Killed in either phase, right after a checkpoint.
    let resume = ["train", "c.toml", "--out", "killed", "--quiet", "--resume"];
    for checkpoint in ["step-0000000150.ckpt", "step-0000000750.ckpt"] {
        kill_after(&resume, here, &here.join("killed/checkpoints").join(checkpoint));
    }
    succeeds(&resume, here);
    for name in RESULTS {
        let [whole, killed] = ["whole", "killed"].map(|run| fs::read(here.join(run).join(name)).unwrap());
        assert!(!whole.is_empty() && whole == killed, "{name}");
    }

    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(here.join("whole/result.json")).unwrap()).unwrap();
    let tuning = &result["seeds"][0]["fine_tuning"];
    assert_eq!(tuning["score"], "normalized_return");
    assert_eq!(tuning["starts"], 400);
    for score in ["before", "after", "best", "regret"] {
        assert!(tuning[score].is_number(), "{tuning}");
    }
}

#[test]
fn a_policy_can_be_evaluated_without_its_data_and_a_report_tells_of_a_collapse() {
    let scratch = scratch();
    let here = scratch.path();
    succeeds(&["train", "c.toml", "--out", "run", "--quiet"], here);
    fs::remove_dir_all(here.join("data")).unwrap();
    assert!(succeeds(&["eval", "run", "--episodes", "2"], here).contains("pendulum-classic"));

    let path = here.join("run/result.json");
    let mut result: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    result["seeds"][0]["fine_tuning"]["collapse"] = serde_json::json!({"step": 600, "score": -3.25});
    fs::write(&path, result.to_string()).unwrap();
    succeeds(&["report", "run", "--out", "report"], here);
    let page = fs::read_to_string(here.join("report/report.html")).unwrap();
    assert!(page.contains("From recorded data to online"));
    assert!(page.contains("run: collapsed after it went online: normalised return -3.25 at step 600"));
}

/// Labels that are learned, first about the data and then about what the policy does.
const PREFERENCES: &str = "
[preferences]
budget = 12
queries_per_session = 4
session_interval = 200
query = { segment = 20 }
reward_model = { hidden = [8], max_epochs = 2 }
";

#[test]
fn a_reward_model_learns_on_while_a_policy_goes_online_and_resumes_to_the_same_bytes() {
    let scratch = scratch();
    let here = scratch.path();
    let config = CONFIG.replace("path = 'data'", "path = 'data'\nlabels = 'preferences'") + PREFERENCES;
    fs::write(here.join("c.toml"), config).unwrap();
    succeeds(&["train", "c.toml", "--out", "whole", "--quiet"], here);
    let metrics = fs::read_to_string(here.join("whole/metrics.jsonl")).unwrap();
    let trained: Vec<bool> = metrics.lines().map(|line| line.contains("reward_model/loss")).collect();
    // Sessions at steps 0, 200 and 400, of which the last one is about the data and the first steps online.
    assert_eq!(trained, [true, true, true, false, false, false], "{metrics}");
    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(here.join("whole/result.json")).unwrap()).unwrap();
    assert_eq!(result["seeds"][0]["preferences"]["asked"], 12);

    let resume = ["train", "c.toml", "--out", "killed", "--quiet", "--resume"];
    for checkpoint in ["step-0000000150.ckpt", "step-0000000750.ckpt"] {
        kill_after(&resume, here, &here.join("killed/checkpoints").join(checkpoint));
    }
    succeeds(&resume, here);
    for name in RESULTS {
        let [whole, killed] = ["whole", "killed"].map(|run| fs::read(here.join(run).join(name)).unwrap());
        assert!(!whole.is_empty() && whole == killed, "{name}");
    }
    fs::remove_dir_all(here.join("data")).unwrap();
    assert!(succeeds(&["eval", "whole", "--episodes", "2"], here).contains("pendulum-classic"));
}

/// A preference run about the robot of `scratch`, of a second.
const TEACHER: &str = "\
loop = 'preferences'
steps = 800

[env]
id = 'pendulum-classic'

[training]
learning_starts = 200
updates_per_step = 0.1

[sac]
hidden = [8]
batch_size = 16

[evaluation]
interval = 0
episodes = 1
";

/// Learning from data alone, at `path`, with `more` keys of it.
fn offline(path: &str, more: &str) -> String {
    format!(
        "loop = 'offline'\nlearner = 'iql'\nsteps = 100\n[env]\nid = 'pendulum-classic'\n[data]\npath = '{path}'\n\
         {more}\n[iql]\nhidden = [8]\nbatch_size = 16\n[evaluation]\nepisodes = 1\n"
    )
}

#[test]
fn the_reward_model_of_another_run_labels_data_and_steps() {
    let scratch = scratch();
    let here = scratch.path();
    let asking =
        PREFERENCES.replace("session_interval = 200", "session_interval = 100\nunsupervised_steps = 400");
    fs::write(here.join("teacher.toml"), format!("{TEACHER}{asking}")).unwrap();
    succeeds(&["train", "teacher.toml", "--out", "teacher", "--quiet"], here);
    let weights = |name: &str, config: &str| -> Vec<f32> {
        fs::write(here.join("o.toml"), config).unwrap();
        succeeds(&["train", "o.toml", "--out", name, "--quiet"], here);
        let bytes = fs::read(here.join(name).join("weights.safetensors")).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect()
    };
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);

    // The same as learning from data that was written anew with what it says, to within rounding: it was asked
    // about other numbers of steps at a time.
    succeeds(&["dataset", "relabel", "data", "--reward-of", "teacher", "--out", "relabelled"], here);
    let labelled = weights("labelled", &offline("data", "reward_run = 'teacher'"));
    let (rewritten, recorded) = (offline("relabelled", ""), offline("data", ""));
    let (rewritten, recorded) = (weights("rewritten", &rewritten), weights("recorded", &recorded));
    let (same, other) = (distance(&labelled, &rewritten), distance(&labelled, &recorded));
    assert!(same < 1e-4 && other > 1e-2, "{same}, {other}");

    // Online too; what was learned is evaluated beside the gold reward.
    let config = CONFIG.replace("path = 'data'", "path = 'data'\nreward_run = 'teacher'");
    fs::write(here.join("online.toml"), &config).unwrap();
    succeeds(&["train", "online.toml", "--out", "whole", "--quiet"], here);
    let metrics = fs::read_to_string(here.join("whole/metrics.jsonl")).unwrap();
    assert!(metrics.lines().all(|line| line.contains("eval/learned_return")), "{metrics}");
    let resume = ["train", "online.toml", "--out", "killed", "--quiet", "--resume"];
    kill_after(&resume, here, &here.join("killed/checkpoints/step-0000000750.ckpt"));
    succeeds(&resume, here);
    for name in RESULTS {
        let [whole, killed] = ["whole", "killed"].map(|run| fs::read(here.join(run).join(name)).unwrap());
        assert!(!whole.is_empty() && whole == killed, "{name}");
    }

    for (from, to, words) in [
        ("'teacher'", "'absent'", "absent"),
        ("'teacher'", "'recorded'", "`data.reward_run`: has no reward model"),
        ("'teacher'", "'teacher'\nlabels = 'success'", "`data.reward_run`: labels the data"),
    ] {
        fs::write(here.join("bad.toml"), config.replace(from, to)).unwrap();
        refused(&["train", "bad.toml", "--out", "bad"], here, words);
        assert!(!here.join("bad").exists(), "{to}");
    }
    fs::remove_dir_all(here.join("teacher")).unwrap();
    assert!(succeeds(&["eval", "whole", "--episodes", "2"], here).contains("pendulum-classic"));
}

/// RoboFuME's loop, small: an arm between two goals without a reset, judged by a classifier.
const RESET_FREE: &str = "\
loop = 'offline-to-online'
learner = 'cql'
steps = 700

[env]
id = 'arm-reach'

[env.reset_free]
forward = [0.5, 0.1, 0.2]
backward = [0.4, -0.1, 0.2]
tolerance = 0.05
attempt = 20
attempts_per_reset = 10

[data]
path = 'prior'
labels = 'success'
reward = { scale = 10.0, bias = -5.0 }

[success]
recorded = 400
per_session = 10
session_interval = 100
classifier = { hidden = [16], updates = 50 }

[cql]
calibrated = true
actor_hidden = [16]
critic_hidden = [16]
batch_size = 16
samples = 2

[fine_tuning]
starts = 200
warm_up = 100

[evaluation]
interval = 100
episodes = 2
";

#[test]
fn a_success_classifier_learns_on_without_resets() {
    let scratch = tempfile::tempdir().unwrap();
    let here = scratch.path();
    fs::write(here.join("c.toml"), RESET_FREE).unwrap();
    let collect =
        "collect --env arm-reach --policy scripted --noise 0.3 --new-goal 0.02 --steps 2000 --quiet";
    let collect: Vec<&str> = collect.split(' ').chain(["--out", "prior"]).collect();
    succeeds(&collect, here);
    succeeds(&["train", "c.toml", "--out", "run", "--quiet"], here);
    let metrics = fs::read_to_string(here.join("run/metrics.jsonl")).unwrap();
    let lines: Vec<&str> = metrics.lines().collect();
    assert!(lines[0].contains("success/loss") && !lines[1].contains("success/loss"), "{metrics}");
    assert!(lines[3..].iter().all(|line| line.contains("success/loss")), "{metrics}");
    assert!(lines[4].contains("success/false_positives"), "{metrics}");

    fs::write(here.join("bad.toml"), RESET_FREE.replace("labels = 'success'", "labels = 'recorded'"))
        .unwrap();
    refused(&["train", "bad.toml", "--out", "bad"], here, "`success`: nothing reads this table");
    fs::write(here.join("bad.toml"), RESET_FREE.replace("forward = [0.5, 0.1, 0.2]", "forward = [0.5]"))
        .unwrap();
    refused(&["train", "bad.toml", "--out", "bad"], here, "`env.reset_free.forward`");
}

#[test]
fn every_learner_trains_offline() {
    let scratch = scratch();
    let here = scratch.path();
    let learners = [
        ("bc", "bc", "hidden"),
        ("awac", "awac", "hidden"),
        ("td3-bc", "td3_bc", "hidden"),
        ("iql", "iql", "hidden"),
        ("cql", "cql", "actor_hidden"),
        ("rebrac", "rebrac", "hidden"),
        ("rlpd", "rlpd", "hidden"),
    ];
    for (learner, table, hidden) in learners {
        let config = format!(
            "loop = 'offline'\nlearner = '{learner}'\nsteps = 30\n[env]\nid = 'pendulum-classic'\n\
             [data]\npath = 'data'\nbest_share = 0.5\n[{table}]\n{hidden} = [8]\nbatch_size = 8\n\
             [evaluation]\nepisodes = 1\n"
        );
        fs::write(here.join("offline.toml"), config).unwrap();
        let text = succeeds(&["train", "offline.toml", "--out", learner, "--quiet"], here);
        assert!(text.contains("recorded data alone"), "{learner}: {text}");
        let metrics = fs::read_to_string(here.join(learner).join("metrics.jsonl")).unwrap();
        assert!(metrics.contains("\"learner/actor_loss\""), "{learner}: {metrics}");
        assert!(!metrics.contains("null"), "{learner}: {metrics}");
    }
}

#[test]
fn mistakes_are_named() {
    let scratch = scratch();
    let here = scratch.path();
    record(&here.join("cartpole"), "cartpole-swingup", 1);
    let cases = [
        ("path = 'data'", "path = 'dta'", "dta"),
        ("path = 'data'", "", "`data.path`: is missing"),
        ("path = 'data'", "path = 'cartpole'", "data of another robot"),
        ("learner = 'cql'", "learner = 'sac'", "`cql`: nothing reads this table"),
        ("starts = 400", "starts = 300", "`fine_tuning.starts`: is 300, but must be a multiple of"),
        ("starts = 400", "starts = 4000", "`fine_tuning.starts`: is 4000, but must be at most `steps`"),
        ("neighbours = 3", "neighbours = 0", "`fine_tuning.sera.neighbours`: is 0"),
        ("samples = 2", "samples = 0", "`cql.samples`: is 0"),
        ("scale = 0.1", "scale = 0.0", "`data.reward.scale`: is 0"),
        ("loop = 'offline-to-online'", "loop = 'offline'", "`fine_tuning`: nothing reads this table"),
        ("loop = 'offline-to-online'", "loop = 'online'", "nothing reads this table"),
    ];
    for (from, to, words) in cases {
        fs::write(here.join("bad.toml"), CONFIG.replace(from, to)).unwrap();
        refused(&["train", "bad.toml", "--out", "bad"], here, words);
        assert!(!here.join("bad").exists(), "{to}");
    }
}

#[test]
fn data_that_changed_since_the_run_began_is_refused() {
    let scratch = scratch();
    let here = scratch.path();
    succeeds(&["train", "c.toml", "--out", "run", "--quiet"], here);
    fs::remove_dir_all(here.join("data")).unwrap();
    record(&here.join("data"), "pendulum-classic", 2);
    let resume = ["train", "c.toml", "--out", "run", "--quiet", "--resume"];
    refused(&resume, here, "the data set has changed since the run began");
}
