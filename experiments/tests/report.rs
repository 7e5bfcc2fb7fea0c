//! `telos report` and `telos watch` from outside, on run directories of known numbers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use telos::{
    RunDirectory,
    config::Config,
    device::DeviceChoice,
    loops::{Evaluation, PreferenceReport, Report, SeedReport},
    statistics::Summary,
};

fn telos(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_telos")).args(arguments).current_dir(directory).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn succeeds(arguments: &[&str], directory: &Path) -> (String, String) {
    let output = telos(arguments, directory);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

/// Asserts exit code 2, a message with all of `words`, and that no report was begun.
fn refused(arguments: &[&str], directory: &Path, words: &[&str]) {
    let output = telos(arguments, directory);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    for word in words {
        assert!(message.contains(word), "{arguments:?}: no {word:?} in {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
    assert!(!directory.join("out/report.html").exists());
}

fn evaluation(gold: f64, learned: Option<f64>) -> Evaluation {
    let around = |mean: f64| Summary::of(vec![mean - 2.0, mean, mean + 2.0]);
    Evaluation {
        gold: around(gold),
        learned: learned.map(around),
        success_rate: Some(0.5),
        success_once: Some(0.5),
        peak_reward: Some(1.0),
        length: 200.0,
        faults: 0,
        last_observation: None,
    }
}

/// A finished run of 40,000 steps in `path`, whose return climbs to `last`.
fn train(path: &Path, extra: &[&str], last: f64) {
    let overrides: Vec<String> = extra.iter().map(|flag| (*flag).to_owned()).collect();
    let base = "steps = 40000\n[env]\nid = 'pendulum-swingup'\n";
    let config = Config::parse("c.toml", base, &overrides).unwrap();
    let preferences = extra.contains(&"loop=preferences");
    let run = RunDirectory::create(path, &config, DeviceChoice::Cpu).unwrap();
    let mut metrics = run.metrics().unwrap();
    for step in [10_000u32, 20_000, 30_000, 40_000] {
        let share = f64::from(step) / 40_000.0;
        let mut values = vec![("eval/gold_return", share * last), ("train/faults", 0.0)];
        if preferences {
            let learned =
                [("eval/learned_return", share), ("reward_model/accuracy", 0.9), ("preferences/asked", 10.0)];
            values.extend(learned);
        }
        metrics.record(step.into(), &values).unwrap();
        metrics.record_timing(step.into(), &[("seconds", share), ("steps_per_second", 400.0)]).unwrap();
    }
    let seed = SeedReport {
        seed: config.seed,
        trained: evaluation(last, preferences.then_some(1.0)),
        preferences: preferences.then_some(PreferenceReport {
            asked: 10,
            answered: 10,
            held_out_pairs: 200,
            held_out_accuracy: 0.875,
            feedback: Default::default(),
        }),
        gold_trained: None,
        random: Some(evaluation(1.0, None)),
        fine_tuning: None,
    };
    run.write_result(&Report::of_seed(&config, seed)).unwrap();
}

/// Two configurations with three seeds each: 10, 20, 30 from preferences, 20, 30, 40 on the gold reward.
fn comparison() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    for seed in 1..=3u32 {
        let flag = format!("seed={seed}");
        let at = |name: &str| scratch.path().join(format!("{name}-{seed}"));
        train(&at("preferences"), &["loop=preferences", &flag], f64::from(seed) * 10.0);
        train(&at("gold"), &[&flag], f64::from(seed) * 10.0 + 10.0);
    }
    scratch
}

const RUNS: [&str; 6] = ["preferences-1", "preferences-2", "preferences-3", "gold-1", "gold-2", "gold-3"];

fn report(runs: &[&str], directory: &Path) -> (String, String) {
    succeeds(&[&["report"], runs, &["--out", "out"]].concat(), directory)
}

fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_report_holds_the_numbers_of_its_runs() {
    let scratch = comparison();
    let (out, notes) = report(&RUNS, scratch.path());
    assert!(out.contains("500 preferences") && out.contains("SAC on the gold reward"), "{out}");
    assert!(out.contains("20.0 [") && out.contains("30.0 ["), "{out}");
    assert!(notes.contains("3 seeds are few"), "{notes}");
    let groups = fs::read_to_string(scratch.path().join("out/groups.csv")).unwrap();
    let fields: Vec<Vec<&str>> = groups.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(fields.len(), 3, "{groups}");
    assert_eq!(fields[1][..4], ["pendulum-swingup", "500 preferences", "3", "20"]);
    // Regret of a line from a quarter of 20 to 20, against the best mean of 30: 30 - 20 * 0.625.
    assert_eq!(fields[1][10].parse::<f64>().unwrap(), 17.5, "{groups}");
    let page = fs::read_to_string(scratch.path().join("out/report.html")).unwrap();
    // Of nine pairs, the gold runs win six and tie two.
    assert!(page.contains("0.78 ["), "no probability of improvement");
    assert!(page.contains("87.5% of 200"), "no held-out agreement");
    let curves = fs::read_to_string(scratch.path().join("out/curves.csv")).unwrap();
    assert_eq!(curves.lines().count(), 1 + 3 * 4 * 5 + 3 * 4 * 2);
}

#[test]
fn a_report_needs_nothing_beside_it_and_is_the_same_when_made_again() {
    let scratch = comparison();
    report(&RUNS, scratch.path());
    let first = files(&scratch.path().join("out"));
    report(&RUNS, scratch.path());
    assert_eq!(files(&scratch.path().join("out")), first);
    let page = fs::read_to_string(scratch.path().join("out/report.html")).unwrap();
    for address in page.match_indices("http").map(|(at, _)| &page[at..at + 30]) {
        assert!(address.starts_with("http://www.w3.org/2000/svg"), "{address}");
    }
    for word in ["src=\"", "href=\""] {
        for value in page.split(word).skip(1) {
            assert!(value.starts_with("data:"), "{word}{}", &value[..20]);
        }
    }
    assert_eq!(
        page.matches("<svg").count(),
        first.iter().filter(|(path, _)| path.extension() == Some("svg".as_ref())).count()
    );
}

#[test]
fn the_configurations_of_a_report_can_be_trained() {
    let scratch = comparison();
    report(&RUNS, scratch.path());
    let path = scratch.path().join("out/configs/pendulum-swingup-500-preferences.toml");
    let config = Config::read(&path, &[]).unwrap();
    assert_eq!((config.seeds, config.steps), (vec![1, 2, 3], 40_000));
}

#[test]
fn tasks_are_never_averaged() {
    let scratch = comparison();
    let here = scratch.path();
    train(&here.join("other"), &["env.id=reacher"], 77.0);
    report(&["gold-1", "other", "gold-2"], here);
    let groups = fs::read_to_string(here.join("out/groups.csv")).unwrap();
    let rows: Vec<&str> = groups.lines().skip(1).map(|line| line.split(",").next().unwrap()).collect();
    assert_eq!(rows, ["pendulum-swingup", "reacher"]);
    assert!(groups.contains(",2,25,"), "{groups}");
}

#[test]
fn tasks_are_put_together_on_request() {
    let scratch = comparison();
    let here = scratch.path();
    // On the reacher random actions reach 1, as on the pendulum: scores of 0.5, 1 and 1.5.
    for (seed, last) in [("seed=1", 6.0), ("seed=2", 11.0), ("seed=3", 16.0)] {
        train(&here.join(format!("reacher-{seed}")), &["env.id=reacher", seed], last);
    }
    let runs = ["gold-1", "gold-2", "gold-3", "reacher-seed=1", "reacher-seed=2", "reacher-seed=3"];
    let (out, _) = report(&[&runs[..], &["--across-tasks"]].concat(), here);
    assert!(out.contains("Normalised scores over 2 tasks"), "{out}");
    assert!(out.lines().any(|line| line.starts_with("SAC on the gold reward     6  1.000 [")), "{out}");
    // 1 less the mean of 19/29, 1, 1 and 0.5, 1, 1.
    let gap = 1.0 - (19.0 / 29.0 + 4.5) / 6.0;
    assert!(out.contains(&format!("  {gap:.3} [")), "{out}");
    assert!(here.join("out/figures/across-tasks-profile.svg").exists());
}

/// Writes into the result of a run what going online did to it: scores before, after and at best, and regret.
fn went_online(run: &Path, [before, after, best, regret]: [f64; 4]) {
    let path = run.join("result.json");
    let mut result: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    result["seeds"][0]["fine_tuning"] = serde_json::json!({
        "score": "normalized_return", "starts": 20_000, "before": before, "after": after, "best": best,
        "regret": regret, "collapse": null,
    });
    fs::write(&path, result.to_string()).unwrap();
}

#[test]
fn before_and_after_going_online_are_means_over_seeds_with_intervals() {
    let scratch = comparison();
    let here = scratch.path();
    for (seed, before) in [(1u32, 0.1), (2, 0.2), (3, 0.6)] {
        let (gold, reacher) = (here.join(format!("gold-{seed}")), here.join(format!("reacher-{seed}")));
        train(&reacher, &["env.id=reacher", &format!("seed={seed}")], f64::from(seed) * 10.0);
        went_online(&gold, [before, 0.5, 0.75, 0.25]);
        went_online(&reacher, [before + 0.3, 0.9, 0.95, 0.35]);
    }
    let runs = ["gold-1", "gold-2", "gold-3", "reacher-1", "reacher-2", "reacher-3"];
    let (out, _) = report(&[&runs[..], &["--across-tasks"]].concat(), here);
    let row = |caption: &str| {
        let lines = out.lines().skip_while(|line| !line.starts_with(caption)).skip(1);
        let row = lines.filter(|line| line.starts_with("SAC on the gold reward")).map(str::to_owned);
        row.take(1).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        row("Before and after going online on pendulum-swingup, mean over seeds [95%]"),
        "SAC on the gold reward normalised return 3 0.300 [0.100, 0.600] 0.500 [0.500, 0.500] 0.750 [0.750, 0.750] \
         0.250 [0.250, 0.250] 0 of 3"
    );
    let together = row("Before and after going online, normalised return over 2 tasks [95%]");
    assert!(together.starts_with("SAC on the gold reward 6 0.450 ["), "{together}");
    assert!(together.contains(" 0.700 [0.700, 0.700] 0.850 [0.850, 0.850] 0.300 ["), "{together}");
    let csv = fs::read_to_string(here.join("out/runs.csv")).unwrap();
    assert!(
        csv.lines().next().unwrap().ends_with(",score,before,after,best_score,regret,collapse_step"),
        "{csv}"
    );
    assert!(csv.lines().nth(1).unwrap().ends_with(",normalised return,0.1,0.5,0.75,0.25,"), "{csv}");
    let page = fs::read_to_string(here.join("out/report.html")).unwrap();
    assert!(page.contains("Every run that went online on reacher"));
}

#[test]
fn a_run_given_twice_counts_once_and_a_contradiction_is_named() {
    let scratch = comparison();
    let here = scratch.path();
    train(&here.join("same"), &["seed=1"], 20.0);
    train(&here.join("contrary"), &["seed=2"], 99.0);
    let (_, notes) = report(&["gold-1", "gold-1", "same", "gold-2", "contrary"], here);
    assert!(
        notes.contains("gold-2 and contrary have one configuration and seed, but other numbers"),
        "{notes}"
    );
    assert!(!notes.contains("same"), "{notes}");
    let groups = fs::read_to_string(here.join("out/groups.csv")).unwrap();
    assert!(groups.contains(",2,25,"), "{groups}");
}

#[test]
fn a_run_that_is_still_trained_is_in_the_curves_only() {
    let scratch = comparison();
    let here = scratch.path();
    let path = here.join("gold-3/metrics.jsonl");
    let metrics = fs::read_to_string(&path).unwrap();
    let cut = metrics.lines().take(2).map(|line| format!("{line}\n")).collect::<String>();
    // The third line is torn: it is being written, or its writer was killed.
    fs::write(&path, cut + "{\"step\":30000,\"eval/go").unwrap();
    let (_, notes) = report(&["gold-1", "gold-2", "gold-3"], here);
    assert!(notes.contains("gold-3: stands at step 20000 of 40000"), "{notes}");
    let groups = fs::read_to_string(here.join("out/groups.csv")).unwrap();
    assert!(groups.contains(",2,25,"), "{groups}");
    let curves = fs::read_to_string(here.join("out/curves.csv")).unwrap();
    assert!(curves.contains(",3,20000,eval/gold_return,20"), "{curves}");
}

#[test]
fn bad_input_in_a_report() {
    let scratch = comparison();
    let here = scratch.path();
    let config = Config::parse("c.toml", "[env]\nid = 'reacher'\n", &[]).unwrap();
    drop(RunDirectory::create(&here.join("empty"), &config, DeviceChoice::Cpu).unwrap());
    let report = |run: &'static str| ["report", run, "--out", "out"];
    refused(&report("empty"), here, &["empty: no run has metrics yet", "--resume"]);
    refused(&report("absent"), here, &["absent: not a run directory"]);
    refused(&["report", "--out", "out"], here, &["RUNS"]);
    refused(
        &["report", "gold-1", "--across-tasks", "--out", "out"],
        here,
        &["--across-tasks: the runs are all of one task"],
    );

    let metrics = here.join("gold-1/metrics.jsonl");
    let whole = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, whole.replacen("{\"step\":20000", "\"step\":20000", 1)).unwrap();
    refused(&report("gold-1"), here, &["gold-1/metrics.jsonl: line 2: not a row of metrics", "restore"]);
    fs::write(&metrics, &whole).unwrap();
    fs::write(here.join("gold-1/result.json"), "{}").unwrap();
    refused(&report("gold-1"), here, &["gold-1/result.json: not a result of this telos", "--resume"]);
    let manifest = here.join("gold-2/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 9")).unwrap();
    refused(&report("gold-2"), here, &["gold-2/manifest.json: `format` is 9", "use the version that wrote"]);

    refused(
        &["report", "gold-3", "--out", "gold-3"],
        here,
        &["--out gold-3: holds other things than a report"],
    );
    refused(
        &["report", "gold-3", "--out", "gold-3/result.json"],
        here,
        &["--out gold-3/result.json: not a directory"],
    );
}

#[test]
fn watch_shows_curves_once_or_a_line_per_row() {
    let scratch = comparison();
    let here = scratch.path();
    let (frame, _) = succeeds(&["watch", "preferences-1", "gold-1", "--once"], here);
    assert!(frame.starts_with("2 of 2 trainings finished\n"), "{frame}");
    assert!(
        frame.contains("preferences-1  ████████████████████ 100%  40,000 of 40,000 steps, 400 steps/s\n"),
        "{frame}"
    );
    assert!(frame.contains("gold return         10.0  ▁▃▆█\n"), "{frame}");
    assert!(frame.contains("model accuracy     0.900"), "{frame}");
    assert!(frame.lines().all(|line| line.chars().count() <= 100), "{frame}");

    // On finished runs it ends by itself.
    let (lines, _) = succeeds(&["watch", "gold-1"], here);
    assert_eq!(lines, "gold-1: 40,000 of 40,000 steps, 400 steps/s, gold return 20.0\n");
    refused(&["watch", "absent"], here, &["absent: not a run directory"]);
}

#[test]
fn watch_follows_a_run_that_is_being_written() {
    let scratch = comparison();
    let here = scratch.path();
    let path = here.join("gold-1/metrics.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    fs::write(&path, format!("{}{}", lines[0], &lines[1][..20])).unwrap();
    let mut watch = Command::new(env!("CARGO_BIN_EXE_telos"))
        .args(["watch", "gold-1", "--interval", "1"])
        .current_dir(here)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = std::io::BufReader::new(watch.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut shown, &mut line).unwrap();
        line
    };
    assert!(next().starts_with("gold-1: 10,000 of 40,000 steps"));
    fs::write(&path, &whole).unwrap();
    assert!(next().starts_with("gold-1: 40,000 of 40,000 steps"));
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}
