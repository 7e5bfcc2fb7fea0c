//! SAC refuses what makes no sense, and its temperature rises while the policy has less entropy than
//! the target, and falls while it has more.

#![allow(clippy::unwrap_used)]

use telos_agents::{Policy, RandomPolicy, ReplayBatch, Sac, SacConfig};
use telos_envs::registry;
use telos_nn::Device;

/// The temperature after 50 updates on one batch, from 1.
fn trained_temperature(config: &SacConfig) -> f32 {
    let env = registry::make("pendulum-classic").unwrap();
    let mut sac = Sac::new(config, env.spec(), 0, &Device::Cpu).unwrap();
    let rows = 32;
    let batch = ReplayBatch {
        rows,
        obs: (0..3 * rows).map(|i| (i as f32).sin()).collect(),
        actions: (0..rows).map(|i| (i as f32).cos()).collect(),
        rewards: vec![0.0; rows],
        next_obs: (0..3 * rows).map(|i| (i as f32 + 0.1).sin()).collect(),
        terminated: vec![false; rows],
        ..ReplayBatch::default()
    };
    for _ in 0..50 {
        sac.update(&batch).unwrap();
    }
    sac.temperature().unwrap()
}

#[test]
fn the_temperature_steers_towards_the_target_entropy() {
    let config = |target| SacConfig {
        hidden: vec![16],
        temperature_lr: 1e-2,
        target_entropy: Some(target),
        ..SacConfig::default()
    };
    let (low, high) = (trained_temperature(&config(-5.0)), trained_temperature(&config(5.0)));
    assert!((0.5..0.8).contains(&low), "50 steps of 0.01 down from 1: {low}");
    assert!((1.3..2.0).contains(&high), "50 steps of 0.01 up from 1: {high}");
    let fixed = SacConfig { learn_temperature: false, ..config(5.0) };
    assert!((trained_temperature(&fixed) - 1.0).abs() < 1e-6);
}

#[test]
fn a_batch_of_another_shape_is_refused() {
    let env = registry::make("pendulum-classic").unwrap();
    let mut sac = Sac::new(&SacConfig::default(), env.spec(), 0, &Device::Cpu).unwrap();
    let batch = ReplayBatch { rows: 4, obs: vec![0.0; 8], ..ReplayBatch::default() };
    let error = sac.update(&batch).unwrap_err().to_string();
    assert_eq!(error, "`obs` holds 8 numbers, expected 12");
}

#[test]
fn wrong_settings_are_refused_by_key() {
    let env = registry::make("pendulum-classic").unwrap();
    let wrong = SacConfig { tau: 0.0, ..SacConfig::default() };
    let error = Sac::new(&wrong, env.spec(), 0, &Device::Cpu).err().unwrap().to_string();
    assert_eq!(error, "configuration key `sac.tau` is 0.0; use a number in (0, 1]");
}

#[test]
fn critics_say_what_they_expect() {
    let env = registry::make("pendulum-classic").unwrap();
    let mut sac = Sac::new(&SacConfig::default(), env.spec(), 0, &Device::Cpu).unwrap();
    let mut values = [f32::NAN; 2];
    assert!(sac.expected_return(&[0.1, 0.2, 0.3, 1.0, 0.0, -2.0], &[0.5, -1.5], 2, &mut values).unwrap());
    assert!(values.iter().all(|value| value.is_finite()) && values[0] != values[1], "{values:?}");
    let mut random = RandomPolicy::new(env.spec(), 0).unwrap();
    assert!(!random.expected_return(&[0.0; 3], &[0.0], 1, &mut values).unwrap(), "it has no critics");
    assert_eq!(random.proposals(&[0.0; 3], 4, 0, &mut Vec::new()).unwrap(), 0, "it has no chunks");
}
