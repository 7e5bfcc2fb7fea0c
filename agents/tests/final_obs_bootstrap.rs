//! Truncation bootstraps from the true final observation, termination does not, and entropy counts.
//!
//! The environment has two states: every episode begins in state 0 and is in state 1 from its first
//! step on. The reward of a step from state s is 1 + s, and nothing depends on the action. If the
//! clock alone ends episodes, the values are
//!
//! ```text
//! V(1) = 2 / (1 - gamma)    V(0) = 1 + gamma V(1)
//! ```
//!
//! whatever the horizon. A learner that took truncation for termination, or bootstrapped from the
//! observation after the reset, would find less.
#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{ActMode, Policy, Ppo, PpoConfig, Replay, ReplayBatch, RolloutBuffer, Sac, SacConfig};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_envs::{BoxSpace, Env, EnvSpec, TimeLimit, Transition, VecEnv};
use telos_nn::Device;

const GAMMA: f32 = 0.8;
const VALUE_1: f32 = 2.0 / (1.0 - GAMMA);
/// With next to no temperature, the soft values of SAC are plain values.
const COLD: f32 = 1e-6;
const VALUE_0: f32 = 1.0 + GAMMA * VALUE_1;

struct TwoStates {
    spec: EnvSpec,
    state: f32,
    terminates: bool,
}

impl Env for TwoStates {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, _seed: u64, obs: &mut [f32]) {
        self.state = 0.0;
        obs[0] = self.state;
    }

    fn step(&mut self, _action: &[f32], obs: &mut [f32]) -> Transition {
        let reward = 1.0 + self.state;
        self.state = 1.0;
        obs[0] = self.state;
        Transition { reward, terminated: self.terminates, ..Transition::default() }
    }

    fn factors(&self, _out: &mut [f32]) {}

    fn caption(&self) -> String {
        format!("state {}", self.state)
    }
}

impl Checkpoint for TwoStates {
    fn save(&self, out: &mut Writer) {
        out.value("state", &self.state);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.state = from.value("state")?;
        Ok(())
    }
}

/// Eight environments of horizon 4; if `terminates`, every episode ends after its first step instead.
fn envs(terminates: bool) -> VecEnv {
    let spec = EnvSpec {
        id: "two-states".into(),
        task: "Be.".into(),
        observation: BoxSpace::uniform(1, 0.0, 1.0),
        action: BoxSpace::uniform(1, -1.0, 1.0),
        dt: 1.0,
        horizon: 4,
        factors: vec![],
        can_terminate: terminates,
        goal: None,
    };
    VecEnv::new(8, 1, 0, |_| {
        Ok(Box::new(TimeLimit::new(TwoStates { spec: spec.clone(), state: 0.0, terminates })))
    })
    .unwrap()
}

/// What the critics of SAC say about both states after training on 64 steps of each environment.
fn sac_values(terminates: bool, temperature: f32) -> [f32; 2] {
    let mut envs = envs(terminates);
    let config = SacConfig {
        gamma: GAMMA,
        tau: 0.05,
        batch_size: 32,
        hidden: vec![16],
        critic_lr: 1e-2,
        actor_lr: 3e-3,
        initial_temperature: temperature,
        learn_temperature: false,
        ..SacConfig::default()
    };
    let mut sac = Sac::new(&config, envs.spec(), 0, &Device::Cpu).unwrap();
    let mut replay = Replay::new(512, 1, 1);
    let mut obs = envs.reset().obs.clone();
    let mut actions = [0.0; 8];
    for _ in 0..64 {
        sac.act(&obs, 8, ActMode::Sample, &mut actions).unwrap();
        let step = envs.step(&actions);
        replay.push(&obs, &actions, &step.reward, step);
        obs.copy_from_slice(&step.obs);
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut batch = ReplayBatch::default();
    for _ in 0..1500 {
        replay.sample(&mut rng, config.batch_size, &mut batch);
        sac.update(&batch).unwrap();
    }
    let mut q = [0.0; 4];
    sac.critics().infer(&[0.0, 0.1, 1.0, 0.1], 2, &mut q).unwrap();
    [0.5 * (q[0] + q[2]), 0.5 * (q[1] + q[3])]
}

#[test]
fn sac_critics_find_the_values_of_an_endless_task() {
    let [value_0, value_1] = sac_values(false, COLD);
    assert!((value_0 - VALUE_0).abs() < 0.2, "V(0) is {VALUE_0}, found {value_0}");
    assert!((value_1 - VALUE_1).abs() < 0.2, "V(1) is {VALUE_1}, found {value_1}");
}

#[test]
fn sac_critics_do_not_look_beyond_termination() {
    let [value_0, _] = sac_values(true, COLD);
    assert!((value_0 - 1.0).abs() < 0.1, "V(0) is 1, found {value_0}");
}

/// Where rewards do not depend on actions, the best soft policy is uniform: its entropy over [-1, 1]
/// is log 2, so that Q(1) = 2 + gamma (Q(1) + alpha log 2). A squashed Gaussian comes within 0.01 of
/// that entropy.
#[test]
fn sac_critics_earn_the_entropy_of_the_policy() {
    let [_, value_1] = sac_values(false, 1.0);
    let expected = (2.0 + GAMMA * std::f32::consts::LN_2) / (1.0 - GAMMA);
    assert!((value_1 - expected).abs() < 0.4, "Q(1) is {expected}, found {value_1}");
}

fn ppo_values(terminates: bool) -> [f32; 2] {
    let mut envs = envs(terminates);
    let config = PpoConfig {
        rollout_steps: 10,
        minibatches: 2,
        hidden: vec![16],
        lr: 1e-2,
        anneal_lr: false,
        gamma: GAMMA,
        value_clip: None,
        max_grad_norm: None,
        normalize_observations: false,
        normalize_rewards: false,
        ..PpoConfig::default()
    };
    let mut ppo = Ppo::new(&config, envs.spec(), 0, &Device::Cpu).unwrap();
    let mut rollout = RolloutBuffer::new(config.rollout_steps, 8, 1, 1);
    envs.reset();
    for _ in 0..100 {
        while !rollout.is_full() {
            ppo.decide(&envs.batch().obs, &mut rollout).unwrap();
            let step = envs.step(rollout.env_actions());
            rollout.record(&step.reward, step);
        }
        ppo.update(&mut rollout).unwrap();
    }
    let mut values = [0.0; 2];
    ppo.critic().infer(&[0.0, 1.0], 2, &mut values).unwrap();
    values
}

#[test]
fn the_ppo_critic_finds_the_values_of_an_endless_task() {
    let [value_0, value_1] = ppo_values(false);
    assert!((value_0 - VALUE_0).abs() < 0.2, "V(0) is {VALUE_0}, found {value_0}");
    assert!((value_1 - VALUE_1).abs() < 0.2, "V(1) is {VALUE_1}, found {value_1}");
}

#[test]
fn the_ppo_critic_does_not_look_beyond_termination() {
    let [value_0, _] = ppo_values(true);
    assert!((value_0 - 1.0).abs() < 0.1, "V(0) is 1, found {value_0}");
}
