//! What the planner promises: good plans, the same for any number of threads, and no effect on the
//! environment it looks at.

#![allow(clippy::unwrap_used, reason = "tests")]

use telos_agents::planner::{Icem, IcemConfig};
use telos_envs::registry;

/// Returns of the first `steps` steps, and the actions taken.
fn play(env: &str, config: &IcemConfig, threads: usize, seed: u64, steps: usize) -> (f32, Vec<f32>) {
    let make = || registry::make(env);
    let mut env = make().unwrap();
    let mut planner = Icem::new(config, threads, seed, make).unwrap();
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut action = vec![0.0; env.spec().action.size()];
    let (mut gold, mut actions) = (0.0, Vec::new());
    env.reset(seed, &mut obs);
    for _ in 0..steps {
        let before = telos_checkpoint::to_bytes(env.as_ref());
        planner.act(env.as_ref(), &mut action).unwrap();
        assert!(before == telos_checkpoint::to_bytes(env.as_ref()), "planning moves nothing");
        gold += env.step(&action, &mut obs).reward;
        actions.extend(&action);
    }
    (gold, actions)
}

#[test]
fn a_pole_is_swung_up_and_held() {
    // A random policy earns about 0.07 per step, a pole that hangs nothing.
    let config = IcemConfig { hold: 4, population: 40, ..IcemConfig::default() };
    for seed in 1..=3 {
        let (gold, _) = play("cartpole-swingup", &config, 2, seed, 500);
        assert!(gold > 300.0, "seed {seed}: {gold} in 500 steps");
    }
}

#[test]
fn plans_do_not_depend_on_the_number_of_threads() {
    let config = IcemConfig { population: 24, ..IcemConfig::default() };
    let one = play("reacher", &config, 1, 5, 12);
    for threads in [2, 3, 64] {
        assert_eq!(one, play("reacher", &config, threads, 5, 12), "{threads} threads");
    }
}

#[test]
fn held_actions_are_planned_once() {
    let config = IcemConfig { population: 24, hold: 3, ..IcemConfig::default() };
    let (_, actions) = play("pendulum-classic", &config, 1, 0, 9);
    for unit in actions.chunks(3) {
        assert!(unit.iter().all(|action| *action == unit[0]), "{actions:?}");
    }
    assert!(actions[0] != actions[3] || actions[3] != actions[6]);
}

#[test]
fn foreign_environments_and_senseless_configurations_are_refused() {
    let make = || registry::make("pendulum-classic");
    let refused = |config: IcemConfig, words: &str| {
        let error = Icem::new(&config, 1, 0, make).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(IcemConfig { population: 19, ..IcemConfig::default() }, "`population` is 19");
    refused(IcemConfig { horizon: 1, ..IcemConfig::default() }, "`horizon` is 1");
    refused(IcemConfig { initial_std: f32::NAN, ..IcemConfig::default() }, "`initial_std` is NaN");
    let mut planner = Icem::new(&IcemConfig::default(), 1, 0, make).unwrap();
    let reacher = registry::make("reacher").unwrap();
    assert!(planner.act(reacher.as_ref(), &mut [0.0]).is_err());
    assert!(planner.act(make().unwrap().as_ref(), &mut [0.0; 2]).is_err());
}
