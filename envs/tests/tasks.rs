//! What every registered task promises, checked on all of them.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{Env, registry};

/// Columns of an episode under random actions.
fn episode(env: &mut dyn Env, seed: u64, steps: usize, mut watch: impl FnMut(&dyn Env, f32)) -> Vec<f32> {
    let (mut obs, mut action) =
        (vec![0.0; env.spec().observation.size()], vec![0.0; env.spec().action.size()]);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    env.reset(seed, &mut obs);
    let mut seen = obs.clone();
    for _ in 0..steps {
        action.iter_mut().for_each(|a| *a = rng.random_range(-1.0..=1.0));
        let transition = env.step(&action, &mut obs);
        assert!(!transition.fault, "{}", env.spec().id);
        seen.extend(&obs);
        seen.push(transition.reward);
        watch(env, transition.reward);
        if transition.terminated || transition.truncated {
            env.reset(seed + 1, &mut obs);
        }
    }
    seen
}

#[test]
fn observations_rewards_and_factors_stay_in_range_under_random_actions() {
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        let factors = env.spec().factors.len();
        let mut values = vec![f32::NAN; factors];
        let seen = episode(env.as_mut(), 1, 2000, |env, reward| {
            env.factors(&mut values);
            let unit = |x: &f32| (0.0..=1.0).contains(x);
            assert!(values.iter().all(unit), "{id}: factors {values:?}");
            assert!(unit(&reward) || id == "pendulum-classic", "{id}: reward {reward}");
        });
        // Speeds reach some tens of rad/s; anything beyond is a simulation gone wrong.
        assert!(seen.iter().all(|x| x.is_finite() && x.abs() < 200.0), "{id}");
        assert!(factors > 0);
    }
}

#[test]
fn episodes_are_functions_of_the_seed() {
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        let first = episode(env.as_mut(), 5, 100, |_, _| {});
        let other = episode(env.as_mut(), 6, 100, |_, _| {});
        let again = episode(env.as_mut(), 5, 100, |_, _| {});
        let fresh = episode(registry::make(id).unwrap().as_mut(), 5, 100, |_, _| {});
        assert_ne!(first, other, "{id}");
        assert_eq!(first, again, "{id}: an earlier episode leaves traces");
        assert_eq!(first, fresh, "{id}: two environments differ");
    }
}

#[test]
fn episodes_last_exactly_the_horizon() {
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        let (mut obs, action) =
            (vec![0.0; env.spec().observation.size()], vec![0.0; env.spec().action.size()]);
        let horizon = env.spec().horizon;
        for seed in 0..2 {
            env.reset(seed, &mut obs);
            for step in 1..=horizon {
                let transition = env.step(&action, &mut obs);
                assert!(!transition.terminated, "{id}");
                assert_eq!(transition.truncated, step == horizon, "{id} at step {step}");
            }
        }
    }
}

#[test]
fn a_snapshot_taken_mid_episode_continues_bit_exactly_elsewhere() {
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        let size = env.spec().observation.size();
        let (mut obs, mut other) = (vec![0.0; size], vec![0.0; size]);
        let action = vec![0.4; env.spec().action.size()];
        env.reset(2, &mut obs);
        for _ in 0..70 {
            env.step(&action, &mut obs);
        }
        let bytes = telos_checkpoint::to_bytes(env.as_ref());
        let mut branch = registry::make(id).unwrap();
        telos_checkpoint::from_bytes(branch.as_mut(), &bytes).unwrap();
        assert_eq!((branch.caption(), branch.success()), (env.caption(), env.success()), "{id}");
        for _ in 0..70 {
            assert_eq!(env.step(&action, &mut obs), branch.step(&action, &mut other), "{id}");
            assert_eq!(obs, other, "{id}");
        }
        assert_eq!(telos_checkpoint::to_bytes(env.as_ref()), telos_checkpoint::to_bytes(branch.as_ref()));
    }
}

#[test]
fn cameras_look_at_the_robot() {
    for id in registry::ids().filter(|id| *id != "pendulum-classic") {
        let mut env = registry::make(id).unwrap();
        env.reset(0, &mut vec![0.0; env.spec().observation.size()]);
        let scene = env.scene().unwrap();
        let from_eye = |point: [f32; 3]| [0, 1, 2].map(|axis| point[axis] - scene.camera.eye[axis]);
        let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let axis = from_eye(scene.camera.target);
        let seen = scene.geoms.iter().filter(|geom| &*geom.body != "world").filter(|geom| {
            let ray = from_eye(geom.position);
            let cosine = dot(ray, axis) / (dot(ray, ray) * dot(axis, axis)).sqrt();
            cosine > (scene.camera.fovy / 2.0).to_radians().cos()
        });
        assert!(seen.count() > 0, "{id}");
    }
}
