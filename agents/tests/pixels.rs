//! Learning from pictures: what moves the encoder, exact resumption, and that something is learned.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{
    ActMode, AgentError, Drq, DrqConfig, PictureBatch, PictureReplay, Policy, RandomPolicy, SacConfig,
    evaluate,
};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer, from_bytes, to_bytes};
use telos_envs::{ActionRepeat, Env, Pixels, PixelsConfig, VecEnv, View, registry};
use telos_nn::{Device, Parameters};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENVS: usize = 2;

/// A small run, whose episodes end within the tests.
struct Run {
    envs: VecEnv,
    drq: Drq,
    replay: PictureReplay,
    rng: Xoshiro256PlusPlus,
}

impl Run {
    fn new(threads: usize, config: &SacConfig) -> Self {
        let pixels = PixelsConfig { size: 12, stack: 2, ..PixelsConfig::default() };
        let make = |_| {
            let env = ActionRepeat::new(registry::make("pendulum-swingup")?, 20)?;
            Ok(Box::new(Pixels::new(env, &pixels)?) as Box<dyn Env>)
        };
        let mut envs = VecEnv::new(ENVS, threads, 3, make).unwrap();
        envs.reset();
        let encoder = DrqConfig { channels: vec![3, 4], features: 5, shift: 1 };
        let drq = Drq::new(config, &encoder, pixels.shape(), envs.spec(), 3, &Device::Cpu).unwrap();
        // Full before the tests end.
        let replay = PictureReplay::new(ENVS * 40, ENVS, pixels.shape(), 1);
        Self { envs, drq, replay, rng: Xoshiro256PlusPlus::seed_from_u64(3) }
    }

    fn step(&mut self) {
        let obs = self.envs.batch().obs.clone();
        let mut actions = [0.0; ENVS];
        self.drq.act(&obs, ENVS, ActMode::Sample, &mut actions).unwrap();
        let step = self.envs.step(&actions);
        self.replay.push(&obs, &actions, &step.reward, step);
    }

    fn update(&mut self) {
        let mut batch = PictureBatch::default();
        self.replay.sample(&mut self.rng, 8, &mut batch);
        assert!(self.drq.update(&batch).unwrap().critic_loss.is_finite());
    }

    fn train(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
            self.update();
        }
    }

    /// All weights of a part, by the beginning of their names.
    fn weights(&self, part: &str) -> Vec<f32> {
        let named = self.drq.named().into_iter().filter(|(name, _)| name.starts_with(part));
        named.flat_map(|(_, var)| var.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
    }
}

impl Checkpoint for Run {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("drq", &self.drq);
        out.part("replay", &self.replay);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("drq", &mut self.drq)?;
        from.part("replay", &mut self.replay)?;
        self.rng = from.value("rng")?;
        Ok(())
    }
}

fn small() -> SacConfig {
    SacConfig { hidden: vec![8], ..SacConfig::default() }
}

#[test]
fn drq_resumes_exactly_whatever_the_number_of_threads() {
    let mut run = Run::new(1, &SacConfig { actor_period: 2, target_period: 2, ..small() });
    run.train(33);
    let saved = to_bytes(&run);
    run.train(30);
    let mut resumed = Run::new(2, &SacConfig { actor_period: 2, target_period: 2, ..small() });
    from_bytes(&mut resumed, &saved).unwrap();
    resumed.train(30);
    assert!(to_bytes(&run) == to_bytes(&resumed), "the two runs differ");
    assert!(to_bytes(&run) != saved, "training changes the state");
}

#[test]
fn the_critics_move_the_encoder_and_the_actor_does_not() {
    let mut run = Run::new(1, &small());
    run.step();
    let before = ["encoder.", "actor."].map(|part| run.weights(part));
    run.update();
    let after = ["encoder.", "actor."].map(|part| run.weights(part));
    assert!(before[0] != after[0] && before[1] != after[1]);
    // Steps too small for any weight but zeros to notice: biases of the encoder begin as such.
    let mut still = Run::new(1, &SacConfig { critic_lr: 1e-30, ..small() });
    still.step();
    still.update();
    let [encoder, actor] = ["encoder.", "actor."].map(|part| still.weights(part));
    assert!(encoder.iter().zip(&before[0]).all(|(a, b)| (a - b).abs() < 1e-20), "only the actor learned");
    assert!(actor != before[1]);
}

#[test]
fn the_target_encoder_follows_at_its_rate() {
    let mut run = Run::new(1, &SacConfig { tau: 0.25, ..small() });
    assert_eq!(run.weights("encoder."), run.weights("target_encoder."));
    run.step();
    let before = run.weights("target_encoder.");
    run.update();
    let online = run.weights("encoder.");
    for ((target, before), online) in run.weights("target_encoder.").iter().zip(before).zip(online) {
        assert!((target - (before + 0.25 * (online - before))).abs() < 1e-6);
    }
}

#[test]
fn acting_draws_no_shift_and_sees_the_columns_of_environments() {
    let mut run = Run::new(1, &small());
    run.train(3);
    let obs = run.envs.batch().obs.clone();
    let (mut first, mut again) = ([0.0; ENVS], [0.0; ENVS]);
    run.drq.act(&obs, ENVS, ActMode::Mode, &mut first).unwrap();
    run.drq.act(&obs, ENVS, ActMode::Mode, &mut again).unwrap();
    assert_eq!(first, again);
    assert!(run.drq.act(&obs[1..], ENVS, ActMode::Mode, &mut first).is_err());
    let mut values = [f32::NAN; ENVS];
    assert!(run.drq.expected_return(&obs, &first, ENVS, &mut values).unwrap());
    assert!(values.iter().all(|value| value.is_finite()));
}

/// Pendulums that are seen and pushed five times per second.
fn pendulums(n: usize, seed: u64, pixels: &PixelsConfig) -> VecEnv {
    let make = |_| {
        let env = ActionRepeat::new(registry::make("pendulum-swingup")?, 4)?;
        Ok(Box::new(Pixels::new(env, pixels)?) as Box<dyn Env>)
    };
    VecEnv::new(n, 1, seed, make).unwrap()
}

/// Mean return over 20 initial states.
fn score(policy: &mut impl Policy, pixels: &PixelsConfig) -> f32 {
    evaluate(policy, &mut pendulums(20, 0, pixels), 1_000).unwrap().iter().sum::<f32>() / 20.0
}

/// Always the same torque.
struct Constant(f32);

impl Policy for Constant {
    fn act(&mut self, _: &[f32], _: usize, _: ActMode, actions: &mut [f32]) -> Result<(), AgentError> {
        actions.fill(self.0);
        Ok(())
    }
}

/// The best possible return is about 360. 3000 steps are enough to swing up, but not to stay there.
#[test]
fn drq_learns_to_swing_a_pendulum_that_it_only_sees() {
    let view = View { distance: 0.65, ..View::default() };
    let pixels = PixelsConfig { size: 24, stack: 2, view, ..PixelsConfig::default() };
    for torque in [-1.0, 0.0, 1.0] {
        let blind = score(&mut Constant(torque), &pixels);
        assert!(blind < 45.0, "a torque of {torque} returns {blind}, so the threshold below means nothing");
    }
    let config = SacConfig {
        hidden: vec![64, 64],
        batch_size: 64,
        tau: 0.01,
        actor_lr: 1e-3,
        critic_lr: 1e-3,
        temperature_lr: 1e-3,
        actor_period: 2,
        target_period: 2,
        initial_temperature: 0.1,
        ..SacConfig::default()
    };
    let encoder = DrqConfig { channels: vec![16, 16], features: 32, shift: 1 };
    let warm_up = 500 / 4;
    let scores = [0, 1].map(|seed| {
        let mut envs = pendulums(4, seed, &pixels);
        let shape = pixels.shape();
        let mut drq = Drq::new(&config, &encoder, shape, envs.spec(), seed, &Device::Cpu).unwrap();
        let mut random = RandomPolicy::new(envs.spec(), seed).unwrap();
        let mut replay = PictureReplay::new(3000, 4, shape, 1);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (mut batch, mut actions) = (PictureBatch::default(), [0.0; 4]);
        let mut obs = envs.reset().obs.clone();
        for step in 0..3000 / 4 {
            if step < warm_up {
                random.act(&obs, 4, ActMode::Sample, &mut actions).unwrap();
            } else {
                drq.act(&obs, 4, ActMode::Sample, &mut actions).unwrap();
            }
            let outcome = envs.step(&actions);
            replay.push(&obs, &actions, &outcome.reward, outcome);
            obs.copy_from_slice(&outcome.obs);
            let updates = if step < warm_up { 0 } else { 4 };
            for _ in 0..updates {
                replay.sample(&mut rng, config.batch_size, &mut batch);
                drq.update(&batch).unwrap();
            }
        }
        score(&mut drq, &pixels)
    });
    assert!(scores.iter().all(|score| *score > 90.0), "mean returns {scores:?}");
}
