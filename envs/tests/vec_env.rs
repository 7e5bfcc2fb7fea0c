//! Contracts of `VecEnv`: thread counts, auto-reset, final observations, faults, checkpoints.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer, from_bytes, to_bytes};
use telos_envs::{BoxSpace, Env, EnvError, EnvSpec, StepBatch, TimeLimit, Transition, VecEnv, registry};

/// Counts its steps in the observation `[seed mod 1000, step]`. Terminates at 5 when the action is
/// above 0.5, fails when it is above 2, panics when it is above 8.
struct Counter {
    spec: EnvSpec,
    seed: u64,
    step: f32,
}

impl Counter {
    fn make(horizon: usize) -> Result<Box<dyn Env>, EnvError> {
        let spec = EnvSpec {
            id: "counter".into(),
            task: "Count.".into(),
            observation: BoxSpace::unbounded(2),
            action: BoxSpace::uniform(1, -1.0, 1.0),
            dt: 1.0,
            horizon,
            factors: vec!["count".into()],
            can_terminate: true,
            goal: None,
        };
        Ok(Box::new(TimeLimit::new(Self { spec, seed: 0, step: 0.0 })))
    }

    fn observe(&self, obs: &mut [f32]) {
        obs.copy_from_slice(&[(self.seed % 1000) as f32, self.step]);
    }
}

impl Env for Counter {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }
    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        (self.seed, self.step) = (seed, 0.0);
        self.observe(obs);
    }
    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        assert!(action[0] <= 8.0, "the counter broke");
        self.step += 1.0;
        self.observe(obs);
        let fault = action[0] > 2.0;
        let terminated = fault || (action[0] > 0.5 && self.step == 5.0);
        Transition { reward: 0.5, terminated, truncated: false, fault }
    }
    fn factors(&self, out: &mut [f32]) {
        out[0] = self.step / 100.0;
    }
    fn success(&self) -> Option<bool> {
        Some(self.step > 3.0)
    }
    fn caption(&self) -> String {
        format!("{} steps", self.step)
    }
}

impl Checkpoint for Counter {
    fn save(&self, out: &mut Writer) {
        out.value("counter", &(self.seed, self.step));
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        (self.seed, self.step) = from.value("counter")?;
        Ok(())
    }
}

fn counters(n: usize, threads: usize, horizon: usize) -> VecEnv {
    VecEnv::new(n, threads, 11, |_| Counter::make(horizon)).expect("a valid spec")
}

fn rollout(id: &str, threads: usize, steps: usize) -> Vec<StepBatch> {
    let mut envs = VecEnv::new(5, threads, 3, |_| registry::make(id)).expect("a known id");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut actions = vec![0.0; 5 * envs.spec().action.size()];
    let mut batches = vec![envs.reset().clone()];
    for _ in 0..steps {
        actions.iter_mut().for_each(|a| *a = rng.random_range(-1.0..=1.0));
        batches.push(envs.step(&actions).clone());
    }
    batches
}

#[test]
fn thread_count_determinism() {
    // Long enough for every environment to be reset: horizons are 200 and 1000.
    for (id, steps) in [("pendulum-classic", 450), ("hopper-hop", 1010)] {
        let one = rollout(id, 1, steps);
        assert!(one.iter().any(|batch| batch.done(0)), "{id}: the rollout includes a reset");
        for threads in [2, 8] {
            assert!(one == rollout(id, threads, steps), "{id}: {threads} threads differ from one");
        }
    }
}

#[test]
fn final_obs_is_the_end_of_the_old_episode_and_obs_the_start_of_the_new() {
    let mut envs = counters(3, 2, 10);
    envs.reset();
    let seeds: Vec<f32> = (0..3).map(|i| envs.batch().obs[2 * i]).collect();
    // The first environment terminates at 5, the others are truncated at 10.
    for step in 1..=10 {
        let batch = envs.step(&[1.0, 0.0, 0.0]);
        for i in 0..3 {
            let expected = if i == 0 && step > 5 { step - 5 } else { step };
            assert_eq!(batch.final_obs[2 * i + 1], expected as f32, "{i} {step}");
            let ended = expected == if i == 0 { 5 } else { 10 };
            assert_eq!(batch.done(i), ended);
            assert_eq!((batch.terminated[i], batch.truncated[i]), (ended && i == 0, ended && i != 0));
            assert_eq!(batch.obs[2 * i + 1], if ended { 0.0 } else { expected as f32 });
            assert_eq!(batch.obs[2 * i] == batch.final_obs[2 * i], !ended, "the next seed is another one");
            assert_eq!(batch.episode_length[i], expected as u32);
            assert_eq!(batch.episode_return[i], 0.5 * expected as f32);
            assert_eq!(batch.episode_index[i], u64::from(i == 0 && step > 5));
            assert_eq!(batch.factors[i], expected as f32 / 100.0);
            assert_eq!(batch.success[i], Some(expected > 3));
        }
        assert_eq!(batch.final_obs[4], seeds[2], "still the first episode");
    }
    assert_eq!(envs.step(&[0.0; 3]).episode_index, [2, 1, 1]);
    assert_eq!(envs.env(1).caption(), "1 steps");
}

#[test]
fn reset_goes_on_to_new_episodes_and_restart_repeats_the_first() {
    let mut envs = counters(2, 1, 10);
    let first = envs.reset().clone();
    assert_eq!(first.final_obs, first.obs);
    envs.step(&[0.0; 2]);
    let second = envs.reset().clone();
    assert_eq!((second.episode_index.as_slice(), second.episode_length[0]), ([1, 1].as_slice(), 0));
    assert_ne!(second.obs, first.obs);
    assert_eq!(*envs.restart(11), first);
    assert_ne!(envs.restart(12).obs, first.obs);
}

#[test]
fn faults_are_counted() {
    let mut envs = counters(4, 2, 10);
    envs.reset();
    assert_eq!(envs.step(&[0.0, 3.0, 0.0, 3.0]).fault, [false, true, false, true]);
    envs.step(&[3.0, 0.0, 0.0, 0.0]);
    assert_eq!(envs.faults(), 3);
}

#[test]
fn a_checkpoint_taken_mid_episode_resumes_bit_exactly_with_another_number_of_threads() {
    for id in ["pendulum-classic", "walker-walk"] {
        let mut envs = VecEnv::new(3, 2, 3, |_| registry::make(id)).unwrap();
        let mut actions = vec![0.0; 3 * envs.spec().action.size()];
        envs.reset();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let mut act = |actions: &mut Vec<f32>| {
            actions.iter_mut().for_each(|a| *a = rng.random_range(-1.0..=1.0));
        };
        for _ in 0..150 {
            act(&mut actions);
            envs.step(&actions);
        }
        let bytes = to_bytes(&envs);
        let mut resumed = VecEnv::new(3, 3, 999, |_| registry::make(id)).unwrap();
        from_bytes(&mut resumed, &bytes).unwrap();
        assert_eq!(resumed.batch(), envs.batch());
        for _ in 0..100 {
            act(&mut actions);
            assert!(envs.step(&actions) == resumed.step(&actions), "{id}");
        }
        assert!(to_bytes(&envs) == to_bytes(&resumed), "{id}");

        let mut wider = VecEnv::new(4, 1, 3, |_| registry::make(id)).unwrap();
        let error = from_bytes(&mut wider, &bytes).unwrap_err().to_string();
        assert!(error.contains("batch.obs"), "{error}");
    }
}

#[test]
fn a_panic_in_any_thread_reaches_the_caller_with_its_message() {
    for broken in 0..3 {
        let mut envs = counters(3, 3, 10);
        envs.reset();
        let mut actions = [0.0; 3];
        actions[broken] = 9.0;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            envs.step(&actions);
        }));
        let payload = result.unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the counter broke"), "environment {broken}");
    }
}

#[test]
fn wrong_constructions_are_errors() {
    let message = |result: Result<VecEnv, EnvError>| result.err().unwrap().to_string();
    assert!(message(VecEnv::new(0, 1, 0, |_| Counter::make(1))).contains("environments"));
    assert!(message(VecEnv::new(1, 0, 0, |_| Counter::make(1))).contains("threads"));
    assert!(message(VecEnv::new(1, 1, 0, |_| Counter::make(0))).contains("horizon"));
    let mixed = message(VecEnv::new(3, 2, 0, |i| Counter::make(if i == 2 { 7 } else { 5 })));
    assert!(mixed.contains("environment 2"), "{mixed}");
    let unknown = message(VecEnv::new(1, 1, 0, |_| registry::make("walker-wlak")));
    assert!(unknown.contains("did you mean `walker-walk`?"), "{unknown}");
}
