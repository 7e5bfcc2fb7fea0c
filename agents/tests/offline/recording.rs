//! Data of a pendulum that is driven sometimes well and sometimes perversely.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_agents::{Policy, evaluate};
use telos_envs::{VecEnv, dataset::Episode, episode_seed, registry};

pub(crate) const ENV: &str = "pendulum-classic";

/// Whole episodes. In each of them a hand-written swing-up is followed with some probability, and its
/// opposite otherwise, with noise; so that its mean action, which cloning learns, does nothing, while
/// what works is in the data.
pub(crate) fn episodes(count: usize, seed: u64) -> Vec<Episode> {
    let mut env = registry::make(ENV).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..count)
        .map(|index| {
            let mut episode = Episode::default();
            let mut obs = [0.0; 3];
            env.reset(episode_seed(seed, index as u64, 0), &mut obs);
            episode.obs.extend(obs);
            let sense = [0.02, 0.25, 0.9][index % 3];
            let mut sign = 1.0;
            loop {
                if rng.random_bool(0.2) {
                    sign = if rng.random_bool(sense) { 1.0 } else { -1.0 };
                }
                let action = (sign * swing_up(&obs) + rng.random_range(-0.3..=0.3_f32)).clamp(-1.0, 1.0);
                let transition = env.step(&[action], &mut obs);
                episode.obs.extend(obs);
                episode.actions.push(action);
                episode.rewards.push(transition.reward);
                if transition.terminated || transition.truncated {
                    episode.terminated = transition.terminated;
                    return episode;
                }
            }
        })
        .collect()
}

/// Pumps energy until it suffices for the top, where a spring and a damper catch the rod.
fn swing_up(&[cos, sin, speed]: &[f32; 3]) -> f32 {
    let action = if cos > 0.9 {
        -(8.0 * sin.atan2(cos) + 2.0 * speed)
    } else {
        let energy = speed * speed / 6.0 + 5.0 * cos;
        speed.signum() * (5.0 - energy).signum()
    };
    action.clamp(-1.0, 1.0)
}

pub(crate) fn mean_return(episodes: &[Episode]) -> f64 {
    episodes.iter().map(|episode| episode.view().total_reward()).sum::<f64>() / episodes.len() as f64
}

/// Mean return over 30 initial states.
pub(crate) fn score(policy: &mut impl Policy) -> f64 {
    let mut envs = VecEnv::new(30, 1, 0, |_| registry::make(ENV)).unwrap();
    f64::from(evaluate(policy, &mut envs, 1_000).unwrap().iter().sum::<f32>()) / 30.0
}
