//! When the reward model changes, every stored transition carries the new reward, also after the
//! replay has wrapped around.

use telos::{
    agents::{ActMode, Policy, RandomPolicy, Replay},
    envs::{VecEnv, registry},
    nn::Device,
    rewards::{
        RewardError,
        reward_model::{RewardEnsemble, RewardModel, RewardModelConfig, StepSizes},
    },
};

const ENVS: usize = 6;
const CAPACITY: usize = 3000;

#[test]
fn no_row_keeps_an_old_reward() {
    let mut envs = VecEnv::new(ENVS, 1, 0, |_| registry::make("pendulum-classic")).unwrap();
    let (obs_size, action_size) = (envs.spec().observation.size(), envs.spec().action.size());
    let mut policy = RandomPolicy::new(envs.spec(), 0).unwrap();
    let mut replay = Replay::new(CAPACITY, obs_size, action_size);
    let mut obs = envs.reset().obs.clone();
    let mut actions = vec![0.0; ENVS * action_size];
    for _ in 0..700 {
        policy.act(&obs, ENVS, ActMode::Sample, &mut actions).unwrap();
        let outcome = envs.step(&actions);
        // No reward of the model, which is within (-1, 1), can be taken for this one.
        replay.push(&obs, &actions, &[7.0; ENVS], outcome);
        obs.copy_from_slice(&outcome.obs);
    }
    assert_eq!(replay.len(), CAPACITY, "4200 transitions fill the replay and wrap around");

    let config = RewardModelConfig { hidden: vec![32, 32], ..RewardModelConfig::default() };
    let sizes = StepSizes { observation: obs_size, action: action_size, segment: 50 };
    let model = RewardEnsemble::new(config, sizes, 3, &Device::Cpu).unwrap();
    replay
        .relabel(|obs, actions, rows, rewards| model.predict(obs, actions, rows, rewards))
        .unwrap_or_else(|error: RewardError| panic!("{error}"));

    let rows = replay.obs().chunks_exact(obs_size).zip(replay.actions().chunks_exact(action_size));
    for (at, ((obs, action), stored)) in rows.zip(replay.rewards()).enumerate() {
        let mut alone = [0.0];
        model.predict(obs, action, 1, &mut alone).unwrap();
        // A row alone takes another path through the matrix product than a row among many.
        assert!((stored - alone[0]).abs() < 1e-5, "row {at}: {stored} stored, {} predicted", alone[0]);
    }
}
