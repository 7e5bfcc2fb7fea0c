//! An environment of `gymnasium-rs` for everything that telos does with environments.

use std::{collections::HashMap, marker::PhantomData};

use gymnasium_rs::core::{Env as Gymnasium, Space};
use ndarray::Array1;
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};

use crate::{BoxSpace, Env, EnvError, EnvSpec, Transition};

/// An action type of `gymnasium-rs`, made from the numbers that telos acts with.
pub trait GymnasiumAction: Send + 'static {
    /// `action` lies within the bounds of [`FromGymnasium`]'s action space.
    fn from_numbers(action: &[f32]) -> Self;
}

/// The nearest of the choices 0 to n - 1.
impl GymnasiumAction for i32 {
    fn from_numbers(action: &[f32]) -> Self {
        action[0].round() as i32
    }
}

impl GymnasiumAction for Array1<f32> {
    fn from_numbers(action: &[f32]) -> Self {
        Array1::from(action.to_vec())
    }
}

/// An environment of `gymnasium-rs` as an [`Env`]. Wrap it in [`TimeLimit`](crate::TimeLimit).
///
/// A discrete action space becomes one number from 0 to n - 1, which is rounded. The other crate cannot
/// save an environment, so a checkpoint holds the seed and the actions of the episode, and restoring it
/// plays them again; that is exact as long as the environment is a function of them. Observations that
/// are not finite end the episode with a fault.
pub struct FromGymnasium<G, A> {
    inner: G,
    spec: EnvSpec,
    seed: u64,
    /// `[steps, act]`, clamped.
    actions: Vec<f32>,
    sound_obs: Vec<f32>,
    action_type: PhantomData<A>,
}

impl<G, A: GymnasiumAction> FromGymnasium<G, A>
where
    G: Gymnasium<Array1<f32>, A> + Send + 'static,
{
    /// Wraps an environment. `about` gives what the other crate does not know (id, task, time step and
    /// horizon); its spaces are replaced by those of the environment.
    ///
    /// # Errors
    /// When the observations are no box, or the bounds of a space contradict each other.
    pub fn new(inner: G, about: EnvSpec) -> Result<Self, EnvError> {
        let wrong = |reason: &str| EnvError::BadSpec { id: about.id.clone(), reason: reason.into() };
        let Space::Box { low, high } = inner.observation_space() else {
            return Err(wrong("the observation space of the gymnasium-rs environment is no box"));
        };
        let observation = BoxSpace { low: low.to_vec(), high: high.to_vec() };
        let action = match inner.action_space() {
            Space::Discrete(choices) => BoxSpace::uniform(1, 0.0, (choices - 1) as f32),
            Space::Box { low, high } => BoxSpace { low: low.to_vec(), high: high.to_vec() },
        };
        for space in [&observation, &action] {
            let ordered = space.low.iter().zip(&space.high).all(|(low, high)| low <= high);
            if space.low.len() != space.high.len() || !ordered {
                return Err(wrong(
                    "a space of the gymnasium-rs environment has a low bound above its high bound",
                ));
            }
        }
        let actions = Vec::with_capacity(about.horizon * action.size());
        let sound_obs = vec![0.0; observation.size()];
        let spec = EnvSpec { observation, action, factors: Vec::new(), goal: None, ..about };
        Ok(Self { inner, spec, seed: 0, actions, sound_obs, action_type: PhantomData })
    }

    /// Starts the episode over.
    fn begin(&mut self) {
        // The other crate has seeds of 31 bits.
        let seed = (self.seed >> 33) as i32;
        let (obs, _) = self.inner.reset(Some(seed), HashMap::new());
        self.sound_obs.copy_from_slice(&obs.to_vec());
    }

    fn advance(&mut self, action: &[f32]) -> Transition {
        let (obs, reward, terminated, truncated, _) = self.inner.step(A::from_numbers(action));
        if obs.iter().all(|x| x.is_finite()) && reward.is_finite() {
            self.sound_obs.copy_from_slice(&obs.to_vec());
            return Transition { reward, terminated, truncated, fault: false };
        }
        Transition { terminated: true, fault: true, ..Transition::default() }
    }
}

impl<G, A: GymnasiumAction> Env for FromGymnasium<G, A>
where
    G: Gymnasium<Array1<f32>, A> + Send + 'static,
{
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.seed = seed;
        self.actions.clear();
        self.begin();
        obs.copy_from_slice(&self.sound_obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let BoxSpace { low, high } = &self.spec.action;
        assert_eq!(action.len(), low.len(), "components of an action");
        let clamped = action.iter().zip(low.iter().zip(high)).map(|(action, (low, high))| {
            if action.is_nan() { 0f32.clamp(*low, *high) } else { action.clamp(*low, *high) }
        });
        let start = self.actions.len();
        self.actions.extend(clamped);
        let action = self.actions[start..].to_vec();
        let transition = self.advance(&action);
        obs.copy_from_slice(&self.sound_obs);
        transition
    }

    fn factors(&self, _: &mut [f32]) {}

    fn caption(&self) -> String {
        let numbers = self.sound_obs.iter().map(|x| format!("{x:.2}")).collect::<Vec<_>>();
        format!("the observation is {}", numbers.join(", "))
    }
}

impl<G, A: GymnasiumAction> Checkpoint for FromGymnasium<G, A>
where
    G: Gymnasium<Array1<f32>, A> + Send + 'static,
{
    fn save(&self, out: &mut Writer) {
        out.value("seed", &self.seed);
        out.value("actions", &self.actions);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.seed = from.value("seed")?;
        self.actions = from.value("actions")?;
        let width = self.spec.action.size();
        if self.actions.len() % width != 0 {
            return Err(from.wrong("actions", &format!("are no multiple of {width} numbers")));
        }
        self.begin();
        for action in self.actions.clone().chunks_exact(width) {
            self.advance(action);
        }
        Ok(())
    }
}
