//! Imitation from outside, by actions and by likelihood: learning, exact resumption, mistakes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;

use std::{fs, path::Path};

use command::{kill_after, refused, succeeds};

const CONFIG: &str = "\
loop = 'imitation'
learner = 'generative'
steps = 600

[env]
id = 'point-maze-umaze'

[data]
path = 'data'

[generative]
process = 'flow'
horizon = 4
executed = 2
sampler = { steps = 4, noise = { eta = 0.0 } }
mlp = { hidden = [64, 64] }

[cloning]
batch_size = 64

[evaluation]
interval = 200
episodes = 4

[checkpoint]
interval = 150
";

/// Records the scripted expert of the maze.
fn record(path: &str, seed: &str, directory: &Path) {
    let arguments = ["collect", "--env", "point-maze-umaze", "--policy", "scripted", "--quiet"];
    let more = ["--steps", "3000", "--seed", seed, "--reference-episodes", "1", "--out", path];
    succeeds(&[&arguments[..], &more].concat(), directory);
}

/// A directory with the data set `data` and the configuration `c.toml`.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    record("data", "1", scratch.path());
    fs::write(scratch.path().join("c.toml"), CONFIG).unwrap();
    scratch
}

const RESUME: [&str; 6] = ["train", "c.toml", "--out", "killed", "--quiet", "--resume"];

/// Kills the training of `c.toml` after its first checkpoint, resumes it, and compares it with the run `whole`.
fn killed_and_resumed_it_is_the_same(here: &Path) {
    kill_after(&RESUME, here, &here.join("killed/checkpoints/step-0000000150.ckpt"));
    succeeds(&RESUME, here);
    for name in ["result.json", "metrics.jsonl", "weights.safetensors"] {
        let [whole, killed] = ["whole", "killed"].map(|run| fs::read(here.join(run).join(name)).unwrap());
        assert!(!whole.is_empty() && whole == killed, "{name}");
    }
}

/// The losses that a run wrote down.
fn losses(run: &Path) -> Vec<f64> {
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let rows = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter_map(|row| row["learner/loss"].as_f64()).collect()
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes_and_changed_data_is_refused() {
    let scratch = scratch();
    let here = scratch.path();
    let text = succeeds(&["train", "c.toml", "--out", "whole", "--quiet"], here);
    assert!(text.contains("imitation of recorded actions"), "{text}");

    killed_and_resumed_it_is_the_same(here);

    fs::remove_dir_all(here.join("data")).unwrap();
    assert!(succeeds(&["eval", "whole", "--episodes", "2"], here).contains("point-maze-umaze"));
    record("data", "2", here);
    refused(&RESUME, here, "the data set has changed since the run began");
}

#[test]
fn every_process_trains_and_its_loss_falls() {
    let scratch = scratch();
    let here = scratch.path();
    for process in ["diffusion", "flow", "consistency"] {
        let config = CONFIG.replace("'flow'", &format!("'{process}'\nlevels = 20"));
        fs::write(here.join("p.toml"), config).unwrap();
        succeeds(&["train", "p.toml", "--out", process, "--quiet"], here);
        let losses = losses(&here.join(process));
        assert_eq!(losses.len(), 3, "{losses:?}");
        assert!(losses[2] < losses[0], "{process}: {losses:?}");
    }
}

#[test]
fn every_network_trains_and_goals_may_be_those_of_hindsight() {
    let scratch = scratch();
    let here = scratch.path();
    for (network, sizes) in [
        ("unet", "unet = { channels = [8, 16], groups = 4, kernel = 3, time_features = 8 }"),
        ("transformer", "transformer = { width = 16, heads = 2, layers = 1 }"),
    ] {
        let config = CONFIG
            .replace("mlp = { hidden = [64, 64] }", &format!("denoiser = '{network}'\n{sizes}"))
            .replace("[cloning]", "[cloning]\nhindsight = 0.5");
        fs::write(here.join("n.toml"), config).unwrap();
        succeeds(&["train", "n.toml", "--out", network, "--quiet"], here);
        let text = succeeds(&["eval", network, "--episodes", "2"], here);
        assert!(text.contains("point-maze-umaze"), "{text}");
    }
}

#[test]
fn a_policy_learns_to_see_what_demonstrators_did_and_resumes_to_the_same_bytes() {
    let scratch = scratch();
    let here = scratch.path();
    let pixels =
        "pixels = { size = 12, stack = 2 }\n\n[encoder]\nchannels = [4, 4]\nfeatures = 6\nshift = 1\n";
    let seeing = CONFIG.replace("umaze'\n", &format!("umaze'\n{pixels}")).replace("600", "300");
    fs::write(here.join("c.toml"), &seeing).unwrap();
    succeeds(&["train", "c.toml", "--out", "whole", "--quiet"], here);
    let losses = losses(&here.join("whole"));
    assert!(losses.last() < losses.first(), "{losses:?}");

    killed_and_resumed_it_is_the_same(here);
    let weights = fs::read(here.join("whole/weights.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&weights[..2000.min(weights.len())]);
    assert!(header.contains("encoder.0.weight") && header.contains("denoiser"), "{header}");

    let heavier = seeing.replace("umaze'\n", "umaze'\nrandomization = { mass = [1.5, 2.0] }\n");
    fs::write(here.join("c.toml"), heavier).unwrap();
    let train = ["train", "c.toml", "--out", "other", "--quiet"];
    refused(&train, here, "played again it comes out otherwise");
    let energy = seeing.replace("'flow'", "'diffusion'\nlevels = 20\ndenoiser = 'energy'");
    fs::write(here.join("c.toml"), energy).unwrap();
    refused(&train, here, "any denoiser but");
}

#[test]
fn pictures_of_a_camera_are_learned_from() {
    let scratch = tempfile::tempdir().unwrap();
    let here = scratch.path();
    let collect =
        ["collect", "--env", "point-maze-umaze", "--policy", "scripted", "--until-success", "--quiet"];
    succeeds(&[&collect[..], &["--steps", "150", "--out", "data"]].concat(), here);
    let convert = |more: &[&'static str]| [&["dataset", "convert", "filmed"], more].concat();
    succeeds(&["dataset", "convert", "data", "--to", "lerobot", "--film", "--out", "filmed"], here);
    let camera = ["--camera", "observation.images.camera", "--size", "12"];
    let text = succeeds(&convert(&[&camera[..], &["--out", "seen"]].concat()), here);
    assert!(text.contains("12 x 12 pixels"), "{text}");
    assert!(succeeds(&["dataset", "info", "seen", "--verify"], here).contains("all columns match"));

    let pixels =
        "pixels = { size = 12, stack = 2 }\n\n[encoder]\nchannels = [4, 4]\nfeatures = 6\nshift = 1\n";
    let seeing = CONFIG.replace("umaze'\n", &format!("umaze'\n{pixels}")).replace("600", "300");
    fs::write(here.join("c.toml"), seeing.replace("'data'", "'seen'")).unwrap();
    succeeds(&["train", "c.toml", "--out", "run", "--quiet"], here);
    let losses = losses(&here.join("run"));
    assert!(losses.last() < losses.first(), "{losses:?}");

    let other = seeing.replace("'data'", "'seen'").replace("size = 12", "size = 16");
    fs::write(here.join("c.toml"), other).unwrap();
    refused(&["train", "c.toml", "--out", "other", "--quiet"], here, "`env.pixels.size` is 16");
    let wrong = ["--camera", "observation.state", "--out", "bad"];
    refused(&convert(&wrong), here, "there are observation.images.camera");
    let relabel = ["dataset", "convert", "seen", "--camera", "observation.images.camera", "--out", "bad"];
    refused(&relabel, here, "only from LeRobot");
    let video = here.join("filmed/videos/observation.images.camera/chunk-000/file-000.mp4");
    let bytes = fs::read(&video).unwrap();
    fs::write(&video, &bytes[..bytes.len() / 2]).unwrap();
    refused(&convert(&[&camera[..], &["--out", "bad"]].concat()), here, "file-000.mp4");
    // The last episode is what is left of the steps.
    fs::copy(video.with_file_name("file-001.mp4"), &video).unwrap();
    refused(&convert(&[&camera[..], &["--out", "bad"]].concat()), here, "ends after");
    fs::remove_file(&video).unwrap();
    refused(&convert(&[&camera[..], &["--out", "bad"]].concat()), here, "is missing; it holds episode 0");
    assert!(!here.join("bad").exists());
}

#[test]
fn mistakes_are_named() {
    let scratch = scratch();
    let here = scratch.path();
    let cases = [
        ("path = 'data'", "path = 'dta'", "dta"),
        ("path = 'data'", "", "`data.path`: is missing"),
        ("id = 'point-maze-umaze'", "id = 'push-t'", "data of another robot"),
        ("path = 'data'", "path = 'data'\nbest_share = 0.1", "`data.best_share`: changes nothing"),
        ("learner = 'generative'", "learner = 'iql'", "`generative`: nothing reads this table"),
        ("loop = 'imitation'", "loop = 'offline'", "`cloning`: nothing reads this table"),
        (CONFIG, "loop = 'offline'\nlearner = 'generative'\nenv = { id = 'push-t' }", "this loop needs"),
        ("executed = 2", "executed = 5", "`generative.executed`: is 5"),
        (
            "[generative]",
            "[env.pixels]\nsize = 32\n[generative]\nresidual = true",
            "`generative.residual`: regresses actions",
        ),
        (
            "[cloning]",
            "residual = true\n[cloning]\nhindsight = 0.5",
            "`generative.residual`: regresses actions on the goals",
        ),
        ("{ eta = 0.0 }", "{ eta = 2.0 }", "`generative.sampler.noise`"),
        ("{ eta = 0.0 }", "{}", "expected one of the keys `eta` and `constant`"),
        ("'flow'", "'diffusion'\nlevels = 3", "`generative.sampler.steps`: is 4"),
        ("hidden = [64, 64]", "hidden = [0]", "`generative.mlp.hidden`"),
        ("batch_size = 64", "batch_size = 0", "`cloning.batch_size`: is 0"),
        ("batch_size = 64", "hindsight = 2.0", "`cloning.hindsight`: is 2"),
        ("'flow'", "'flow'\ndenoiser = 'unt'", "there is no \"unt\"; did you mean \"unet\"?"),
        ("'flow'", "'flow'\ndenoiser = 'unet'\nunet = { channels = [12] }", "`generative.unet.channels`"),
        ("horizon = 4", "horizon = 6\ndenoiser = 'unet'", "each after the first halves `generative.horizon`"),
        (
            "'flow'",
            "'flow'\ndenoiser = 'transformer'\ntransformer = { heads = 3 }",
            "`generative.transformer.width`: is 128",
        ),
        ("[cloning]", "[iql]", "`iql`: nothing reads this table"),
    ];
    for (from, to, words) in cases {
        fs::write(here.join("bad.toml"), CONFIG.replace(from, to)).unwrap();
        refused(&["train", "bad.toml", "--out", "bad"], here, words);
        assert!(!here.join("bad").exists(), "{to}");
    }
}

#[test]
fn the_likelihood_of_an_expert_is_named_as_the_reward() {
    let scratch = scratch();
    let here = scratch.path();
    let config = "\
loop = 'likelihood'
steps = 300
[env]
id = 'point-maze-umaze'
[training]
learning_starts = 100
updates_per_step = 0.1
[sac]
hidden = [8]
batch_size = 16
[likelihood]
demonstrations = 'data'
model = { updates = 20, context = 2, transformer = { width = 16, heads = 2, layers = 1 } }
[evaluation]
episodes = 2
";
    fs::write(here.join("likelihood.toml"), config).unwrap();
    let text = succeeds(&["train", "likelihood.toml", "--out", "run", "--quiet"], here);
    assert!(text.contains("trained on an expert's likelihood"), "{text}");
}
