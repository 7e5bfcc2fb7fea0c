//! Robots before a camera, with what is true of them in words.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_envs::{
    Env, View,
    captions::{self, Captioner, Fact, Paint},
    experts::Expert,
    registry,
};
use telos_sim::{
    Scene,
    render::{Image, RenderOptions, Renderer},
};

use super::caption::{COLOURS, Scenery};
use crate::{TelosError, video};

/// Turn to either side, in degrees, factor of the distance and rise in metres, of cameras that differ
/// from the task's.
const JITTER: [f32; 3] = [20.0, 0.2, 0.15];
/// Pictures of one episode at most, and steps from one to the next.
const EPISODE: usize = 8;
const STRIDE: usize = 5;
/// Steps of an expert before an episode's first picture.
const ADVANCE: usize = 60;

/// Why a stage has a simulation.
const SIMULATED: &str = "a stage has a captioner, which was made for the robot of a simulation";

/// One robot, in states of three kinds: scattered by its captioner, reached by random actions, and
/// reached by its task's expert, where there is one.
pub(super) struct Stage {
    env: Box<dyn Env>,
    captioner: Box<dyn Captioner>,
    expert: Option<Box<dyn Expert>>,
    renderer: Renderer,
    image: Image,
    obs: Vec<f32>,
    action: Vec<f32>,
    /// Pictures left of this episode.
    left: usize,
    /// Whether its states are scattered, not reached.
    scattered: bool,
    /// Whether cameras and colours vary.
    varied: bool,
}

impl Stage {
    /// The task of this id before a camera that takes pictures of `side` pixels. With `varied`, half of
    /// the pictures are taken from elsewhere than the task's camera and half of them in other colours.
    pub(super) fn new(id: &str, side: usize, varied: bool) -> Result<Self, TelosError> {
        let mut env = registry::make(id)?;
        let captioner = env.privileges().and_then(|sim| captions::of(id, sim.world().model()));
        let captioner = captioner.ok_or_else(|| {
            TelosError::Usage(format!("`{id}` has no captions of what pictures show; choose another task"))
        })?;
        Ok(Self {
            captioner,
            expert: registry::expert(id),
            renderer: Renderer::new(side, side, RenderOptions::default())?,
            image: Image::new(),
            obs: vec![0.0; env.spec().observation.size()],
            action: vec![0.0; env.spec().action.size()],
            env,
            left: 0,
            scattered: false,
            varied,
        })
    }

    pub(super) fn nouns(&self) -> &'static [Fact] {
        self.captioner.nouns()
    }

    /// Goes on to the next state.
    pub(super) fn advance(&mut self, rng: &mut Xoshiro256PlusPlus) -> Result<(), TelosError> {
        if self.left == 0 {
            self.env.reset(rng.random(), &mut self.obs);
            self.left = rng.random_range(1..=EPISODE);
            self.scattered = rng.random_range(0..5) < 3;
            if self.expert.is_some() {
                self.play(rng.random_range(0..ADVANCE), rng);
            }
        }
        self.left -= 1;
        if self.scattered {
            let sim = self.env.privileges().expect(SIMULATED);
            self.captioner.scatter(sim.world_mut(), rng);
        } else {
            self.play(rng.random_range(1..=STRIDE), rng);
        }
        Ok(())
    }

    fn play(&mut self, steps: usize, rng: &mut Xoshiro256PlusPlus) {
        let guided = rng.random_range(0..4) > 0;
        for _ in 0..steps {
            match &self.expert {
                Some(expert) if guided => expert.act(&self.obs, &mut self.action),
                _ => self.action.iter_mut().for_each(|action| *action = rng.random_range(-1.0..=1.0)),
            }
            self.env.step(&self.action, &mut self.obs);
        }
    }

    /// What is true of the state.
    pub(super) fn scenery(&mut self, rng: &mut Xoshiro256PlusPlus) -> Result<Scenery, TelosError> {
        let painted = self.varied && self.captioner.paint() != Paint::Nothing && rng.random_range(0..2) == 0;
        let colour = painted.then(|| rng.random_range(0..COLOURS.len()));
        let sim = self.env.privileges().expect(SIMULATED);
        let facts = self.captioner.facts(sim.world());
        let object = matches!(self.captioner.paint(), Paint::Object(_));
        Ok(Scenery { nouns: self.captioner.nouns(), facts, colour, object })
    }

    /// Whether the task is solved, where it has such a notion.
    pub(super) fn success(&self) -> Option<bool> {
        self.env.success()
    }

    /// Appends a picture of the state, in the colour of `scenery`, to `rgb`.
    pub(super) fn photograph(
        &mut self,
        scenery: &Scenery,
        rng: &mut Xoshiro256PlusPlus,
        rgb: &mut Vec<u8>,
    ) -> Result<(), TelosError> {
        let mut scene = self.env.scene().ok_or_else(|| self.invisible())?;
        if let Some(colour) = scenery.colour {
            self.paint(&mut scene, COLOURS[colour].1);
        }
        if self.varied && rng.random_range(0..2) == 0 {
            let [turn, distance, rise] = JITTER.map(|most| rng.random_range(-most..most));
            View { turn, distance: 1.0 + distance, rise }.apply(&mut scene.camera);
        }
        self.renderer.render(&scene, &mut self.image);
        rgb.extend_from_slice(self.image.rgb());
        Ok(())
    }

    fn paint(&self, scene: &mut Scene, [r, g, b]: [f32; 3]) {
        let paint = self.captioner.paint();
        let painted = |body: &str| match paint {
            Paint::Robot(except) => body != "world" && !except.contains(&body),
            Paint::Object(object) => body == object,
            Paint::Nothing => false,
        };
        for geom in scene.geoms.iter_mut().filter(|geom| painted(&geom.body)) {
            geom.rgba = [r, g, b, geom.rgba[3]];
        }
    }

    fn invisible(&self) -> TelosError {
        video::invisible(self.env.as_ref())
    }
}
