//! Another robot in every episode.

use std::any::Any;

use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{Env, EnvError, EnvSpec, HiddenParameters, Transition, branch, episode_seed};

/// Sets the draws of this wrapper apart from those of its environment, which has the same seed.
const STREAM: u64 = 1;

/// What is drawn anew in every episode: `[least, most]` of a uniform distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomizationConfig {
    /// Factor of all masses and inertias. Default `[1, 1]`.
    pub mass: [f32; 2],
    /// Factor of all Coulomb coefficients. Default `[1, 1]`.
    pub friction: [f32; 2],
    /// Factor of the damping of all joints. Default `[1, 1]`.
    pub damping: [f32; 2],
    /// Factor of what controls command: forces of motors, targets of servos. Default `[1, 1]`.
    pub motor: [f32; 2],
    /// Environment steps from an action to its effect; until then the action is zero. Default `[0, 0]`.
    pub latency: [u32; 2],
    /// Standard deviation of Gaussian noise on each component of the observation, in its own unit,
    /// except on the desired goal. Default `[0, 0]`.
    pub observation_noise: [f32; 2],
}

impl Default for RandomizationConfig {
    fn default() -> Self {
        let nominal = [1.0; 2];
        Self {
            mass: nominal,
            friction: nominal,
            damping: nominal,
            motor: nominal,
            latency: [0; 2],
            observation_noise: [0.0; 2],
        }
    }
}

/// The longest latency: more would be another task.
const LONGEST_LATENCY: u32 = 1000;

impl RandomizationConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// When one is reversed, not finite, or outside of what is possible; the error names its key.
    pub fn validate(&self) -> Result<(), EnvError> {
        let least_factor = 1e-3;
        range("mass", self.mass, least_factor)?;
        range("friction", self.friction, 0.0)?;
        range("damping", self.damping, 0.0)?;
        range("motor", self.motor, 0.0)?;
        range("observation_noise", self.observation_noise, 0.0)?;
        let [least, most] = self.latency;
        if least <= most && most <= LONGEST_LATENCY {
            return Ok(());
        }
        let reason = format!("must be [least, most] steps, at most {LONGEST_LATENCY}");
        Err(EnvError::Config { key: "latency", value: format!("[{least}, {most}]"), reason })
    }

    fn changes_physics(&self) -> bool {
        [self.mass, self.friction, self.damping, self.motor].iter().any(|range| *range != [1.0; 2])
    }

    fn draw(&self, rng: &mut Xoshiro256PlusPlus) -> HiddenParameters {
        let mut within = |[least, most]: [f32; 2]| rng.random_range(least..=most);
        HiddenParameters {
            mass: within(self.mass),
            friction: within(self.friction),
            damping: within(self.damping),
            motor: within(self.motor),
            observation_noise: within(self.observation_noise),
            latency: rng.random_range(self.latency[0]..=self.latency[1]),
        }
    }
}

fn range(key: &'static str, [least, most]: [f32; 2], bound: f32) -> Result<(), EnvError> {
    if least >= bound && least <= most && most <= 1e3 {
        return Ok(());
    }
    let reason = format!("must be [least, most] between {bound} and 1000");
    Err(EnvError::Config { key, value: format!("[{least}, {most}]"), reason })
}

/// Draws [`HiddenParameters`] from the seed of each episode and imposes them on its environment.
///
/// The policy does not see them; [`Env::hidden`] shows them to teachers. Rewards, captions and success
/// are those of the true state.
#[derive(Clone, Debug)]
pub struct Randomization<E> {
    inner: E,
    config: RandomizationConfig,
    hidden: HiddenParameters,
    /// Actions that have not had their effect yet: a ring of `[latency, act]`.
    waiting: Vec<f32>,
    /// Place in the ring of the next to take effect.
    next: usize,
    rng: Xoshiro256PlusPlus,
}

impl<E: Env> Randomization<E> {
    /// Wraps an environment.
    ///
    /// # Errors
    /// When a range is impossible, or is about physics and the environment has none.
    pub fn new(mut inner: E, config: RandomizationConfig) -> Result<Self, EnvError> {
        config.validate()?;
        if config.changes_physics() && inner.privileges().is_none() {
            return Err(EnvError::NotSimulated { id: inner.spec().id.clone() });
        }
        let waiting = vec![0.0; config.latency[1] as usize * inner.spec().action.size()];
        let rng = Xoshiro256PlusPlus::seed_from_u64(0);
        Ok(Self { inner, config, hidden: HiddenParameters::default(), waiting, next: 0, rng })
    }

    fn add_noise(&mut self, obs: &mut [f32]) {
        if self.hidden.observation_noise == 0.0 {
            return;
        }
        let goal = self.inner.spec().goal.as_ref().map_or(0..0, |goal| goal.desired.clone());
        for (place, x) in obs.iter_mut().enumerate() {
            if !goal.contains(&place) {
                let noise: f32 = self.rng.sample(StandardNormal);
                *x += self.hidden.observation_noise * noise;
            }
        }
    }
}

impl<E: Env> Env for Randomization<E> {
    fn spec(&self) -> &EnvSpec {
        self.inner.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.rng = Xoshiro256PlusPlus::seed_from_u64(episode_seed(seed, STREAM, 0));
        self.hidden = self.config.draw(&mut self.rng);
        self.waiting.fill(0.0);
        self.next = 0;
        if self.config.changes_physics()
            && let Some(privileges) = self.inner.privileges()
        {
            let HiddenParameters { mass, friction, damping, motor, .. } = self.hidden;
            privileges.world_mut().scale_dynamics(mass, friction, damping, motor);
        }
        self.inner.reset(seed, obs);
        self.add_noise(obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let transition = match self.hidden.latency as usize {
            0 => self.inner.step(action, obs),
            latency => {
                let width = action.len();
                let waiting = &mut self.waiting[self.next * width..(self.next + 1) * width];
                let transition = self.inner.step(waiting, obs);
                waiting.copy_from_slice(action);
                self.next = (self.next + 1) % latency;
                transition
            }
        };
        self.add_noise(obs);
        transition
    }

    fn factors(&self, out: &mut [f32]) {
        self.inner.factors(out);
    }

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        self.inner.goal_reward(achieved, desired)
    }

    pass_on!(inner);

    fn hidden(&self) -> Option<HiddenParameters> {
        Some(self.hidden)
    }

    fn branch_from(&mut self, other: &dyn Env) -> Result<(), EnvError> {
        match (other as &dyn Any).downcast_ref::<Self>() {
            Some(other) if other.waiting.len() == self.waiting.len() => {
                self.inner.branch_from(&other.inner)?;
                self.hidden = other.hidden;
                self.waiting.copy_from_slice(&other.waiting);
                self.next = other.next;
                self.rng.clone_from(&other.rng);
                Ok(())
            }
            _ => branch::through_bytes(self, other),
        }
    }
}

impl<E: Env> Checkpoint for Randomization<E> {
    fn save(&self, out: &mut Writer) {
        out.part("inner", &self.inner);
        out.value("hidden", &self.hidden);
        out.f32s("waiting", &self.waiting);
        out.value("next", &self.next);
        out.value("rng", &self.rng);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("inner", &mut self.inner)?;
        self.hidden = from.value("hidden")?;
        from.f32s("waiting", &mut self.waiting)?;
        self.next = from.value("next")?;
        self.rng = from.value("rng")?;
        let latency = self.hidden.latency;
        if latency > self.config.latency[1] || self.next >= latency.max(1) as usize {
            return Err(from.wrong("hidden", "has a longer latency than the configuration allows"));
        }
        Ok(())
    }
}
