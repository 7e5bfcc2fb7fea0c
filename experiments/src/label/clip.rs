//! A segment as pictures: its episode is lived through again and drawn, all frames in one PNG.

use serde::Serialize;
use telos_envs::{Env, Origin, Segment};
use telos_sim::render::{Image, RenderOptions, Renderer};

use crate::{TelosError, video};

/// Pixels of a frame.
const WIDTH: usize = 400;
const HEIGHT: usize = 300;
/// Smooth enough, and drawn in half the time of what is written to files: somebody may be waiting.
const OPTIONS: RenderOptions = RenderOptions { shadows: true, supersampling: 2 };
/// Frames per second, at most.
const RATE: f32 = 25.0;
/// Frames of a clip, at most: a picture of more would strain a phone.
const MOST_FRAMES: usize = 64;

/// How the frames of a clip lie in its picture, row by row from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Layout {
    pub(super) frames: usize,
    pub(super) columns: usize,
    /// Pixels of one frame.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Simulated time from one frame to the next.
    pub(super) seconds_per_frame: f32,
    #[serde(skip)]
    stride: usize,
}

impl Layout {
    /// The layout of a segment of `steps` transitions that take `dt` seconds each.
    pub(super) fn of(steps: usize, dt: f32) -> Self {
        let smooth = (1.0 / RATE / dt).round() as usize;
        let stride = smooth.max(steps.div_ceil(MOST_FRAMES - 1)).max(1);
        let frames = steps / stride + 1;
        let columns = (frames as f32).sqrt().ceil() as usize;
        Self { frames, columns, width: WIDTH, height: HEIGHT, seconds_per_frame: dt * stride as f32, stride }
    }
}

/// Draws segments of one environment.
pub(super) struct ClipArtist {
    env: Box<dyn Env>,
    /// Seed of the run.
    seed: u64,
    renderer: Renderer,
    frame: Image,
}

impl ClipArtist {
    /// # Errors
    /// When the environment has nothing to be drawn.
    pub(super) fn new(mut env: Box<dyn Env>, seed: u64) -> Result<Self, TelosError> {
        let mut obs = vec![0.0; env.spec().observation.size()];
        env.reset(seed, &mut obs);
        if env.scene().is_none() {
            return Err(video::invisible(env.as_ref()));
        }
        let renderer = Renderer::new(WIDTH, HEIGHT, OPTIONS)?;
        Ok(Self { env, seed, renderer, frame: Image::new() })
    }

    /// The clip as a PNG file. It shows what happened or nothing: every state that is drawn has, bit for
    /// bit, the observation that the segment recorded.
    ///
    /// # Errors
    /// When the episode takes another course than was recorded, or cannot be drawn.
    pub(super) fn draw(&mut self, segment: &Segment, origin: &Origin) -> Result<Vec<u8>, String> {
        let Self { env, seed, renderer, frame } = self;
        let steps = segment.len;
        let layout = Layout::of(steps, env.spec().dt);
        let (row, rows) = (layout.columns * WIDTH * 3, layout.frames.div_ceil(layout.columns) * HEIGHT);
        let mut sheet = vec![0_u8; row * rows];
        origin.relive_segment(env.as_mut(), *seed, segment, |state, env| {
            if !state.is_multiple_of(layout.stride) {
                return Ok(());
            }
            renderer.render(&env.scene().ok_or("the environment shows nothing")?, frame);
            let place = state / layout.stride;
            let corner = (place / layout.columns) * HEIGHT * row + (place % layout.columns) * WIDTH * 3;
            for (y, pixels) in frame.rgb().chunks_exact(WIDTH * 3).enumerate() {
                sheet[corner + y * row..][..WIDTH * 3].copy_from_slice(pixels);
            }
            Ok(())
        })?;
        let width = layout.columns * WIDTH;
        video::encode_rgb(&sheet, width, rows, png::Compression::Fast).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use telos_envs::{TrajectoryStore, VecEnv, registry};

    use super::*;

    #[test]
    fn clips_are_in_real_time_and_bounded() {
        let layout = Layout::of(50, 0.04);
        assert_eq!((layout.frames, layout.columns, layout.seconds_per_frame), (51, 8, 0.04));
        let layout = Layout::of(50, 0.01);
        assert_eq!((layout.frames, layout.stride), (13, 4));
        let layout = Layout::of(1000, 0.05);
        assert!(layout.frames <= MOST_FRAMES && layout.frames > 60, "{layout:?}");
        assert_eq!(Layout::of(1, 0.05).frames, 2);
    }

    /// A segment in the middle of the second episode of the second of two environments.
    fn recorded() -> (Segment, Origin) {
        let mut envs = VecEnv::new(2, 1, 7, |_| registry::make("pendulum-swingup")).unwrap();
        let horizon = envs.spec().horizon;
        let mut store = TrajectoryStore::new(envs.spec(), 2, 4).unwrap();
        envs.reset();
        for step in 0..horizon + 30 {
            let obs = envs.batch().obs.clone();
            let actions = [(step as f32 * 0.3).sin(), (step as f32 * 0.7).cos()];
            store.push(&obs, &actions, envs.step(&actions));
        }
        let mut rng = <rand_xoshiro::Xoshiro256PlusPlus as rand::SeedableRng>::seed_from_u64(0);
        let drawn = std::iter::repeat_with(|| store.sample_segment(&mut rng, 20).unwrap());
        let wanted = |origin: &Origin| (origin.env, origin.episode) == (1, 1) && origin.start > 2;
        let (segment, origin) = drawn
            .map(|drawn| (store.segment(drawn).unwrap(), store.origin(drawn).unwrap()))
            .find(|(_, origin)| wanted(origin))
            .unwrap();
        (segment, origin)
    }

    #[test]
    fn a_clip_shows_what_was_recorded_or_nothing() {
        let (segment, origin) = recorded();
        let artist = || ClipArtist::new(registry::make("pendulum-swingup").unwrap(), 7).unwrap();
        let png = artist().draw(&segment, &origin).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "no PNG");
        // Drawing another clip in between changes nothing.
        let mut busy = artist();
        busy.draw(&segment, &Origin { episode: 0, ..origin.clone() }).unwrap_err();
        assert!(busy.draw(&segment, &origin).unwrap() == png);

        let mut other = segment.clone();
        other.obs[7] += 1e-6;
        let error = artist().draw(&other, &origin).unwrap_err();
        assert!(error.contains("otherwise"), "{error}");
        let error = artist().draw(&segment, &Origin { start: 1, ..origin }).unwrap_err();
        assert!(error.contains("contradicts"), "{error}");
        assert!(ClipArtist::new(registry::make("pendulum-classic").unwrap(), 7).is_err());
    }
}
