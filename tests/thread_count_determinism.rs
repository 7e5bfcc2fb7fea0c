//! The same seed gives the same bytes for 1, 2 and 8 rollout threads.

use crate::command::{assert_same_results, config, succeed, telos};

fn same_for_all_thread_counts(name: &str, files: usize) {
    let scratch = tempfile::tempdir().unwrap();
    let run = |threads: usize| {
        let out = scratch.path().join(threads.to_string());
        let set = format!("env.threads={threads}");
        let arguments = ["train", &config(name), "--out", out.to_str().unwrap(), "--set", &set, "--quiet"];
        succeed(telos(&arguments));
        out
    };
    let one = run(1);
    for threads in [2, 8] {
        assert_same_results(&one, &run(threads), files);
    }
}

#[test]
fn preferences_with_soft_actor_critic() {
    same_for_all_thread_counts("preferences.toml", 7);
}

#[test]
fn proximal_policy_optimisation() {
    same_for_all_thread_counts("on-policy.toml", 3);
}
