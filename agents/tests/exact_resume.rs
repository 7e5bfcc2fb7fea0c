//! A learner restored in the middle of training goes on exactly as the one that was saved, and no
//! result depends on the number of threads.
//!
//! Whole checkpoints are compared as bytes: weights, moments, generators, memory and environments.
#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{ActMode, Policy, Ppo, PpoConfig, Replay, ReplayBatch, RolloutBuffer, Sac, SacConfig};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer, from_bytes, to_bytes};
use telos_envs::{VecEnv, registry};
use telos_nn::Device;

const ENVS: usize = 3;

/// A small off-policy run.
struct SacRun {
    envs: VecEnv,
    sac: Sac,
    replay: Replay,
    replay_rng: Xoshiro256PlusPlus,
}

impl SacRun {
    fn new(threads: usize) -> Self {
        let mut envs = VecEnv::new(ENVS, threads, 7, |_| registry::make("pendulum-classic")).unwrap();
        let config = SacConfig { hidden: vec![16, 16], actor_period: 2, ..SacConfig::default() };
        let sac = Sac::new(&config, envs.spec(), 7, &Device::Cpu).unwrap();
        envs.reset();
        Self { sac, envs, replay: Replay::new(100, 3, 1), replay_rng: Xoshiro256PlusPlus::seed_from_u64(7) }
    }

    fn train(&mut self, steps: usize) {
        let mut actions = [0.0; ENVS];
        let mut batch = ReplayBatch::default();
        for _ in 0..steps {
            let obs = self.envs.batch().obs.clone();
            self.sac.act(&obs, ENVS, ActMode::Sample, &mut actions).unwrap();
            let step = self.envs.step(&actions);
            self.replay.push(&obs, &actions, &step.reward, step);
            self.replay.sample(&mut self.replay_rng, 32, &mut batch);
            self.sac.update(&batch).unwrap();
        }
    }
}

impl Checkpoint for SacRun {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("sac", &self.sac);
        out.part("replay", &self.replay);
        out.value("replay_rng", &self.replay_rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("sac", &mut self.sac)?;
        from.part("replay", &mut self.replay)?;
        self.replay_rng = from.value("replay_rng")?;
        Ok(())
    }
}

/// A small on-policy run that may stop anywhere in a rollout.
struct PpoRun {
    envs: VecEnv,
    ppo: Ppo,
    rollout: RolloutBuffer,
    updates: u32,
}

impl PpoRun {
    fn new(threads: usize) -> Self {
        let mut envs = VecEnv::new(ENVS, threads, 7, |_| registry::make("pendulum-classic")).unwrap();
        let config = PpoConfig { rollout_steps: 30, minibatches: 4, epochs: 3, ..PpoConfig::default() };
        let ppo = Ppo::new(&config, envs.spec(), 7, &Device::Cpu).unwrap();
        envs.reset();
        Self { ppo, envs, rollout: RolloutBuffer::new(30, ENVS, 3, 1), updates: 0 }
    }

    fn train(&mut self, steps: usize) {
        for _ in 0..steps {
            self.ppo.decide(&self.envs.batch().obs, &mut self.rollout).unwrap();
            let step = self.envs.step(self.rollout.env_actions());
            self.rollout.record(&step.reward, step);
            if self.rollout.is_full() {
                self.ppo.anneal(f64::from(self.updates) / 40.0);
                self.ppo.update(&mut self.rollout).unwrap();
                self.updates += 1;
            }
        }
    }
}

impl Checkpoint for PpoRun {
    fn save(&self, out: &mut Writer) {
        out.part("envs", &self.envs);
        out.part("ppo", &self.ppo);
        out.part("rollout", &self.rollout);
        out.value("updates", &self.updates);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("envs", &mut self.envs)?;
        from.part("ppo", &mut self.ppo)?;
        from.part("rollout", &mut self.rollout)?;
        self.updates = from.value("updates")?;
        Ok(())
    }
}

/// Compares without printing megabytes.
fn assert_same(a: &impl Checkpoint, b: &impl Checkpoint) {
    assert!(to_bytes(a) == to_bytes(b), "the two runs differ");
}

#[test]
fn sac_resumes_exactly() {
    let mut run = SacRun::new(1);
    run.train(75);
    run.sac.reset_critics().unwrap();
    let saved = to_bytes(&run);
    run.train(150);
    let mut resumed = SacRun::new(1);
    from_bytes(&mut resumed, &saved).unwrap();
    resumed.train(150);
    assert_same(&run, &resumed);
    assert!(to_bytes(&run) != saved, "training changes the state");
}

#[test]
fn ppo_resumes_exactly_from_within_a_rollout() {
    for steps in [45, 60] {
        let mut run = PpoRun::new(1);
        run.train(steps);
        let saved = to_bytes(&run);
        run.train(200);
        let mut resumed = PpoRun::new(1);
        from_bytes(&mut resumed, &saved).unwrap();
        resumed.train(200);
        assert_same(&run, &resumed);
        assert!(to_bytes(&run) != saved, "training changes the state");
    }
}

#[test]
fn training_does_not_depend_on_the_number_of_threads() {
    let (mut sac, mut ppo) = (SacRun::new(1), PpoRun::new(1));
    sac.train(60);
    ppo.train(70);
    for threads in [2, 3] {
        let (mut other_sac, mut other_ppo) = (SacRun::new(threads), PpoRun::new(threads));
        other_sac.train(60);
        other_ppo.train(70);
        assert_same(&sac, &other_sac);
        assert_same(&ppo, &other_ppo);
    }
}

#[test]
fn a_row_of_a_batch_gets_the_action_it_gets_alone() {
    let mut run = PpoRun::new(1);
    run.train(95);
    let mut sac = SacRun::new(1);
    sac.train(20);
    let obs: Vec<f32> = (0..3 * 37).map(|i| (i as f32 * 0.7).sin()).collect();
    for policy in [&mut run.ppo as &mut dyn Policy, &mut sac.sac] {
        let (mut together, mut alone) = ([0.0; 37], [0.0; 1]);
        policy.act(&obs, 37, ActMode::Mode, &mut together).unwrap();
        for (obs, action) in obs.chunks(3).zip(together) {
            policy.act(obs, 1, ActMode::Mode, &mut alone).unwrap();
            assert!((action - alone[0]).abs() < 1e-6, "{action} against {}", alone[0]);
        }
    }
}
