//! How often the scripted experts solve their tasks: episodes in which the state at the end is a
//! success, mean gold return per step, and steps until the first success.
//!
//!     cargo run --release -p telos-envs --example expert_success -- [EPISODES] [TASK ...]

#![allow(clippy::print_stdout)]

use telos_envs::{EnvError, episode_seed, registry};

fn main() -> Result<(), EnvError> {
    let mut arguments = std::env::args().skip(1).peekable();
    let episodes = arguments.next_if(|word| word.parse::<u64>().is_ok());
    let episodes: u64 = episodes.and_then(|word| word.parse().ok()).unwrap_or(100);
    let wanted: Vec<String> = arguments.collect();
    for id in registry::ids().filter(|id| wanted.is_empty() || wanted.iter().any(|word| word == id)) {
        let Some(expert) = registry::expert(id) else { continue };
        let mut env = registry::make(id)?;
        let (size, width) = (env.spec().observation.size(), env.spec().action.size());
        let (mut obs, mut action) = (vec![0.0; size], vec![0.0; width]);
        let (mut solved, mut reward, mut steps) = (0, 0.0, 0);
        let mut first: Vec<usize> = Vec::new();
        let mut failed = Vec::new();
        for episode in 0..episodes {
            env.reset(episode_seed(0, 0, episode), &mut obs);
            let mut reached = false;
            for step in 0.. {
                expert.act(&obs, &mut action);
                let transition = env.step(&action, &mut obs);
                reward += f64::from(transition.reward);
                steps += 1;
                if !reached && env.success() == Some(true) {
                    reached = true;
                    first.push(step);
                }
                if transition.terminated || transition.truncated {
                    break;
                }
            }
            match env.success() {
                Some(true) => solved += 1,
                _ => failed.push(episode),
            }
        }
        first.sort_unstable();
        let median = first.get(first.len() / 2).map_or("never".into(), |step| step.to_string());
        let mean = reward / f64::from(steps.max(1));
        println!(
            "{id:20} {solved:4} of {episodes} solved   mean reward {mean:.3}   first success after \
             {median} steps (median)   failed episodes {failed:?}"
        );
    }
    Ok(())
}
