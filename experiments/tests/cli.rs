//! The command line from outside: exit codes, messages, and files left as they were.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use command::{message, succeeds, telos};

/// A run of a few hundred steps.
const CONFIG: &str = "\
steps = 600

[env]
id = 'pendulum-classic'

[training]
learning_starts = 200

[sac]
hidden = [8]
batch_size = 16

[evaluation]
interval = 300
episodes = 2

[checkpoint]
interval = 200
";

/// A directory with `CONFIG` as `c.toml`.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("c.toml"), CONFIG).unwrap();
    scratch
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

/// Asserts that the command exits 2, that its message holds all of `words`, and that it changed no
/// file and left none.
fn bad_input(arguments: &[&str], directory: &Path, words: &[&str]) {
    let before = contents(directory);
    let output = telos(arguments, directory);
    let message = message(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    for word in words {
        assert!(message.contains(word), "{arguments:?}: no {word:?} in {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
    assert_eq!(contents(directory), before, "{arguments:?}");
}

#[test]
fn bad_input_in_a_configuration() {
    let scratch = scratch();
    let cases = [
        (
            "batch_size = 16",
            "btach_size = 16",
            vec!["c.toml:11: unknown key `btach_size` in [sac]", "`batch_size`"],
        ),
        ("steps = 600", "steps = 'many'", vec!["c.toml:1: `steps`", "expected a whole number"]),
        ("steps = 600", "steps = -600", vec!["c.toml:1: `steps`: -600 is negative"]),
        ("steps = 600", "steps = 0", vec!["c.toml:1: `steps`: is 0"]),
        (
            "pendulum-classic",
            "pendulum-clasic",
            vec!["c.toml:4: `env.id`", "did you mean \"pendulum-classic\"?"],
        ),
        ("[sac]", "[ppo]", vec!["c.toml:11: unknown key `batch_size` in [ppo]"]),
        ("[sac]\nhidden = [8]\nbatch_size = 16", "[ppo]", vec!["c.toml:9: `ppo`: nothing reads this table"]),
        ("[env]", "[env", vec!["c.toml:3: "]),
        ("hidden = [8]", "gamma = 1.5", vec!["c.toml:10: `sac.gamma`: is 1.5"]),
    ];
    for (from, to, words) in cases {
        fs::write(scratch.path().join("bad.toml"), CONFIG.replace(from, to)).unwrap();
        let words: Vec<String> = words.iter().map(|word| word.replace("c.toml", "bad.toml")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        bad_input(&["train", "bad.toml", "--out", "run"], scratch.path(), &words);
    }
    bad_input(&["train", "absent.toml"], scratch.path(), &["absent.toml"]);
    fs::write(scratch.path().join("bytes.toml"), [0xff, 0xfe, 0x00]).unwrap();
    bad_input(&["train", "bytes.toml"], scratch.path(), &["bytes.toml"]);
}

#[test]
fn bad_input_in_what_a_configuration_names() {
    let scratch = scratch();
    let start = "[env]\nid = 'pendulum-classic'\n";
    for (loop_kind, learner, more) in [
        ("offline", "iql", "[data]\npath = 'absent'"),
        ("imitation", "generative", "[data]\npath = 'absent'"),
        ("fine-tune", "generative", "[base]\nrun = 'absent'"),
        ("likelihood", "sac", "[likelihood]\ndemonstrations = 'absent'"),
        ("preferences", "sac", "[preferences]\nledger = 'absent'"),
        ("preferences", "ppo", "[preferences]\nprior = { policy = 'absent' }"),
    ] {
        let config = format!("loop = '{loop_kind}'\nlearner = '{learner}'\n{start}{more}\n");
        fs::write(scratch.path().join("bad.toml"), config).unwrap();
        bad_input(&["train", "bad.toml", "--out", "run"], scratch.path(), &["absent"]);
    }
}

#[test]
fn bad_input_in_a_flag() {
    let scratch = scratch();
    let train = |flags: &[&'static str]| [&["train", "c.toml", "--out", "run"], flags].concat();
    bad_input(&train(&["--set", "sac.gama=0.9"]), scratch.path(), &["--set sac.gama=0.9", "`gamma`"]);
    bad_input(&train(&["--set", "steps"]), scratch.path(), &["--set steps", "key=value"]);
    bad_input(&train(&["--device", "gpu"]), scratch.path(), &["gpu", "cuda:N"]);
    bad_input(&train(&["--device", "cuda:0"]), scratch.path(), &["--device cuda:0", "without CUDA"]);
    bad_input(&train(&["--sed", "1"]), scratch.path(), &["--sed"]);
}

#[test]
fn bad_input_in_a_feedback_ledger() {
    let scratch = scratch();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/configs/preferences.toml");
    let train = ["train", config, "--out", "run", "--quiet", "--set", "comparison.gold=false"];
    succeeds(&train, scratch.path());
    let ledger = scratch.path().join("run/feedback/ledger.jsonl");
    let whole = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, whole.replacen("\"query\"", "\"quarry\"", 1)).unwrap();
    let resume = [&train[..], &["--resume"]].concat();
    bad_input(&resume, scratch.path(), &["ledger.jsonl:1: damaged feedback row"]);
}

#[test]
fn bad_input_in_a_robot_file() {
    let scratch = scratch();
    for (name, xml, words) in [
        ("tendon.xml", "<mujoco>\n<tendon><fixed/></tendon>\n</mujoco>", ["tendon.xml:2", "<fixed>"]),
        (
            "number.xml",
            "<mujoco><worldbody>\n<geom type='sphere' size='0.x1'/></worldbody></mujoco>",
            ["number.xml:2", "size"],
        ),
        ("cut.xml", "<mujoco>\n<worldbody><body>", ["cut.xml:2", ""]),
    ] {
        std::fs::write(scratch.path().join(name), xml).unwrap();
        bad_input(&["bench", "sim", "--mjcf", name], scratch.path(), &words);
    }
    bad_input(&["bench", "sim", "--mjcf", "absent.xml"], scratch.path(), &["absent.xml"]);
}

#[test]
fn bad_input_in_a_run_directory() {
    let scratch = scratch();
    let here = scratch.path();
    succeeds(&["train", "c.toml", "--out", "run", "--quiet"], here);
    let resume = ["train", "c.toml", "--out", "run", "--quiet", "--resume"];

    bad_input(&["train", "c.toml", "--out", "run"], here, &["run: exists already", "--resume", "--out"]);
    bad_input(
        &[&resume[..], &["--set", "sac.gamma=0.9"]].concat(),
        here,
        &["config.toml: `sac.gamma` is", "0.9"],
    );
    bad_input(&["eval", "."], here, &["not a run directory"]);
    bad_input(&["eval", "absent"], here, &["absent", "not a run directory"]);

    let manifest_path = here.join("run").join("manifest.json");
    let manifest = fs::read_to_string(&manifest_path).unwrap();
    fs::write(&manifest_path, manifest.replace("\"format\": 1", "\"format\": 7")).unwrap();
    bad_input(&resume, here, &["manifest.json: `format` is 7"]);
    bad_input(&["eval", "run"], here, &["manifest.json: `format` is 7"]);
    fs::write(&manifest_path, &manifest).unwrap();

    let mut checkpoints: Vec<_> = contents(&here.join("run").join("checkpoints")).into_iter().collect();
    for (path, bytes) in &checkpoints {
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }
    bad_input(&resume, here, &[".ckpt: damaged checkpoint"]);
    bad_input(&["eval", "run"], here, &[".ckpt: damaged checkpoint"]);

    // With an earlier one intact, the run goes on from there, and ends as before.
    let result = fs::read(here.join("run").join("result.json")).unwrap();
    let metrics = fs::read(here.join("run").join("metrics.jsonl")).unwrap();
    let (last, last_bytes) = checkpoints.pop().unwrap();
    let (earlier, bytes) = checkpoints.pop().unwrap();
    fs::write(earlier, bytes).unwrap();
    let output = telos(&resume, here);
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    assert!(message(&output).contains("damaged checkpoint"), "{}", message(&output));
    assert_eq!(fs::read(here.join("run").join("result.json")).unwrap(), result);
    assert_eq!(fs::read(here.join("run").join("metrics.jsonl")).unwrap(), metrics);
    assert_eq!(fs::read(last).unwrap(), last_bytes);
}

#[test]
fn an_interrupted_run_exits_3_and_resumes_to_the_same_bytes() {
    let scratch = scratch();
    let here = scratch.path();
    let train =
        |out: &'static str| ["train", "c.toml", "--set", "steps=3000", "--out", out, "--quiet", "--resume"];
    succeeds(&train("whole"), here);

    let mut child =
        Command::new(env!("CARGO_BIN_EXE_telos")).args(train("cut")).current_dir(here).spawn().unwrap();
    // The first checkpoint says that the handlers are in place and that much is left to do.
    while !here.join("cut/checkpoints").is_dir() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be interrupted");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(!here.join("cut/result.json").exists());

    succeeds(&["train", "cut", "--quiet", "--resume"], here);
    for file in ["result.json", "metrics.jsonl", "config.toml"] {
        assert_eq!(
            fs::read(here.join("whole").join(file)).unwrap(),
            fs::read(here.join("cut").join(file)).unwrap()
        );
    }
}

#[test]
fn several_seeds_make_one_result() {
    let scratch = scratch();
    let here = scratch.path();
    succeeds(&["train", "c.toml", "--set", "seeds=[5, 3]", "--out", "both", "--quiet"], here);
    succeeds(&["train", "c.toml", "--set", "seed=3", "--out", "three", "--quiet"], here);
    for file in ["result.json", "metrics.jsonl"] {
        let alone = fs::read(here.join("three").join(file)).unwrap();
        assert_eq!(fs::read(here.join("both/seed-3").join(file)).unwrap(), alone);
    }
    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(here.join("both/result.json")).unwrap()).unwrap();
    let seeds: Vec<_> = result["seeds"].as_array().unwrap().iter().map(|one| one["seed"].as_u64()).collect();
    assert_eq!(seeds, [Some(5), Some(3)]);
    for several in [&["eval", "both"][..], &["collect", "--policy", "both", "--out", "data", "--steps", "9"]]
    {
        bad_input(several, here, &["both: holds one run for each seed", "seed-5"]);
    }
}

#[test]
fn several_configurations_are_checked_and_then_trained_in_turn() {
    let scratch = scratch();
    let here = scratch.path();
    fs::write(here.join("d.toml"), CONFIG.replace("steps = 600", "steps = 300")).unwrap();
    fs::write(here.join("bad.toml"), CONFIG.replace("steps = 600", "steps = 0")).unwrap();
    let all = ["train", "c.toml", "d.toml", "--quiet"];
    bad_input(&[&all[..], &["bad.toml", "--out", "no"]].concat(), here, &["bad.toml:1: `steps`"]);
    assert!(!here.join("no").exists());
    succeeds(&[&all[..], &["--out", "both"]].concat(), here);
    succeeds(&all, here);
    for name in ["c", "d"] {
        let [chosen, usual] = [format!("both/{name}"), format!("runs/{name}-seed1")]
            .map(|run| fs::read(here.join(run).join("result.json")).unwrap());
        assert_eq!(chosen, usual);
    }
    bad_input(&["train", "c.toml", "c.toml", "--out", "new"], here, &["new/c", "two configurations"]);
    fs::write(here.join("first.toml"), CONFIG).unwrap();
    bad_input(&["train", "first.toml", "d.toml"], here, &["runs/d-seed1: exists already"]);
}

#[test]
fn eval_changes_nothing_and_is_reproducible() {
    let scratch = scratch();
    let here = scratch.path();
    succeeds(&["train", "c.toml", "--out", "run", "--quiet"], here);
    let before = contents(here);
    let eval = ["eval", "run", "--episodes", "3", "--seed", "9", "--json"];
    let first = succeeds(&eval, here);
    assert_eq!(succeeds(&eval, here), first);
    let evaluation: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(evaluation["gold"]["values"].as_array().unwrap().len(), 3);
    assert_eq!(contents(here), before);
    assert!(succeeds(&["eval", "run"], here).contains("2 episodes"));
    bad_input(&["eval", "run", "--greedy", "8"], here, &["run: has learned no reward", "--greedy"]);
}

#[test]
fn a_run_can_stand_for_its_best_evaluation() {
    let scratch = scratch();
    let here = scratch.path();
    let best = ["--set", "checkpoint.best=true", "--set", "evaluation.interval=100", "--quiet"];
    // On this seed the policy is best in the middle.
    succeeds(&[&["train", "c.toml", "--set", "seed=2", "--out", "run"][..], &best].concat(), here);
    let metrics = fs::read_to_string(here.join("run/metrics.jsonl")).unwrap();
    let returns: Vec<f64> = metrics
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["eval/gold_return"].as_f64()
        })
        .collect();
    let highest = returns.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!(returns.last().is_some_and(|last| *last < highest), "{returns:?}");
    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(here.join("run/result.json")).unwrap()).unwrap();
    assert_eq!(result["seeds"][0]["final"]["gold"]["mean"].as_f64(), Some(highest));
    let again: serde_json::Value = serde_json::from_str(&succeeds(&["eval", "run", "--json"], here)).unwrap();
    assert_eq!(again["gold"]["mean"].as_f64(), Some(highest));
    let preferences = ["train", "c.toml", "--set", "loop=preferences", "--out", "no"];
    bad_input(&[&preferences[..], &best].concat(), here, &["checkpoint.best", "loop = \"online\""]);
}

#[test]
fn envs_lists_every_environment_with_its_spaces() {
    let here = std::env::temp_dir();
    let specs: serde_json::Value = serde_json::from_str(&succeeds(&["envs", "--json"], &here)).unwrap();
    let text = succeeds(&["envs"], &here);
    let listed: Vec<&str> =
        specs.as_array().unwrap().iter().map(|spec| spec["id"].as_str().unwrap()).collect();
    assert!(listed.contains(&"cheetah-run"), "{listed:?}");
    let expert =
        |id: &str| specs.as_array().unwrap().iter().find(|spec| spec["id"] == id).unwrap()["expert"].clone();
    assert_eq!((expert("reacher"), expert("cheetah-run")), (true.into(), false.into()));
    for id in listed {
        assert!(text.lines().any(|line| line.starts_with(&format!("{id}: "))), "{text}");
    }
    assert!(specs[0]["horizon"].as_u64() > Some(0));
}

#[test]
fn experts_play_by_script_or_by_plan() {
    let scratch = tempfile::tempdir().unwrap();
    let play = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&succeeds(arguments, scratch.path())).unwrap()
    };
    let scripted = play(&["expert", "reacher", "--episodes", "4", "--json"]);
    assert_eq!(scripted["gold"]["values"].as_array().unwrap().len(), 4);
    assert!(scripted["success_rate"].as_f64().unwrap() >= 0.75, "{scripted}");
    let planned = |threads| {
        let small = ["--horizon", "8", "--population", "20", "--iterations", "1", "--threads", threads];
        let task = ["expert", "pendulum-classic", "--planner", "--episodes", "1", "--json"];
        play(&[task.as_slice(), &small].concat())
    };
    assert_eq!(planned("1"), planned("2"));
    bad_input(&["expert", "reachr"], scratch.path(), &["did you mean `reacher`?"]);
    bad_input(&["expert", "cheetah-run", "--population", "5"], scratch.path(), &["`population` is 5"]);
}

#[test]
fn environments_and_policies_can_be_looked_at() {
    let scratch = scratch();
    let directory = scratch.path();
    let drawn =
        ["render", "walker-walk", "--out", "a.png", "--steps", "3", "--width", "64", "--height", "48"];
    succeeds(&drawn, directory);
    let file = fs::File::open(directory.join("a.png")).unwrap();
    let mut png = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut pixels = vec![0; png.output_buffer_size().unwrap()];
    let info = png.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height, pixels.len()), (64, 48, 64 * 48 * 3));
    assert!(pixels.iter().min().unwrap() + 100 < *pixels.iter().max().unwrap());

    let film = ["train", "c.toml", "--out", "run", "--quiet", "--set", "env.id=\"pendulum-swingup\""];
    succeeds(&film, directory);
    succeeds(&["eval", "run", "--episodes", "1", "--video", "a.mp4"], directory);
    assert!(fs::metadata(directory.join("a.mp4")).unwrap().len() > 10_000);
    bad_input(&["eval", "run", "--video", "a.avi"], directory, &["a.avi", ".mp4", ".gif"]);
    bad_input(&["render", "walker-walk", "--out", "a.jpg"], directory, &["a.jpg", ".png"]);
    bad_input(&["render", "walker-walk", "--out", "no/a.png"], directory, &["no/a.png", "does not exist"]);
    bad_input(&["render", "walker-walk", "--out", "b.png", "--width", "0"], directory, &["0 x 480"]);
    bad_input(&["render", "pendulum-classic", "--out", "b.png"], directory, &["pendulum-classic", "bodies"]);
}

#[test]
fn a_run_that_sees_pictures_is_evaluated_and_filmed_but_records_no_data() {
    let scratch = scratch();
    let directory = scratch.path();
    let sees = "env.pixels={size=16}";
    bad_input(&["train", "c.toml", "--out", "run", "--set", sees], directory, &["env.pixels", "no bodies"]);
    let id = "env.id=\"pendulum-swingup\"";
    let few = ["--set", "encoder.channels=[4]", "--set", "steps=240", "--set", "env.action_repeat=20"];
    let train = ["train", "c.toml", "--out", "run", "--quiet", "--set", id, "--set", sees];
    succeeds(&[&train[..], &few].concat(), directory);
    assert!(succeeds(&["eval", "run", "--video", "a.mp4"], directory).contains("2 episodes of 20 steps"));
    assert!(fs::metadata(directory.join("a.mp4")).unwrap().len() > 1000);
    let collect = ["collect", "--policy", "run", "--steps", "40", "--out", "data"];
    bad_input(&collect, directory, &["no pictures", "env.pixels"]);
    assert!(!directory.join("data").exists());
}
