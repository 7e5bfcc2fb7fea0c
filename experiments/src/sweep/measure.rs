//! Numbers of a `result.json`, by dotted path: `gold_return.mean`, `seeds.0.final.success_rate`.

use std::path::Path;

use serde_json::Value;

use telos_rewards::feedback::FeedbackSummary;

use crate::{
    TelosError,
    config::Config,
    loops::{Evaluation, FineTuningReport, PreferenceReport, Report, ScoreKind, SeedReport},
    statistics::Summary,
};

/// The number at `path`; `None` when there is none, or none that is finite.
pub(super) fn number(result: &Value, path: &str) -> Option<f64> {
    at(result, path)?.as_f64()
}

/// The number at `path`, or the numbers of the array there; `None` as [`number`].
pub(super) fn numbers(result: &Value, path: &str) -> Option<Vec<f64>> {
    match at(result, path)? {
        Value::Array(items) => items.iter().map(Value::as_f64).collect(),
        one => Some(vec![one.as_f64()?]),
    }
}

fn at<'a>(result: &'a Value, path: &str) -> Option<&'a Value> {
    let step = |value: &'a Value, part: &str| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    };
    path.split('.').try_fold(result, step)
}

/// Whether results of `config` can have a number at `path`: found out before the first trial
/// rather than after the last.
pub(super) fn check(file: &Path, key: &str, path: &str, config: &Config) -> Result<(), TelosError> {
    check_numbers(file, key, path, config, true)
}

/// As [`check`], for one number or, unless `single`, an array of them.
pub(super) fn check_numbers(
    file: &Path,
    key: &str,
    path: &str,
    config: &Config,
    single: bool,
) -> Result<(), TelosError> {
    let specimen = specimen(config);
    let found = if single { number(&specimen, path).is_some() } else { numbers(&specimen, path).is_some() };
    if found {
        return Ok(());
    }
    let reason = format!(
        "`{key}`: no result.json has a number at `{path}`; such paths are gold_return.mean, \
         seeds.0.final.success_rate, seeds.0.final.length, and, as an array, seeds.0.final.last_observation with \
         evaluation.last_observation = true"
    );
    Err(TelosError::run(file, reason))
}

/// A result with everything that one of `config` can have.
fn specimen(config: &Config) -> Value {
    let returns = || Summary::of(vec![0.0; config.evaluation.episodes]);
    let evaluation = || Evaluation {
        gold: returns(),
        learned: Some(returns()),
        success_rate: Some(0.0),
        success_once: Some(0.0),
        peak_reward: Some(0.0),
        length: 1.0,
        faults: 0,
        last_observation: config.evaluation.last_observation.then(|| vec![0.0]),
    };
    let preferences = PreferenceReport {
        asked: 1,
        answered: 1,
        held_out_pairs: 1,
        held_out_accuracy: 1.0,
        feedback: FeedbackSummary::default(),
    };
    let fine_tuning = FineTuningReport {
        score: ScoreKind::Return,
        starts: 1,
        before: Some(1.0),
        after: 1.0,
        best: 1.0,
        regret: Some(1.0),
        collapse: None,
    };
    let seed = SeedReport {
        seed: config.seed,
        trained: evaluation(),
        preferences: Some(preferences),
        fine_tuning: Some(fine_tuning),
        gold_trained: Some(evaluation()),
        random: Some(evaluation()),
    };
    serde_json::to_value(Report::of_seed(config, seed)).expect("reports are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_into_objects_and_arrays() {
        let result = serde_json::json!({"a": {"b": [1.5, {"c": 2}]}, "n": null, "t": "x"});
        assert_eq!(number(&result, "a.b.0"), Some(1.5));
        assert_eq!(number(&result, "a.b.1.c"), Some(2.0));
        assert_eq!(numbers(&result, "a.b.0"), Some(vec![1.5]));
        assert_eq!(numbers(&serde_json::json!({"a": [1, 2.5]}), "a"), Some(vec![1.0, 2.5]));
        assert_eq!(numbers(&result, "a.b"), None);
        for path in ["a", "a.b.2", "a.b.x", "n", "t", "", "a.b.0.0"] {
            assert_eq!(number(&result, path), None, "{path}");
        }
    }

    #[test]
    fn a_metric_that_no_result_has_is_refused() {
        let config = Config::parse("c.toml", "[env]\nid = 'pendulum-classic'\n", &[]).unwrap();
        let verdict = |path| check(Path::new("sweep.toml"), "metric", path, &config);
        verdict("gold_return.mean").unwrap();
        verdict("seeds.0.final.gold.iqm").unwrap();
        let message = verdict("gold_retrun.mean").unwrap_err().to_string();
        assert!(message.starts_with("sweep.toml: `metric`"), "{message}");
    }
}
