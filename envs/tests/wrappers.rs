//! What each wrapper adds, and what all of them keep: seeds, checkpoints, branches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use telos_checkpoint::{from_bytes, to_bytes};
use telos_envs::{
    ActionRepeat, Env, EnvError, GoalRegionConfig, HiddenParameters, RandomizationConfig, Transition, VecEnv,
    Wrapping, registry,
};

fn wrap(id: &str, wrapping: &Wrapping) -> Box<dyn Env> {
    wrapping.wrap(registry::make(id).unwrap()).unwrap()
}

fn randomized(config: RandomizationConfig) -> Wrapping {
    Wrapping { randomization: Some(config), ..Wrapping::default() }
}

fn goal(first: usize, low: &[f32], high: &[f32], tolerance: f32) -> Wrapping {
    let goal = GoalRegionConfig { first, low: low.into(), high: high.into(), tolerance };
    Wrapping { goal: Some(goal), ..Wrapping::default() }
}

fn fact(key: &str) -> Wrapping {
    Wrapping { fact: Some(key.into()), ..Wrapping::default() }
}

/// All wrappers at once.
fn everything() -> Wrapping {
    let randomization = RandomizationConfig {
        mass: [0.7, 1.3],
        friction: [0.5, 1.5],
        damping: [0.5, 2.0],
        motor: [0.8, 1.2],
        latency: [1, 3],
        observation_noise: [0.01, 0.02],
    };
    Wrapping { action_repeat: 2, randomization: Some(randomization), ..goal(0, &[-0.1], &[0.1], 0.05) }
}

/// Observations and transitions of some steps.
fn drive(env: &mut dyn Env, from: usize, steps: usize) -> Vec<(Vec<f32>, Transition)> {
    let mut obs = vec![0.0; env.spec().observation.size()];
    let size = env.spec().action.size();
    let mut step = |t: usize| {
        let action: Vec<f32> = (0..size).map(|i| (0.3 * t as f32 + i as f32).sin()).collect();
        let transition = env.step(&action, &mut obs);
        (obs.clone(), transition)
    };
    (from..from + steps).map(&mut step).collect()
}

fn reset(env: &mut dyn Env, seed: u64) -> Vec<f32> {
    let mut obs = vec![0.0; env.spec().observation.size()];
    env.reset(seed, &mut obs);
    obs
}

#[test]
fn wrapped_environments_follow_their_seed_and_continue_from_checkpoints_and_branches() {
    for id in ["hopper-hop", "reacher", "point-maze-umaze"] {
        let mut env = wrap(id, &everything());
        let first = reset(env.as_mut(), 3);
        let start = drive(env.as_mut(), 0, 30);
        let bytes = to_bytes(env.as_ref());
        let [mut restored, mut branch] = [0, 1].map(|_| wrap(id, &everything()));
        reset(branch.as_mut(), 8);
        drive(branch.as_mut(), 0, 5);
        from_bytes(restored.as_mut(), &bytes).unwrap();
        branch.branch_from(env.as_ref()).unwrap();
        assert!(to_bytes(branch.as_ref()) == bytes, "{id}");
        let (hidden, events) = (env.hidden(), env.events());
        let later = drive(env.as_mut(), 30, 30);
        for other in [&mut restored, &mut branch] {
            assert_eq!((other.hidden(), other.events()), (hidden, events), "{id}");
            assert_eq!(drive(other.as_mut(), 30, 30), later, "{id}");
        }
        assert_eq!(reset(env.as_mut(), 3), first, "{id}");
        assert_eq!(drive(env.as_mut(), 0, 30), start, "{id}: an earlier episode leaves traces");
        reset(env.as_mut(), 4);
        assert_ne!(env.hidden(), hidden, "{id}");
    }
}

#[test]
fn a_vector_of_wrapped_environments_does_not_depend_on_threads() {
    let rollout = |threads| {
        let make = |_| everything().wrap(registry::make("hopper-hop")?);
        let mut envs = VecEnv::new(5, threads, 1, make).unwrap();
        envs.reset();
        let actions = vec![0.4; 5 * envs.spec().action.size()];
        (0..520).map(|_| envs.step(&actions).clone()).collect::<Vec<_>>()
    };
    let one = rollout(1);
    assert!(one.iter().any(|batch| batch.truncated[0]), "the rollout includes a reset");
    assert!(rollout(3) == one);
}

#[test]
fn repeated_actions_are_the_same_steps_with_their_rewards_added() {
    let mut repeated = ActionRepeat::new(registry::make("cheetah-run").unwrap(), 3).unwrap();
    let mut plain = registry::make("cheetah-run").unwrap();
    assert_eq!((repeated.spec().horizon, plain.spec().horizon), (334, 1000));
    assert!((repeated.spec().dt - 3.0 * plain.spec().dt).abs() < 1e-6);
    let (mut obs, mut expected) = (reset(&mut repeated, 1), reset(plain.as_mut(), 1));
    let action = vec![0.5; plain.spec().action.size()];
    for step in 1..=334 {
        let transition = repeated.step(&action, &mut obs);
        let last = step == 334;
        // The horizon is no multiple of three: the last action lasts one step.
        let rewards = (0..if last { 1 } else { 3 }).map(|_| plain.step(&action, &mut expected).reward);
        assert_eq!(transition.reward, rewards.sum::<f32>());
        assert_eq!((&obs, transition.truncated), (&expected, last));
    }
    assert!(matches!(ActionRepeat::new(plain, 0), Err(EnvError::Zero { .. })));
}

#[test]
fn latency_delays_actions_by_whole_steps() {
    let mut late =
        wrap("pendulum-classic", &randomized(RandomizationConfig { latency: [2, 2], ..Default::default() }));
    let mut plain = registry::make("pendulum-classic").unwrap();
    assert_eq!(reset(late.as_mut(), 5), reset(plain.as_mut(), 5));
    let actions = [0.3f32, -0.8, 0.5, 0.9, -0.2, 0.1];
    let (mut obs, mut expected) = ([0.0; 3], [0.0; 3]);
    for step in 0..actions.len() {
        late.step(&actions[step..=step], &mut obs);
        let effective = if step < 2 { 0.0 } else { actions[step - 2] };
        plain.step(&[effective], &mut expected);
        assert_eq!(obs, expected, "step {step}");
    }
    assert_eq!(late.hidden(), Some(HiddenParameters { latency: 2, ..HiddenParameters::default() }));
}

#[test]
fn noise_has_its_deviation_and_spares_the_goal_and_the_reward() {
    let config = RandomizationConfig { observation_noise: [0.1, 0.1], ..Default::default() };
    let mut noisy = wrap("point-maze-umaze", &randomized(config));
    let mut plain = registry::make("point-maze-umaze").unwrap();
    reset(noisy.as_mut(), 2);
    reset(plain.as_mut(), 2);
    let (seen, truth) = (drive(noisy.as_mut(), 0, 300), drive(plain.as_mut(), 0, 300));
    let mut squares = 0.0;
    for ((seen, noisy), (truth, plain)) in seen.iter().zip(&truth) {
        assert_eq!((&seen[4..], noisy), (&truth[4..], plain), "goal and reward are true");
        squares += seen[..4].iter().zip(&truth[..4]).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    }
    let deviation = (squares / (4.0 * 300.0)).sqrt();
    assert!((deviation - 0.1).abs() < 0.01, "{deviation}");
}

#[test]
fn drawn_dynamics_lie_in_their_range_and_change_the_motion() {
    let config = RandomizationConfig { mass: [0.5, 2.0], motor: [0.9, 1.1], ..Default::default() };
    let mut env = wrap("walker-walk", &randomized(config));
    let mut plain = registry::make("walker-walk").unwrap();
    let mut masses = Vec::new();
    for seed in 0..20 {
        assert_eq!(reset(env.as_mut(), seed), reset(plain.as_mut(), seed), "the start is the same");
        let hidden = env.hidden().unwrap();
        assert!((0.5..=2.0).contains(&hidden.mass) && (0.9..=1.1).contains(&hidden.motor), "{hidden:?}");
        assert_eq!((hidden.friction, hidden.damping, hidden.latency), (1.0, 1.0, 0));
        masses.push(hidden.mass);
        assert_ne!(drive(env.as_mut(), 0, 20), drive(plain.as_mut(), 0, 20));
    }
    assert!(masses.iter().any(|mass| *mass < 0.8) && masses.iter().any(|mass| *mass > 1.5), "{masses:?}");
    assert_eq!(plain.hidden(), None);
}

#[test]
fn nominal_ranges_change_nothing() {
    let mut env = wrap("hopper-hop", &randomized(RandomizationConfig::default()));
    let mut plain = registry::make("hopper-hop").unwrap();
    assert_eq!(reset(env.as_mut(), 1), reset(plain.as_mut(), 1));
    assert_eq!(drive(env.as_mut(), 0, 50), drive(plain.as_mut(), 0, 50));
}

#[test]
fn a_goal_region_judges_by_distance_and_can_be_relabelled() {
    let mut env = wrap("reacher", &goal(2, &[-1.0], &[1.0], 0.2));
    let spec = env.spec().clone();
    let region = spec.goal.clone().unwrap();
    assert_eq!((region.achieved.clone(), region.desired.clone()), (2..3, 7..8));
    assert_eq!((spec.observation.size(), spec.factors.as_slice()), (8, ["at_goal".to_owned()].as_slice()));
    let mut reached = 0;
    for seed in 0..10 {
        let first = reset(env.as_mut(), seed);
        assert!((-1.0..=1.0).contains(&first[7]));
        for (obs, transition) in drive(env.as_mut(), 0, 50) {
            assert_eq!(obs[7], first[7], "constant within an episode");
            let expected = f32::from((obs[2] - obs[7]).abs() <= 0.2);
            assert_eq!(transition.reward, expected);
            let relabel = |desired: &[f32]| env.goal_reward(&obs[region.achieved.clone()], desired);
            assert_eq!((relabel(&obs[7..]), relabel(&obs[2..3])), (Some(expected), Some(1.0)));
            reached += u32::from(expected == 1.0);
        }
        assert_eq!(env.success(), Some(env.caption().starts_with("at the goal")));
    }
    assert!((1..500).contains(&reached), "{reached}");
}

#[test]
fn rewards_of_tasks_with_goals_follow_from_their_goals() {
    let mut with_goals = 0;
    for id in registry::ids() {
        let mut env = registry::make(id).unwrap();
        let Some(goal) = env.spec().goal.clone() else { continue };
        with_goals += 1;
        assert_eq!(goal.achieved.len(), goal.desired.len(), "{id}");
        for seed in 0..5 {
            let start = reset(env.as_mut(), seed);
            for (obs, transition) in drive(env.as_mut(), 0, 40) {
                assert_eq!(obs[goal.desired.clone()], start[goal.desired.clone()], "{id}");
                let reward = env.goal_reward(&obs[goal.achieved.clone()], &obs[goal.desired.clone()]);
                assert_eq!(reward, Some(transition.reward), "{id}");
            }
        }
    }
    assert!(with_goals >= 2, "{with_goals}");
}

#[test]
fn a_fact_of_the_state_is_success_and_rewards_stay() {
    let mut plain = registry::make("cartpole-balance").unwrap();
    let [mut upright, mut left] = ["upright", "cart-left"].map(|key| wrap("cartpole-balance", &fact(key)));
    for env in [&mut plain, &mut upright, &mut left] {
        reset(env.as_mut(), 5);
    }
    assert_eq!((upright.success(), left.success()), (Some(true), Some(false)));
    let mut seen = [false; 2];
    for _ in 0..200 {
        let mut obs = vec![0.0; plain.spec().observation.size()];
        let expected = plain.step(&[-1.0], &mut obs);
        // The cart's place and the cosine of the pole's angle.
        let (place, cosine) = (obs[0], obs[1]);
        for env in [&mut upright, &mut left] {
            let mut same = obs.clone();
            assert_eq!((env.step(&[-1.0], &mut same), &same), (expected, &obs));
        }
        assert_eq!(upright.success(), Some(cosine > 10.0f32.to_radians().cos()), "{cosine}");
        assert_eq!(left.success(), Some(place < -0.6), "{place}");
        seen[0] |= upright.success() == Some(false);
        seen[1] |= left.success() == Some(true);
    }
    assert_eq!(seen, [true; 2], "the pole falls, the cart arrives");
    let mut branch = wrap("cartpole-balance", &fact("cart-left"));
    branch.branch_from(left.as_ref()).unwrap();
    assert_eq!(branch.success(), left.success());
    let mut restored = wrap("cartpole-balance", &fact("cart-left"));
    from_bytes(restored.as_mut(), &to_bytes(left.as_ref())).unwrap();
    assert_eq!(restored.success(), left.success());
}

#[test]
fn impossible_settings_name_their_key() {
    let message =
        |id: &str, wrapping: &Wrapping| wrapping.wrap(registry::make(id).unwrap()).err().unwrap().to_string();
    let with = |config| randomized(config);
    let nominal = RandomizationConfig::default;
    let cases = [
        ("`mass` is [0, 1]", with(RandomizationConfig { mass: [0.0, 1.0], ..nominal() })),
        ("`friction` is [2, 1]", with(RandomizationConfig { friction: [2.0, 1.0], ..nominal() })),
        ("`motor` is [NaN, 1]", with(RandomizationConfig { motor: [f32::NAN, 1.0], ..nominal() })),
        ("`damping` is [1, inf]", with(RandomizationConfig { damping: [1.0, f32::INFINITY], ..nominal() })),
        ("`latency` is [3, 2]", with(RandomizationConfig { latency: [3, 2], ..nominal() })),
        ("`latency` is [0, 4294967295]", with(RandomizationConfig { latency: [0, u32::MAX], ..nominal() })),
        ("`first` is 99", goal(99, &[0.0], &[1.0], 0.1)),
        ("`first` is 18446744073709551615", goal(usize::MAX, &[0.0], &[1.0], 0.1)),
        ("`low` is []", goal(0, &[], &[], 0.1)),
        ("`high` is [0.5]", goal(0, &[0.0, 0.0], &[0.5], 0.1)),
        ("`high` is [-1.0]", goal(0, &[0.0], &[-1.0], 0.1)),
        ("`tolerance` is 0", goal(0, &[0.0], &[1.0], 0.0)),
        ("`fact` is \"upright\", but must be one of at-target, away-", fact("upright")),
        ("steps that an action lasts", Wrapping { action_repeat: 0, ..Wrapping::default() }),
    ];
    for (expected, wrapping) in cases {
        let found = message("reacher", &wrapping);
        assert!(found.contains(expected), "{found}");
    }
    assert!(message("pendulum-classic", &fact("upright")).contains("could be said of `pendulum-classic`"));
    let no_physics = with(RandomizationConfig { mass: [0.5, 1.5], ..nominal() });
    assert!(message("pendulum-classic", &no_physics).contains("`pendulum-classic` has no simulated robot"));
}
