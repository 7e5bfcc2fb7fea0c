//! Scripted experts solve their tasks. Rates over more episodes: `telos expert ID --episodes 100`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use telos_envs::{episode_seed, registry};

/// Episodes, of `episodes`, whose final state is a success.
fn solved(id: &str, episodes: u64) -> u64 {
    let (mut env, expert) = (registry::make(id).unwrap(), registry::expert(id).unwrap());
    let (mut obs, mut action) =
        (vec![0.0; env.spec().observation.size()], vec![0.0; env.spec().action.size()]);
    let mut solved = 0;
    for episode in 0..episodes {
        env.reset(episode_seed(1, 0, episode), &mut obs);
        for _ in 0..env.spec().horizon {
            expert.act(&obs, &mut action);
            env.step(&action, &mut obs);
        }
        solved += u64::from(env.success() == Some(true));
    }
    solved
}

#[test]
fn the_ball_finds_through_the_mazes() {
    for id in ["point-maze-umaze", "point-maze-medium"] {
        assert_eq!(solved(id, 20), 20, "{id}");
    }
}

#[test]
fn the_arm_solves_its_tasks() {
    for task in ["reach", "push", "lift", "pick-place", "drawer-open", "button-press"] {
        let solved = solved(&format!("arm-{task}"), 10);
        assert!(solved >= 9, "{task}: {solved} of 10");
    }
}

#[test]
fn the_block_comes_to_its_outline() {
    assert!(solved("push-t", 10) >= 9);
}

#[test]
fn the_reacher_reaches() {
    assert!(solved("reacher", 10) >= 9);
}
