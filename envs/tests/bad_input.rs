//! Wrong actions and odd seeds harm nobody; a failed simulation harms nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use telos_envs::{Env, EnvError, StepBatch, VecEnv, registry};

fn reset(env: &mut dyn Env, seed: u64) -> Vec<f32> {
    let mut obs = vec![0.0; env.spec().observation.size()];
    env.reset(seed, &mut obs);
    obs
}

#[test]
fn actions_out_of_range_are_clamped_and_nan_counts_as_zero_in_every_task() {
    let wrong = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -7.0, f32::MIN_POSITIVE];
    let meant = [0.0, 1.0, -1.0, 1.0, -1.0, f32::MIN_POSITIVE];
    for id in registry::ids() {
        let [mut env, mut twin] = [0, 1].map(|_| registry::make(id).unwrap());
        let size = env.spec().action.size();
        let (mut obs, mut expected) = (reset(env.as_mut(), 3), reset(twin.as_mut(), 3));
        for step in 0..30 {
            let pick = |values: [f32; 6]| (0..size).map(|i| values[(step + i) % 6]).collect::<Vec<_>>();
            let transition = env.step(&pick(wrong), &mut obs);
            assert!(!transition.fault && obs.iter().all(|x| x.is_finite()), "{id}: {obs:?}");
            assert_eq!(transition, twin.step(&pick(meant), &mut expected), "{id}");
            assert_eq!(obs, expected, "{id}");
        }
    }
}

#[test]
fn any_seed_starts_an_episode() {
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        for seed in [0, 1, u64::MAX, u64::MAX - 1, 1 << 63] {
            assert!(reset(env.as_mut(), seed).iter().all(|x| x.is_finite()), "{id} {seed}");
        }
    }
    for seed in [0, u64::MAX] {
        let mut envs = VecEnv::new(3, 1, seed, |_| registry::make("reacher")).unwrap();
        assert!(envs.reset().obs.iter().all(|x| x.is_finite()));
        assert!(envs.restart(u64::MAX - seed).obs.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn actions_of_the_wrong_length_are_refused() {
    for id in registry::ids() {
        let mut envs = VecEnv::new(2, 1, 0, |_| registry::make(id)).unwrap();
        let before = envs.reset().clone();
        let width = envs.spec().action.size();
        for length in [0, width, 2 * width - 1, 2 * width + 1] {
            let error = envs.try_step(&vec![0.0; length]).unwrap_err();
            assert!(matches!(error, EnvError::ActionSize { .. }), "{id} {length}");
            let (text, expected) = (error.to_string(), 2 * width);
            assert!(text.contains(id) && text.contains(&format!("takes {expected}")), "{text}");
        }
        assert_eq!(*envs.batch(), before, "{id}: nothing has been stepped");
        assert_eq!(envs.try_step(&vec![0.0; 2 * width]).unwrap().episode_length, [1, 1]);

        let mut env = registry::make(id).unwrap();
        let mut obs = reset(env.as_mut(), 0);
        let stepped = catch_unwind(AssertUnwindSafe(|| _ = env.step(&vec![0.0; width + 1], &mut obs)));
        assert!(stepped.is_err(), "{id}: a wrong length is the program's mistake");
    }
}

/// Rolls out with or without a failure of environment 2 at step 10.
fn rollout(id: &str, threads: usize, fails: bool) -> Vec<StepBatch> {
    let mut envs = VecEnv::new(5, threads, 3, |_| registry::make(id)).unwrap();
    envs.reset();
    let size = envs.len() * envs.spec().action.size();
    let mut step = |t: usize| {
        if fails && t == 10 {
            let privileges = envs.env_mut(2).privileges().unwrap();
            let model = privileges.world().model().clone();
            let moves = |body| !matches!(model.role(body), telos_sim::Role::Scene);
            let body = model.bodies().find(|body| moves(*body)).unwrap();
            privileges.push(body, [f32::NAN; 3], [0.0; 3]);
        }
        let actions: Vec<f32> = (0..size).map(|i| (0.2 * t as f32 + i as f32).sin()).collect();
        envs.step(&actions).clone()
    };
    (0..40).map(&mut step).collect()
}

#[test]
fn a_failed_simulation_ends_its_own_episode_and_no_other() {
    for id in registry::ids().filter(|id| *id != "pendulum-classic") {
        let (sound, failed) = (rollout(id, 1, false), rollout(id, 2, true));
        for (t, (sound, failed)) in sound.iter().zip(&failed).enumerate() {
            assert_eq!(failed.fault, (0..5).map(|i| i == 2 && t == 10).collect::<Vec<_>>(), "{id} at {t}");
            assert_eq!(failed.terminated, failed.fault, "{id} at {t}");
            assert!(failed.obs.iter().chain(&failed.final_obs).all(|x| x.is_finite()), "{id} at {t}");
            let width = sound.obs.len() / 5;
            for i in (0..5).filter(|i| *i != 2) {
                let row = i * width..(i + 1) * width;
                assert_eq!(failed.obs[row.clone()], sound.obs[row], "{id}: environment {i} at {t}");
                assert_eq!(failed.reward[i], sound.reward[i], "{id}: environment {i} at {t}");
            }
        }
        assert_eq!((failed[39].episode_index[2], failed[39].episode_length[2]), (1, 29), "{id}");
        assert_eq!(failed[10].reward[2], 0.0, "{id}");
    }
}
