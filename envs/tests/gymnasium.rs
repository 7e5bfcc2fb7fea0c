//! Environments cross over to the crate `gymnasium-rs` and back. Needs the feature `gymnasium`.

#![cfg(feature = "gymnasium")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gymnasium_rs::{
    core::{Env as Gymnasium, Space},
    envs::cartpole::CartPole,
};
use ndarray::{Array1, array};
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{
    BoxSpace, Env, EnvError, EnvSpec, TimeLimit, VecEnv,
    gymnasium::{FromGymnasium, ToGymnasium},
    registry,
};

fn about(id: &str, horizon: usize) -> EnvSpec {
    EnvSpec {
        id: id.into(),
        task: "Balance the pole.".into(),
        observation: BoxSpace::unbounded(1),
        action: BoxSpace::unbounded(1),
        dt: 0.02,
        horizon,
        factors: vec![],
        can_terminate: true,
        goal: None,
    }
}

fn cartpole() -> Result<Box<dyn Env>, EnvError> {
    let env = FromGymnasium::<_, i32>::new(CartPole::new(), about("cartpole", 200))?;
    Ok(Box::new(TimeLimit::new(env)))
}

#[test]
fn an_environment_of_telos_speaks_gymnasium() {
    let pendulum = registry::make("pendulum-swingup").unwrap();
    let horizon = pendulum.spec().horizon;
    let mut env = ToGymnasium::new(pendulum);
    assert_eq!(env.action_space(), Space::Box { low: array![-1.0], high: array![1.0] });
    let (first, info) = env.reset(Some(7), Default::default());
    assert_eq!((first.len(), info["success"].as_bool()), (3, Some(false)));
    for step in 1..=horizon {
        let (obs, reward, terminated, truncated, info) = env.step(array![0.5]);
        assert!((0.0..=1.0).contains(&reward) && obs.iter().all(|x| x.is_finite()));
        assert_eq!((terminated, truncated, info["fault"].as_bool()), (false, step == horizon, Some(false)));
    }
    let (second, _) = env.reset_default();
    assert_ne!(second, first, "the sequence goes on");
    assert_eq!(env.reset(Some(7), Default::default()).0, first);
}

#[test]
fn an_environment_of_gymnasium_rolls_out_in_a_vector() {
    let rollout = |threads| {
        let mut envs = VecEnv::new(4, threads, 5, |_| cartpole()).unwrap();
        assert_eq!(envs.spec().action, BoxSpace::uniform(1, 0.0, 1.0));
        envs.reset();
        let mut steps =
            |count| (0..count).map(|_| envs.step(&[0.0, 1.0, 0.2, f32::NAN]).clone()).collect::<Vec<_>>();
        steps(60)
    };
    let one = rollout(1);
    assert!(one.iter().any(|batch| batch.terminated[0]), "the pole falls");
    assert!(one.iter().all(|batch| batch.obs.iter().all(|x| x.is_finite())));
    assert!(rollout(2) == one);
}

#[test]
fn a_checkpoint_plays_the_episode_again() {
    let [mut env, mut other] = [0, 1].map(|_| cartpole().unwrap());
    let (mut obs, mut expected) = (vec![0.0; 4], vec![0.0; 4]);
    env.reset(u64::MAX, &mut expected);
    (0..5).for_each(|t| _ = env.step(&[(t % 2) as f32], &mut expected));
    from_bytes(other.as_mut(), &to_bytes(env.as_ref())).unwrap();
    for action in [1.0, 0.0, 7.0] {
        assert_eq!(env.step(&[action], &mut expected), other.step(&[action], &mut obs));
        assert_eq!(obs, expected);
    }
}

#[test]
fn there_and_back_is_the_same_environment() {
    let there = ToGymnasium::new(registry::make("pendulum-classic").unwrap());
    let mut back = FromGymnasium::<_, Array1<f32>>::new(there, about("pendulum", 200)).unwrap();
    let mut direct = registry::make("pendulum-classic").unwrap();
    assert_eq!(back.spec().observation, direct.spec().observation);
    let (mut obs, mut expected) = ([0.0; 3], [0.0; 3]);
    back.reset(9 << 33, &mut obs);
    direct.reset(telos_envs::episode_seed(9, 0, 0), &mut expected);
    for step in 0..200 {
        let action = [(0.1 * step as f32).sin()];
        assert_eq!(back.step(&action, &mut obs), direct.step(&action, &mut expected));
        assert_eq!(obs, expected);
    }
}
