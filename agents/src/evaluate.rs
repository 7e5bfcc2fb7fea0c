//! The return of a policy as it is, without exploration.

use telos_envs::VecEnv;

use crate::{ActMode, AgentError, Policy};

/// Undiscounted gold returns of one episode in each environment, from the initial states that belong
/// to `seed`, with the policy's most likely actions. The environments are left in the middle of
/// later episodes.
///
/// # Errors
/// Whatever the policy finds.
pub fn evaluate(policy: &mut impl Policy, envs: &mut VecEnv, seed: u64) -> Result<Vec<f32>, AgentError> {
    let n = envs.len();
    let mut actions = vec![0.0; n * envs.spec().action.size()];
    let mut returns = vec![None; n];
    envs.restart(seed);
    (0..n).for_each(|i| policy.episode_ended(i));
    while returns.contains(&None) {
        policy.act(&envs.batch().obs, n, ActMode::Mode, &mut actions)?;
        let step = envs.step(&actions);
        policy.rewarded(&step.reward);
        for (i, slot) in returns.iter_mut().enumerate() {
            if step.done(i) {
                slot.get_or_insert(step.episode_return[i]);
                policy.episode_ended(i);
            }
        }
    }
    Ok(returns.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use telos_envs::registry;

    use super::*;
    use crate::RandomPolicy;

    #[test]
    fn returns_are_those_of_a_hand_written_loop() {
        let mut envs = VecEnv::new(3, 1, 5, |_| registry::make("pendulum-classic")).unwrap();
        let mut policy = RandomPolicy::new(envs.spec(), 0).unwrap();
        let returns = evaluate(&mut policy, &mut envs, 11).unwrap();
        let mut expected = [0.0f32; 3];
        envs.restart(11);
        for _ in 0..200 {
            let step = envs.step(&[0.0; 3]);
            expected.iter_mut().zip(&step.reward).for_each(|(sum, r)| *sum += r);
        }
        assert!((0..3).all(|i| envs.batch().truncated[i]), "the horizon is 200 steps");
        assert!(returns.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-2), "{returns:?} {expected:?}");
    }
}
