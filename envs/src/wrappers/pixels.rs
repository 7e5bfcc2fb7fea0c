//! Pictures in place of observations.

use serde::{Deserialize, Serialize};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer};
use telos_sim::render::{Image, RenderOptions, Renderer};

use super::View;
use crate::{BoxSpace, Env, EnvError, EnvSpec, Transition, dataset::PICTURE_SIDES};

/// What a policy sees that sees pictures only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PixelsConfig {
    /// Pixels along each side, from 8 to 256. Default 64; Mnih et al. (2015, Nature 518) and DrQ
    /// (Kostrikov et al. 2020, arXiv 2004.13649) have 84.
    pub size: usize,
    /// Latest pictures that are seen together, which tell velocities, from 1 to 16. Default 3 (DrQ).
    pub stack: usize,
    /// Change of the task's own camera. Default none.
    pub view: View,
    /// Whether the sun casts shadows. Default false, which is faster.
    pub shadows: bool,
}

impl Default for PixelsConfig {
    fn default() -> Self {
        Self { size: 64, stack: 3, view: View::default(), shadows: false }
    }
}

impl PixelsConfig {
    /// # Errors
    /// When a number is out of range; the error names the key.
    pub fn validate(&self) -> Result<(), EnvError> {
        for (key, value, range) in [("size", self.size, PICTURE_SIDES), ("stack", self.stack, 1..=16)] {
            if !range.contains(&value) {
                let reason = format!("it must be from {} to {}", range.start(), range.end());
                return Err(EnvError::Config { key, value: value.to_string(), reason });
            }
        }
        self.view.validate()
    }

    /// The layout of an observation.
    pub fn shape(&self) -> StackShape {
        StackShape { frames: self.stack, side: self.size }
    }
}

/// Layout `[frames, side, side, 3]` of a stack of pictures: the oldest first, rows from the top, red, green and
/// blue of each pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackShape {
    /// Pictures.
    pub frames: usize,
    /// Pixels along each side of a picture.
    pub side: usize,
}

impl StackShape {
    /// Numbers of one picture.
    pub fn frame(&self) -> usize {
        self.side * self.side * 3
    }

    /// Numbers of the stack.
    pub fn size(&self) -> usize {
        self.frames * self.frame()
    }
}

/// Shows the latest pictures of an environment in place of its observations: a [`StackShape`] of levels from 0
/// to 255, as whole numbers in the columns that all observations have. The first picture of an episode fills
/// the stack, so no stack shows two episodes. Everything else is passed on, but for goals, which were
/// components of the observation.
///
/// Drawing reuses its memory, but the environment hands out its [scene](Env::scene) in new memory.
pub struct Pixels<E> {
    inner: E,
    spec: EnvSpec,
    shape: StackShape,
    view: View,
    renderer: Renderer,
    image: Image,
    /// Observation of the inner environment, which nobody sees.
    state: Vec<f32>,
    stack: Vec<u8>,
}

impl<E: Env> Pixels<E> {
    /// Wraps an environment.
    ///
    /// # Errors
    /// When the environment has no bodies to be drawn, or a setting is impossible.
    pub fn new(inner: E, config: &PixelsConfig) -> Result<Self, EnvError> {
        config.validate()?;
        if inner.scene().is_none() {
            let reason = "has no bodies to be drawn; choose a task with a robot".into();
            return Err(EnvError::BadSpec { id: inner.spec().id.clone(), reason });
        }
        let shape = config.shape();
        let options = RenderOptions { shadows: config.shadows, ..RenderOptions::default() };
        let observation = BoxSpace::uniform(shape.size(), 0.0, 255.0);
        Ok(Self {
            spec: EnvSpec { observation, goal: None, ..inner.spec().clone() },
            shape,
            view: config.view,
            renderer: Renderer::new(shape.side, shape.side, options)?,
            image: Image::new(),
            state: vec![0.0; inner.spec().observation.size()],
            stack: vec![0; shape.size()],
            inner,
        })
    }

    /// What the wrapped environment observes, which nobody sees.
    pub fn state(&self) -> &[f32] {
        &self.state
    }

    /// The latest picture, `[side, side, 3]`.
    pub fn picture(&self) -> &[u8] {
        self.image.rgb()
    }

    fn draw(&mut self) {
        let mut scene = self.inner.scene().expect("`new` refuses environments without bodies");
        self.view.apply(&mut scene.camera);
        self.renderer.render(&scene, &mut self.image);
    }

    fn show(&self, obs: &mut [f32]) {
        assert_eq!(obs.len(), self.stack.len(), "one number for each level of the stack");
        for (level, byte) in obs.iter_mut().zip(&self.stack) {
            *level = f32::from(*byte);
        }
    }
}

impl<E: Env> Env for Pixels<E> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.inner.reset(seed, &mut self.state);
        self.draw();
        for frame in self.stack.chunks_exact_mut(self.shape.frame()) {
            frame.copy_from_slice(self.image.rgb());
        }
        self.show(obs);
    }

    fn step(&mut self, action: &[f32], obs: &mut [f32]) -> Transition {
        let transition = self.inner.step(action, &mut self.state);
        self.draw();
        let frame = self.shape.frame();
        self.stack.copy_within(frame.., 0);
        let newest = self.stack.len() - frame;
        self.stack[newest..].copy_from_slice(self.image.rgb());
        self.show(obs);
        transition
    }

    fn factors(&self, out: &mut [f32]) {
        self.inner.factors(out);
    }

    pass_on!(inner);
    pass_on_hidden!(inner);
}

impl<E: Env> Checkpoint for Pixels<E> {
    fn save(&self, out: &mut Writer) {
        out.bytes("stack", &self.stack);
        out.part("inner", &self.inner);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let stack = from.bytes("stack")?;
        if stack.len() != self.stack.len() {
            let reason = format!("holds {} levels, expected {}", stack.len(), self.stack.len());
            return Err(from.wrong("stack", &reason));
        }
        self.stack.copy_from_slice(stack);
        from.part("inner", &mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{VecEnv, episode_seed, registry};

    const CONFIG: PixelsConfig = PixelsConfig {
        size: 16,
        stack: 3,
        view: View { turn: 0.0, distance: 1.0, rise: 0.0 },
        shadows: false,
    };

    fn make() -> Result<Box<dyn Env>, EnvError> {
        Ok(Box::new(Pixels::new(registry::make("pendulum-swingup")?, &CONFIG)?))
    }

    /// Pictures of the environment without a wrapper, drawn one by one.
    struct Alone {
        env: Box<dyn Env>,
        renderer: Renderer,
        frames: Vec<Vec<f32>>,
    }

    impl Alone {
        fn take(&mut self) {
            let mut image = Image::new();
            self.renderer.render(&self.env.scene().unwrap(), &mut image);
            self.frames.push(image.rgb().iter().map(|byte| f32::from(*byte)).collect());
        }

        /// The last three, or the first one again where there are fewer.
        fn stack(&self) -> Vec<f32> {
            let newest = self.frames.len() - 1;
            [2, 1, 0].iter().flat_map(|back| self.frames[newest.saturating_sub(*back)].clone()).collect()
        }
    }

    #[test]
    fn a_stack_shows_the_last_pictures_of_one_episode_up_to_the_state_before_the_reset() {
        let mut envs = VecEnv::new(1, 1, 5, |_| make()).unwrap();
        let options = RenderOptions { shadows: false, ..RenderOptions::default() };
        let mut alone = Alone {
            env: registry::make("pendulum-swingup").unwrap(),
            renderer: Renderer::new(16, 16, options).unwrap(),
            frames: Vec::new(),
        };
        let mut state = [0.0; 3];
        envs.reset();
        for episode in 0..2 {
            alone.frames.clear();
            alone.env.reset(episode_seed(5, 0, episode), &mut state);
            alone.take();
            assert_eq!(envs.batch().obs, alone.stack(), "the first picture fills the stack");
            for step in 0..400 {
                let action = [(step as f32 * 0.1).sin()];
                envs.step(&action);
                alone.env.step(&action, &mut state);
                alone.take();
                assert_eq!(envs.batch().final_obs, alone.stack(), "{step}");
                assert_eq!(envs.batch().truncated[0], step == 399);
            }
        }
        let space = &envs.spec().observation;
        assert!(space.contains(&envs.batch().obs));
        assert!(alone.frames[0] != alone.frames[400], "the pendulum moves");
    }

    #[test]
    fn pictures_are_the_same_for_any_number_of_threads_and_after_a_restore() {
        let new = |threads| VecEnv::new(3, threads, 2, |_| make()).unwrap();
        let mut one = new(1);
        one.reset();
        for step in 0..30 {
            one.step(&[0.1 * step as f32, -0.5, 1.0]);
        }
        let mut three = new(3);
        telos_checkpoint::from_bytes(&mut three, &telos_checkpoint::to_bytes(&one)).unwrap();
        for _ in 0..3 {
            assert!(one.step(&[1.0, 0.0, -1.0]) == three.step(&[1.0, 0.0, -1.0]));
        }
        assert!(telos_checkpoint::to_bytes(&one) == telos_checkpoint::to_bytes(&three));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_by_name() {
        let error = |id: &str, config: PixelsConfig| {
            Pixels::new(registry::make(id).unwrap(), &config).err().unwrap().to_string()
        };
        assert!(error("pendulum-classic", CONFIG).contains("pendulum-classic"));
        assert!(error("reacher", PixelsConfig { size: 4, ..CONFIG }).contains("`size` is 4"));
        assert!(error("reacher", PixelsConfig { stack: 0, ..CONFIG }).contains("`stack` is 0"));
    }
}
