//! Pictures beside observations.

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_sim::{
    Camera,
    render::{Image, RenderOptions, Renderer},
};

use crate::{Env, EnvError, EnvSpec, Transition};

/// A change of the view that shows a task, about the point that its camera looks at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct View {
    /// Turn to the left about the vertical, degrees. Default 0.
    pub turn: f32,
    /// Factor of the distance. Default 1.
    pub distance: f32,
    /// Rise of the camera, metres. Default 0.
    pub rise: f32,
}

impl Default for View {
    fn default() -> Self {
        Self { turn: 0.0, distance: 1.0, rise: 0.0 }
    }
}

impl View {
    /// # Errors
    /// When a number is not finite or the distance is not positive; the error names the key.
    pub fn validate(&self) -> Result<(), EnvError> {
        let Self { turn, distance, rise } = *self;
        let wrong = |key, value: f32, reason: &str| {
            Err(EnvError::Config { key, value: value.to_string(), reason: reason.into() })
        };
        if !turn.is_finite() {
            return wrong("turn", turn, "it must be a number of degrees");
        }
        if !(distance > 0.0 && distance.is_finite()) {
            return wrong("distance", distance, "it must be a positive factor");
        }
        if !rise.is_finite() {
            return wrong("rise", rise, "it must be a number of metres");
        }
        Ok(())
    }

    /// Moves a camera.
    pub fn apply(&self, camera: &mut Camera) {
        let [tx, ty, tz] = camera.target;
        let [x, y, z] = [camera.eye[0] - tx, camera.eye[1] - ty, camera.eye[2] - tz];
        let (sin, cos) = self.turn.to_radians().sin_cos();
        let turned = [cos * x - sin * y, sin * x + cos * y, z].map(|offset| self.distance * offset);
        camera.eye = [tx + turned[0], ty + turned[1], tz + turned[2] + self.rise];
    }
}

/// Takes a picture of the first state that an episode's actions lead to, of every `every`-th after it
/// and of the last one, before any reset: [`VecEnv`](crate::VecEnv) resets within the step that ends an
/// episode, and the picture stays until the next is taken. Observations are untouched.
pub struct Photographed<E> {
    inner: E,
    view: View,
    every: usize,
    renderer: Renderer,
    image: Image,
    /// Steps of the episode.
    steps: usize,
    /// Whether the last step took a picture.
    fresh: bool,
}

impl<E: Env> Photographed<E> {
    /// Square pictures of `side` pixels, with shadows.
    ///
    /// # Errors
    /// When the environment has no bodies to be drawn, or a setting is impossible.
    pub fn new(inner: E, side: usize, view: View, every: usize) -> Result<Self, EnvError> {
        view.validate()?;
        if every == 0 {
            let reason = "it must be at least 1".into();
            return Err(EnvError::Config { key: "every", value: every.to_string(), reason });
        }
        if inner.scene().is_none() {
            let reason = "has no bodies to be drawn; choose a task with a robot".into();
            return Err(EnvError::BadSpec { id: inner.spec().id.clone(), reason });
        }
        let renderer = Renderer::new(side, side, RenderOptions::default())?;
        Ok(Self { inner, view, every, renderer, image: Image::new(), steps: 0, fresh: false })
    }

    /// The picture of the last step, `[side, side, 3]`; `None` if that step took none.
    pub fn picture(&self) -> Option<&[u8]> {
        self.fresh.then(|| self.image.rgb())
    }
}

impl<E: Env> Env for Photographed<E> {
    fn spec(&self) -> &EnvSpec {
        self.inner.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.steps = 0;
        self.inner.reset(seed, obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let transition = self.inner.step(action, obs);
        let done = transition.terminated || transition.truncated;
        self.fresh = self.steps.is_multiple_of(self.every) || done;
        self.steps += 1;
        if self.fresh
            && let Some(mut scene) = self.inner.scene()
        {
            self.view.apply(&mut scene.camera);
            self.renderer.render(&scene, &mut self.image);
        }
        transition
    }

    fn factors(&self, out: &mut [f32]) {
        self.inner.factors(out);
    }

    pass_on!(inner);
    pass_on_hidden!(inner);

    fn goal_reward(&self, achieved: &[f32], desired: &[f32]) -> Option<f32> {
        self.inner.goal_reward(achieved, desired)
    }
}

impl<E: Env> Checkpoint for Photographed<E> {
    fn save(&self, out: &mut Writer) {
        out.value("steps", &self.steps);
        out.part("inner", &self.inner);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        self.steps = from.value("steps")?;
        self.fresh = false;
        from.part("inner", &mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use super::*;
    use crate::{VecEnv, registry};

    fn pendulum(every: usize) -> Photographed<Box<dyn Env>> {
        Photographed::new(registry::make("pendulum-swingup").unwrap(), 16, View::default(), every).unwrap()
    }

    #[test]
    fn the_last_picture_is_that_of_the_state_before_the_reset() {
        let mut envs = VecEnv::new(1, 1, 5, |_| Ok(Box::new(pendulum(3)) as Box<dyn Env>)).unwrap();
        envs.reset();
        let mut alone = registry::make("pendulum-swingup").unwrap();
        let mut obs = [0.0; 3];
        alone.reset(crate::episode_seed(5, 0, 0), &mut obs);
        let mut renderer = Renderer::new(16, 16, RenderOptions::default()).unwrap();
        let mut image = Image::new();
        for step in 0..400 {
            let done = envs.step(&[0.3]).done(0);
            alone.step(&[0.3], &mut obs);
            assert_eq!(done, step == 399);
            let env: &dyn Any = envs.env(0);
            let shown = env.downcast_ref::<Photographed<Box<dyn Env>>>().unwrap();
            assert_eq!(shown.picture().is_some(), step % 3 == 0 || done, "{step}");
            if let Some(picture) = shown.picture() {
                renderer.render(&alone.scene().unwrap(), &mut image);
                assert_eq!(picture, image.rgb(), "{step}");
            }
        }
    }

    #[test]
    fn views_turn_about_the_target_and_impossible_ones_are_refused() {
        let mut camera = Camera { eye: [1.0, 0.0, 1.0], target: [0.0, 0.0, 1.0], fovy: 45.0 };
        View { turn: 90.0, distance: 2.0, rise: 0.5 }.apply(&mut camera);
        let expected = [0.0, 2.0, 1.5];
        assert!(camera.eye.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{:?}", camera.eye);
        let far = View { distance: 0.0, ..View::default() };
        let inner = registry::make("pendulum-swingup").unwrap();
        let error = Photographed::new(inner, 16, far, 1).err().unwrap().to_string();
        assert!(error.contains("distance"), "{error}");
        let inner = registry::make("pendulum-classic").unwrap();
        let error = Photographed::new(inner, 16, View::default(), 1).err().unwrap().to_string();
        assert!(error.contains("pendulum-classic"), "{error}");
    }
}
