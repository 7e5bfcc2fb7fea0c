//! Many episodes from one state: branches and grouped resets continue bit for bit, on any thread.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{StepBatch, VecEnv, registry};

/// Steps all environments `steps` times and returns the batches.
fn drive(envs: &mut VecEnv, rng: &mut Xoshiro256PlusPlus, steps: usize) -> Vec<StepBatch> {
    let mut actions = vec![0.0; envs.len() * envs.spec().action.size()];
    let mut step = || {
        actions.iter_mut().for_each(|a| *a = rng.random_range(-1.0..=1.0));
        envs.step(&actions).clone()
    };
    (0..steps).map(|_| step()).collect()
}

fn vector(id: &str, n: usize, threads: usize) -> VecEnv {
    VecEnv::new(n, threads, 3, |_| registry::make(id)).unwrap()
}

fn row<'b>(batch: &'b StepBatch, column: &'b [f32], i: usize) -> &'b [f32] {
    let width = column.len() / batch.len();
    &column[i * width..(i + 1) * width]
}

#[test]
fn a_branch_in_mid_episode_is_the_environment_that_it_came_from() {
    for id in registry::ids() {
        let [mut env, mut branch] = [0, 1].map(|_| registry::make(id).unwrap());
        let size = env.spec().observation.size();
        let (mut obs, mut other) = (vec![0.0; size], vec![0.0; size]);
        let action = vec![0.4; env.spec().action.size()];
        env.reset(2, &mut obs);
        branch.reset(7, &mut other);
        for _ in 0..40 {
            env.step(&action, &mut obs);
            branch.step(&action, &mut other);
        }
        branch.branch_from(env.as_ref()).unwrap();
        assert_eq!(to_bytes(branch.as_ref()), to_bytes(env.as_ref()), "{id}");
        assert_eq!((branch.caption(), branch.success()), (env.caption(), env.success()), "{id}");
        for _ in 0..20 {
            assert_eq!(env.step(&action, &mut obs), branch.step(&action, &mut other), "{id}");
            assert_eq!(obs, other, "{id}");
        }
        assert_eq!(to_bytes(branch.as_ref()), to_bytes(env.as_ref()), "{id}");
    }
}

#[test]
fn environments_of_different_specs_do_not_branch() {
    let mut walker = registry::make("walker-walk").unwrap();
    let hopper = registry::make("hopper-hop").unwrap();
    let message = walker.branch_from(hopper.as_ref()).unwrap_err().to_string();
    assert!(message.contains("`walker-walk` cannot branch from `hopper-hop`"), "{message}");
    let mut pendulum = registry::make("pendulum-classic").unwrap();
    assert!(pendulum.branch_from(hopper.as_ref()).is_err());
}

#[test]
fn a_group_starts_every_episode_from_one_state() {
    let rollout = |threads| {
        let mut envs = vector("pendulum-classic", 7, threads);
        envs.reset();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        // Without groups every environment is elsewhere; the fourth has had more episodes.
        drive(&mut envs, &mut rng, 20);
        let mut batches = vec![envs.reset_groups(3).unwrap().clone()];
        batches.extend(drive(&mut envs, &mut rng, 199));
        let bytes = to_bytes(&envs);
        batches.extend(drive(&mut envs, &mut rng, 1));
        let mut resumed = vector("pendulum-classic", 7, 1);
        from_bytes(&mut resumed, &bytes).unwrap();
        batches.push(envs.reset().clone());
        (batches, resumed)
    };
    let (batches, mut resumed) = rollout(1);
    for at in [0, 200, 201] {
        let batch = &batches[at];
        let start = |i| row(batch, &batch.obs, i);
        for i in 0..7 {
            assert_eq!(start(i), start(i / 3 * 3), "environment {i} at {at}");
        }
        assert!(start(0) != start(3) && start(3) != start(6), "groups differ");
    }
    assert_ne!(batches[0].obs, batches[200].obs);
    assert!(batches[200].truncated.iter().all(|truncated| *truncated));
    for threads in [2, 4] {
        assert!(rollout(threads).0 == batches, "{threads} threads");
    }
    // The checkpoint knows the groups: the last step ends the episodes and starts new ones.
    drive(&mut resumed, &mut Xoshiro256PlusPlus::seed_from_u64(9), 1);
    assert_eq!(resumed.batch().obs, batches[200].obs);
    assert!(resumed.reset_groups(0).unwrap_err().to_string().contains("environments of a group"));
    let apart = resumed.restart(3);
    assert_ne!(row(apart, &apart.obs, 0), row(apart, &apart.obs, 1));
}

#[test]
fn branches_of_a_vector_do_not_depend_on_its_threads() {
    for (id, n) in [("pendulum-classic", 6), ("hopper-hop", 5)] {
        let rollout = |threads| {
            let mut envs = vector(id, n, threads);
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
            envs.reset();
            drive(&mut envs, &mut rng, 30);
            envs.branch(2, 1..n).unwrap();
            let branched = envs.batch().clone();
            let same = vec![0.3; n * envs.spec().action.size()];
            let mut batches = vec![branched, envs.step(&same).clone()];
            batches.extend(drive(&mut envs, &mut rng, 200));
            batches
        };
        let batches = rollout(1);
        for batch in &batches[..2] {
            for i in 1..n {
                assert_eq!(row(batch, &batch.obs, i), row(batch, &batch.obs, 2), "{id}");
                assert_eq!(batch.episode_return[i], batch.episode_return[2], "{id}");
            }
            assert_ne!(row(batch, &batch.obs, 0), row(batch, &batch.obs, 2), "{id}: left alone");
        }
        // The source goes on with its episode, the branches have begun another.
        assert_eq!(batches[0].episode_index[..4], [0, 1, 0, 1], "{id}");
        assert_eq!(batches[0].episode_length[1], 30, "{id}");
        for threads in [2, 3, n] {
            assert!(rollout(threads) == batches, "{id}: {threads} threads");
        }
    }
}

#[test]
fn a_branch_of_an_ended_episode_goes_on_with_the_next() {
    let mut envs = vector("pendulum-classic", 3, 2);
    envs.reset();
    drive(&mut envs, &mut Xoshiro256PlusPlus::seed_from_u64(1), 200);
    envs.branch(0, 0..3).unwrap();
    let batch = envs.step(&[0.2; 3]);
    assert_eq!((batch.episode_index.as_slice(), batch.episode_length[2]), ([1, 1, 1].as_slice(), 1));
    assert_eq!(row(batch, &batch.obs, 2), row(batch, &batch.obs, 0));
}

#[test]
fn a_vector_branches_from_an_environment_outside() {
    let mut real = registry::make("hopper-hop").unwrap();
    let size = real.spec().observation.size();
    let mut obs = vec![0.0; size];
    let action = vec![0.4; real.spec().action.size()];
    real.reset(4, &mut obs);
    for _ in 0..10 {
        real.step(&action, &mut obs);
    }
    let mut imagined = vector("hopper-hop", 4, 2);
    imagined.reset();
    imagined.branch_from(real.as_ref(), &obs, 1..4).unwrap();
    let batch = imagined.batch();
    assert_eq!((row(batch, &batch.obs, 3), batch.episode_length[3]), (obs.as_slice(), 0));
    let transition = real.step(&action, &mut obs);
    let batch = imagined.step(&action.repeat(4));
    for i in 1..4 {
        assert_eq!((row(batch, &batch.obs, i), batch.reward[i]), (obs.as_slice(), transition.reward));
        assert_eq!((batch.episode_index[i], batch.episode_length[i]), (1, 1));
    }
    assert_ne!(row(batch, &batch.obs, 0), obs, "left alone");
    let pendulum = registry::make("pendulum-classic").unwrap();
    assert!(imagined.branch_from(pendulum.as_ref(), &obs, 0..1).is_err());
}
