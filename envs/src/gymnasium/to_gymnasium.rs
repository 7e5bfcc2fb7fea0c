//! An environment of telos for programs that are written against `gymnasium-rs`.

use std::collections::HashMap;

use gymnasium_rs::core::{Env as Gymnasium, Info, Options, Reward, Space};
use ndarray::{Array1, Array3};

use crate::{BoxSpace, Env, episode_seed};

/// Any [`Env`] as an environment of `gymnasium-rs`.
///
/// A reset with a seed starts a sequence of episodes, and each reset without one goes on to the next;
/// before the first seed, the sequence is that of seed 0. `info` holds `success`, where the task has
/// such a notion, and `fault`. There is no `render`; see [`Env::scene`].
pub struct ToGymnasium<E> {
    inner: E,
    obs: Vec<f32>,
    seed: u64,
    episode: u64,
}

impl<E: Env> ToGymnasium<E> {
    /// Wraps an environment, with its time limit if it should have one.
    pub fn new(inner: E) -> Self {
        let obs = vec![0.0; inner.spec().observation.size()];
        Self { inner, obs, seed: 0, episode: 0 }
    }

    fn observation(&self) -> Array1<f32> {
        Array1::from(self.obs.clone())
    }

    fn info(&self, fault: bool) -> Info {
        let success = self.inner.success().map(|success| ("success".to_owned(), success.into()));
        success.into_iter().chain([("fault".to_owned(), fault.into())]).collect()
    }
}

fn space(space: &BoxSpace) -> Space {
    Space::Box { low: Array1::from(space.low.clone()), high: Array1::from(space.high.clone()) }
}

impl<E: Env> Gymnasium<Array1<f32>, Array1<f32>> for ToGymnasium<E> {
    fn observation_space(&self) -> Space {
        space(&self.inner.spec().observation)
    }

    fn action_space(&self) -> Space {
        space(&self.inner.spec().action)
    }

    fn reset(&mut self, seed: Option<i32>, _: Options) -> (Array1<f32>, Info) {
        if let Some(seed) = seed {
            (self.seed, self.episode) = (u64::from(seed.cast_unsigned()), 0);
        }
        self.inner.reset(episode_seed(self.seed, 0, self.episode), &mut self.obs);
        self.episode += 1;
        (self.observation(), self.info(false))
    }

    /// # Panics
    /// When the action has another length than the action space: the trait has no errors.
    fn step(&mut self, action: Array1<f32>) -> (Array1<f32>, Reward, bool, bool, Info) {
        let transition = self.inner.step(&action.to_vec(), &mut self.obs);
        let info = self.info(transition.fault);
        (self.observation(), transition.reward, transition.terminated, transition.truncated, info)
    }

    fn render(&self) -> Option<Array3<u8>> {
        None
    }

    fn close(&mut self) {}

    fn reset_default(&mut self) -> (Array1<f32>, Info) {
        self.reset(None, HashMap::new())
    }
}
