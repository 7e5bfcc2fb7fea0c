//! Learning from pictures: what moves the encoder, and exact resumption.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{ActMode, Drq, PictureBatch, PictureReplay, Policy, SacConfig};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer, from_bytes, to_bytes};
use telos_envs::{ActionRepeat, Env, Pixels, PixelsConfig, VecEnv, registry};
use telos_nn::{Device, Parameters, PixelEncoderConfig};

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
        let encoder = PixelEncoderConfig { channels: vec![3, 4], features: 5 };
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
