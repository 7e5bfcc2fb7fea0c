//! Two goals in turn and, between them, no reset: what a robot without anybody around lives in.

use std::any::Any;

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use super::arrival;
use crate::{Env, EnvError, EnvSpec, GoalSpec, Transition, branch};

/// The two goals, how long an attempt at one lasts and how rarely somebody puts things in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetFreeConfig {
    /// What is wanted first, and in every second attempt from there on.
    pub forward: Vec<f32>,
    /// What is wanted in between, from where the forward task can begin again.
    pub backward: Vec<f32>,
    /// Euclidean distance from the goal that counts as reached.
    pub tolerance: f32,
    /// Steps of an attempt.
    pub attempt: usize,
    /// Attempts between two resets of the environment.
    pub attempts_per_reset: u64,
}

impl ResetFreeConfig {
    /// Checks everything that does not depend on the environment.
    ///
    /// # Errors
    /// When it is impossible; the error names the key.
    pub fn validate(&self) -> Result<(), EnvError> {
        let wrong =
            |key, value: String, reason: &str| Err(EnvError::Config { key, value, reason: reason.into() });
        for (key, goal) in [("forward", &self.forward), ("backward", &self.backward)] {
            if goal.iter().any(|x| !x.is_finite()) {
                return wrong(key, format!("{goal:?}"), "must hold finite numbers");
            }
        }
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            return wrong("tolerance", self.tolerance.to_string(), "must be above 0");
        }
        if self.attempt == 0 {
            return wrong("attempt", "0".into(), "must be at least 1");
        }
        if self.attempts_per_reset == 0 {
            return wrong("attempts_per_reset", "0".into(), "must be at least 1");
        }
        Ok(())
    }
}

/// An environment whose episodes follow each other without a reset (Yang et al. 2023, "Robot Fine-Tuning
/// Made Easy", arXiv 2310.15145, section 4.3): each begins in the state that the last one ended in, and
/// wants the forward and the backward goal in turn. A real reset happens before the first, after
/// `attempts_per_reset` of them, and after a fault or a terminated one.
///
/// The environment inside has goals ([`EnvSpec::goal`]); the present one is written over its own in the
/// observation. The reward is 1 within the tolerance of the goal, else 0; so is the only factor,
/// `at_goal`, and success. Nothing else tells which of the two tasks it is: one policy does both.
#[derive(Clone, Debug)]
pub struct ResetFree<E> {
    inner: E,
    spec: EnvSpec,
    goal: GoalSpec,
    config: ResetFreeConfig,
    /// The observation of the environment inside, as it is now.
    obs: Vec<f32>,
    /// Attempts since the last real reset, with the present one; 0 where a real reset is due.
    attempts: u64,
    steps: usize,
    at_goal: bool,
}

impl<E: Env> ResetFree<E> {
    /// Wraps an environment.
    ///
    /// # Errors
    /// When a number is impossible, or the environment has no goals of this size.
    pub fn new(inner: E, config: ResetFreeConfig) -> Result<Self, EnvError> {
        config.validate()?;
        let mut spec = inner.spec().clone();
        let size = spec.goal.as_ref().map_or(0, |goal| goal.desired.len());
        for (key, wanted) in [("forward", &config.forward), ("backward", &config.backward)] {
            if wanted.len() != size || size == 0 {
                let reason = format!("must hold the {size} numbers of a goal of `{}`", spec.id);
                return Err(EnvError::Config { key, value: format!("{wanted:?}"), reason });
            }
        }
        let goal = spec.goal.clone().expect("its size is not zero");
        spec.horizon = config.attempt;
        spec.factors = vec!["at_goal".into()];
        let obs = vec![0.0; spec.observation.size()];
        Ok(Self { inner, spec, goal, config, obs, attempts: 0, steps: 0, at_goal: false })
    }

    /// Whether the present attempt is at the forward goal.
    pub fn is_forward(&self) -> bool {
        !self.attempts.is_multiple_of(2)
    }

    fn desired(&self) -> &[f32] {
        if self.is_forward() { &self.config.forward } else { &self.config.backward }
    }

    fn show(&mut self, obs: &mut [f32]) {
        obs.copy_from_slice(&self.obs);
        obs[self.goal.desired.clone()].copy_from_slice(self.desired());
        let achieved = &obs[self.goal.achieved.clone()];
        self.at_goal = arrival::within(self.config.tolerance, achieved, self.desired());
    }
}

impl<E: Env> Env for ResetFree<E> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        if self.attempts == 0 || self.attempts == self.config.attempts_per_reset {
            self.inner.reset(seed, &mut self.obs);
            self.attempts = 0;
        }
        self.attempts += 1;
        self.steps = 0;
        self.show(obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let Transition { terminated, fault, .. } = self.inner.step(action, &mut self.obs);
        self.steps += 1;
        self.show(obs);
        self.at_goal &= !fault;
        if terminated {
            self.attempts = self.config.attempts_per_reset;
        }
        let truncated = self.steps >= self.config.attempt && !terminated;
        Transition { reward: f32::from(self.at_goal), terminated, truncated, fault }
    }

    fn factors(&self, out: &mut [f32]) {
        out[0] = f32::from(self.at_goal);
    }

    fn success(&self) -> Option<bool> {
        Some(self.at_goal)
    }

    fn caption(&self) -> String {
        arrival::caption(self.at_goal, &self.inner.caption())
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        Some(f32::from(arrival::within(self.config.tolerance, achieved, desired)))
    }

    pass_on_simulation!(inner);
    pass_on_hidden!(inner);

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        match (other as &dyn Any).downcast_ref::<Self>().filter(|other| other.spec == self.spec) {
            Some(other) => {
                self.inner.branch_from(&other.inner)?;
                self.obs.copy_from_slice(&other.obs);
                (self.attempts, self.steps, self.at_goal) = (other.attempts, other.steps, other.at_goal);
                Ok(())
            }
            None => branch::through_bytes(self, other),
        }
    }
}

impl<E: Env> Checkpoint for ResetFree<E> {
    fn save(&self, out: &mut Writer) {
        out.part("inner", &self.inner);
        out.f32s("obs", &self.obs);
        out.value("progress", &(self.attempts, self.steps, self.at_goal));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("inner", &mut self.inner)?;
        from.f32s("obs", &mut self.obs)?;
        (self.attempts, self.steps, self.at_goal) = from.value("progress")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    fn config() -> ResetFreeConfig {
        ResetFreeConfig {
            forward: vec![0.5, 0.1, 0.2],
            backward: vec![0.4, -0.1, 0.2],
            tolerance: 0.03,
            attempt: 12,
            attempts_per_reset: 4,
        }
    }

    fn reach() -> ResetFree<Box<dyn Env>> {
        ResetFree::new(registry::make("arm-reach").unwrap(), config()).unwrap()
    }

    #[test]
    fn the_state_outlives_an_attempt_and_the_goals_take_turns() {
        let (mut env, expert) = (reach(), registry::expert("arm-reach").unwrap());
        let goal = env.spec().goal.clone().unwrap();
        let (mut obs, mut action) = (vec![0.0; env.spec().observation.size()], [0.0; 4]);
        let (mut plain, mut fresh) = (registry::make("arm-reach").unwrap(), obs.clone());
        for attempt in 0..9u64 {
            let before = obs.clone();
            env.reset(attempt, &mut obs);
            let wanted = if attempt % 2 == 0 { config().forward } else { config().backward };
            assert_eq!(obs[goal.desired.clone()], wanted, "attempt {attempt}");
            match attempt % 4 {
                // A real reset, after which the arm is where an environment without attempts begins.
                0 => {
                    plain.reset(attempt, &mut fresh);
                    assert_eq!(obs[..14], fresh[..14]);
                }
                _ => assert_eq!(obs[..21], before[..21]),
            }
            for step in 1..=12 {
                expert.act(&obs, &mut action);
                let transition = env.step(&action, &mut obs);
                assert_eq!(transition.truncated, step == 12);
                assert_eq!(transition.reward > 0.0, env.success().unwrap());
            }
            assert_eq!(env.success(), Some(true), "the expert reaches both, attempt {attempt}");
        }
    }

    #[test]
    fn an_attempt_goes_on_from_a_checkpoint() {
        let (mut env, mut restored) = (reach(), reach());
        let size = env.spec().observation.size();
        let (mut a, mut b) = (vec![0.0; size], vec![0.0; size]);
        for seed in 0..3 {
            env.reset(seed, &mut a);
            env.step(&[0.5, -0.5, 0.1, 0.0], &mut a);
        }
        telos_checkpoint::from_bytes(&mut restored, &telos_checkpoint::to_bytes(&env)).unwrap();
        for seed in 3..8 {
            assert_eq!(env.step(&[0.2; 4], &mut a), restored.step(&[0.2; 4], &mut b));
            env.reset(seed, &mut a);
            restored.reset(seed, &mut b);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn goals_that_do_not_fit_are_refused_by_key() {
        let refused = |id: &str, config| match ResetFree::new(registry::make(id).unwrap(), config) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        };
        let short = ResetFreeConfig { backward: vec![0.4], ..config() };
        assert!(refused("arm-reach", short).contains("`backward`"));
        assert!(refused("cheetah-run", config()).contains("`forward`"));
        assert!(refused("arm-reach", ResetFreeConfig { attempt: 0, ..config() }).contains("`attempt`"));
    }
}
