//! Success as a sentence would have it: something that is true of the state and can be seen.

use std::any::Any;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{
    Env, EnvError, EnvSpec, Transition, branch,
    captions::{self, Captioner},
};

/// States among which a fact is looked for before it counts as unknown.
const SCATTERED: u64 = 2000;

/// Judges success by a fact of the state ([`captions`]), such as `legs-straight`, in place of the task's own
/// predicate. Rewards and observations stay as they are: whoever learns from pictures and a sentence does not see
/// the fact.
pub struct SuccessFact<E> {
    inner: E,
    captioner: Box<dyn Captioner>,
    fact: String,
    holds: bool,
}

impl<E: Env> SuccessFact<E> {
    /// Wraps an environment, which is to be reset afterwards.
    ///
    /// # Errors
    /// When nothing is known that could be said of its robot, or the fact is none of what is.
    pub fn new(mut inner: E, fact: &str) -> Result<Self, EnvError> {
        let id = inner.spec().id.clone();
        let wrong = |reason| EnvError::Config { key: "fact", value: format!("\"{fact}\""), reason };
        let world = inner.privileges().map(|privileges| privileges.world());
        let Some(captioner) = world.and_then(|world| captions::of(&id, world.model())) else {
            return Err(wrong(format!("nothing is known that could be said of `{id}`; leave it out")));
        };
        if let Err(known) = occurs(&mut inner, captioner.as_ref(), fact) {
            return Err(wrong(format!("must be one of {}", known.join(", "))));
        }
        Ok(Self { inner, captioner, fact: fact.into(), holds: false })
    }

    fn judge(&mut self, fault: bool) {
        let facts = self.inner.privileges().map(|privileges| self.captioner.facts(privileges.world()));
        self.holds = !fault && facts.is_some_and(|facts| facts.iter().any(|fact| fact.key == self.fact));
    }
}

/// Whether the fact is true of some state; the error has the keys of those that are.
fn occurs(env: &mut impl Env, captioner: &dyn Captioner, fact: &str) -> Result<(), Vec<&'static str>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut obs = vec![0.0; env.spec().observation.size()];
    let mut known = std::collections::BTreeSet::new();
    for seed in 0..SCATTERED {
        env.reset(seed, &mut obs);
        if let Some(privileges) = env.privileges() {
            captioner.scatter(privileges.world_mut(), &mut rng);
            known.extend(captioner.facts(privileges.world()).iter().map(|fact| fact.key));
        }
        if known.contains(fact) {
            return Ok(());
        }
    }
    Err(known.into_iter().collect())
}

impl<E: Env> Env for SuccessFact<E> {
    fn spec(&self) -> &EnvSpec {
        self.inner.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.inner.reset(seed, obs);
        self.judge(false);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let transition = self.inner.step(action, obs);
        self.judge(transition.fault);
        transition
    }

    fn factors(&self, out: &mut [f32]) {
        self.inner.factors(out);
    }

    fn success(&self) -> Option<bool> {
        Some(self.holds)
    }

    fn caption(&self) -> String {
        self.inner.caption()
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        self.inner.goal_reward(achieved, desired)
    }

    pass_on_simulation!(inner);
    pass_on_hidden!(inner);

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        match (other as &dyn Any).downcast_ref::<Self>().filter(|other| other.fact == self.fact) {
            Some(other) => {
                self.inner.branch_from(&other.inner)?;
                self.holds = other.holds;
                Ok(())
            }
            None => branch::through_bytes(self, other),
        }
    }
}

impl<E: Env> Checkpoint for SuccessFact<E> {
    fn save(&self, out: &mut Writer) {
        out.part("inner", &self.inner);
        out.value("holds", &self.holds);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("inner", &mut self.inner)?;
        self.holds = from.value("holds")?;
        Ok(())
    }
}
