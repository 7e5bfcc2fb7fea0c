//! Pictures and videos of environments, encoded without an external program.

mod demux;
mod gif;
mod mp4;
mod reel;
mod replay;
mod still;

use std::path::{Path, PathBuf};

use telos_checkpoint::atomic_write;
use telos_envs::Env;
use telos_sim::{
    Scene,
    render::{Image, RenderOptions, Renderer},
};

use self::{gif::Gif, mp4::Mp4};
use crate::TelosError;

pub use reel::open_reel;
pub use replay::{REPLAY_SIZE, film_episode};
pub(crate) use still::encode_rgb;
pub use still::{encode_png, picture};

/// How pictures for people are drawn: with smooth edges.
pub(crate) const SMOOTH: RenderOptions = RenderOptions { shadows: true, supersampling: 3 };
/// Pixels of an MP4.
const MP4_SIZE: (usize, usize) = (480, 360);
/// Pixels of a GIF, which compresses worse.
const GIF_SIZE: (usize, usize) = (320, 240);
/// Pixels, pictures per second and seconds of a preview, so that several fit into one page.
const PREVIEW_WIDTH: usize = 200;
const PREVIEW_HEIGHT: usize = 150;
const PREVIEW_RATE: f32 = 10.0;
const PREVIEW_SECONDS: f32 = 8.0;

/// A format that takes pictures one by one, all of one size.
trait Encoder {
    /// Appends a picture.
    fn push(&mut self, image: &Image) -> Result<(), String>;

    /// Ends the video and returns the file's bytes.
    fn finish(self: Box<Self>) -> Result<Vec<u8>, String>;
}

/// Films an environment, in real time.
pub struct Recorder {
    path: PathBuf,
    encoder: Box<dyn Encoder>,
    renderer: Renderer,
    image: Image,
    /// Environment steps per frame.
    stride: usize,
    /// Environment steps that are filmed.
    most_steps: usize,
    steps: usize,
}

impl Recorder {
    /// A video that [`finish`](Self::finish) writes to `path`, of an environment whose steps take `dt`
    /// seconds. The extension says the format: `mp4` (H.264, at most 50 frames per second) or `gif` (at
    /// most 25).
    ///
    /// # Errors
    /// When the extension is another one, or the directory does not exist.
    pub fn create(path: &Path, dt: f32) -> Result<Self, TelosError> {
        check_directory(path)?;
        let every = |rate: f32| ((1.0 / rate / dt).ceil() as usize).max(1);
        let format = extension(path);
        let (size, stride) = match format.as_str() {
            "mp4" => (MP4_SIZE, every(50.0)),
            "gif" => (GIF_SIZE, every(25.0)),
            _ => {
                let reason = "a video is an .mp4 or a .gif file; name one of these";
                return Err(TelosError::Usage(format!("{}: {reason}", path.display())));
            }
        };
        let interval = dt * stride as f32;
        let encoder: Result<Box<dyn Encoder>, String> = if format == "mp4" {
            Mp4::new(size.0, size.1, interval).map(|mp4| Box::new(mp4) as _)
        } else {
            Gif::new(size.0, size.1, interval).map(|gif| Box::new(gif) as _)
        };
        Ok(Self {
            path: path.to_owned(),
            encoder: encoder.map_err(|reason| encoding(path, reason))?,
            renderer: Renderer::new(size.0, size.1, SMOOTH)?,
            image: Image::new(),
            stride,
            most_steps: usize::MAX,
            steps: 0,
        })
    }

    /// A small GIF of the first seconds, for [`into_bytes`](Self::into_bytes).
    ///
    /// # Errors
    /// When the system refuses a renderer.
    pub(crate) fn preview(dt: f32) -> Result<Self, TelosError> {
        let path = PathBuf::from("preview.gif");
        let stride = ((1.0 / PREVIEW_RATE / dt).round() as usize).max(1);
        let gif = Gif::new(PREVIEW_WIDTH, PREVIEW_HEIGHT, dt * stride as f32);
        Ok(Self {
            encoder: Box::new(gif.map_err(|reason| encoding(&path, reason))?),
            path,
            renderer: Renderer::new(PREVIEW_WIDTH, PREVIEW_HEIGHT, SMOOTH)?,
            image: Image::new(),
            stride,
            most_steps: (PREVIEW_SECONDS / dt) as usize,
            steps: 0,
        })
    }

    /// Films the present state; call it after the reset and after every step.
    ///
    /// # Errors
    /// When the environment has nothing to be drawn.
    pub fn record(&mut self, env: &dyn Env) -> Result<(), TelosError> {
        if self.is_due() {
            self.push(&env.scene().ok_or_else(|| invisible(env))?)?;
        }
        self.steps += 1;
        Ok(())
    }

    /// As [`record`](Self::record), of a scene that was put together elsewhere.
    ///
    /// # Errors
    /// When the picture cannot be encoded.
    pub fn record_scene(&mut self, scene: &Scene) -> Result<(), TelosError> {
        if self.is_due() {
            self.push(scene)?;
        }
        self.steps += 1;
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.steps < self.most_steps && self.steps.is_multiple_of(self.stride)
    }

    fn push(&mut self, scene: &Scene) -> Result<(), TelosError> {
        self.renderer.render(scene, &mut self.image);
        self.encoder.push(&self.image).map_err(|reason| encoding(&self.path, reason))
    }

    /// The bytes of the file, in place of writing it.
    ///
    /// # Errors
    /// When the pictures cannot be encoded.
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, TelosError> {
        self.encoder.finish().map_err(|reason| encoding(&self.path, reason))
    }

    /// Writes the file, which appears whole or not at all.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn finish(self) -> Result<(), TelosError> {
        let path = self.path.clone();
        Ok(atomic_write(&path, &self.into_bytes()?)?)
    }
}

/// The extension of a file in lower case, without the dot.
pub(crate) fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Refuses, before any work, a file whose directory does not exist.
pub(crate) fn check_directory(path: &Path) -> Result<(), TelosError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match directory {
        Some(directory) if !directory.is_dir() => {
            Err(TelosError::Usage(format!("{}: its directory does not exist; create it", path.display())))
        }
        _ => Ok(()),
    }
}

pub(crate) fn invisible(env: &dyn Env) -> TelosError {
    let id = &env.spec().id;
    TelosError::Usage(format!("`{id}` has no bodies to be drawn; choose a task with a robot (telos envs)"))
}

fn encoding(path: &Path, reason: String) -> TelosError {
    TelosError::Encoding { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture for each of three steps of the pendulum, as a video of this name.
    fn film(name: &str) -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join(name);
        let mut env = telos_envs::registry::make("pendulum-swingup").unwrap();
        let mut obs = vec![0.0; env.spec().observation.size()];
        env.reset(3, &mut obs);
        let mut recorder = Recorder::create(&path, 0.04).unwrap();
        for _ in 0..3 {
            recorder.record(env.as_ref()).unwrap();
            env.step(&[1.0], &mut obs);
        }
        assert!(!path.exists(), "the file appears when it is whole");
        recorder.finish().unwrap();
        (scratch, path)
    }

    /// The first picture of that film.
    fn first_picture((width, height): (usize, usize)) -> Image {
        let mut env = telos_envs::registry::make("pendulum-swingup").unwrap();
        env.reset(3, &mut vec![0.0; env.spec().observation.size()]);
        let mut image = Image::new();
        Renderer::new(width, height, SMOOTH).unwrap().render(&env.scene().unwrap(), &mut image);
        image
    }

    /// Asserts that two pictures differ by a few levels on average.
    fn assert_alike(decoded: &[u8], image: &Image) {
        assert_eq!(decoded.len(), image.rgb().len());
        let sum: u32 = decoded.iter().zip(image.rgb()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        let mean = f64::from(sum) / decoded.len() as f64;
        assert!(mean < 4.0, "mean difference {mean}");
    }

    #[test]
    fn a_gif_decodes_to_what_was_filmed() {
        let (_scratch, path) = film("a.gif");
        let mut options = ::gif::DecodeOptions::new();
        options.set_color_output(::gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(std::fs::File::open(&path).unwrap()).unwrap();
        let (width, height) = GIF_SIZE;
        assert_eq!((decoder.width(), decoder.height()), (width as u16, height as u16));
        let frame = decoder.read_next_frame().unwrap().unwrap();
        assert_eq!(frame.delay, 4);
        let rgb: Vec<u8> =
            frame.buffer.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        assert_alike(&rgb, &first_picture(GIF_SIZE));
        let mut rest = 0;
        while decoder.read_next_frame().unwrap().is_some() {
            rest += 1;
        }
        assert_eq!(rest, 2);
    }

    #[test]
    fn an_mp4_decodes_to_what_was_filmed() {
        use openh264::formats::YUVSource;

        let (_scratch, path) = film("a.mp4");
        let file = std::fs::read(&path).unwrap();
        let mut reader =
            ::mp4::Mp4Reader::read_header(std::io::Cursor::new(&file), file.len() as u64).unwrap();
        let track = &reader.tracks()[&1];
        let (width, height) = MP4_SIZE;
        assert_eq!((track.width(), track.height()), (width as u16, height as u16));
        assert_eq!((track.sample_count(), track.frame_rate().round()), (3, 25.0));
        assert_eq!(track.duration().as_millis(), 120);
        // The decoder reads start codes where the file has lengths, and parameters before pictures.
        let mut stream = Vec::new();
        for unit in [track.sequence_parameter_set().unwrap(), track.picture_parameter_set().unwrap()] {
            stream.extend([0, 0, 0, 1]);
            stream.extend(unit);
        }
        let sample = reader.read_sample(1, 1).unwrap().unwrap();
        assert!(sample.is_sync);
        let mut rest = &sample.bytes[..];
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (unit, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            stream.extend([0, 0, 0, 1]);
            stream.extend(unit);
            rest = after;
        }
        let mut decoder = openh264::decoder::Decoder::new().unwrap();
        let decoded = decoder.decode(&stream).unwrap().unwrap();
        let mut rgb = vec![0; decoded.rgb8_len()];
        decoded.write_rgb8(&mut rgb);
        assert_alike(&rgb, &first_picture(MP4_SIZE));
    }

    #[test]
    fn wrong_names_are_refused_before_any_work() {
        let error = Recorder::create(Path::new("a.avi"), 0.02).err().unwrap().to_string();
        assert!(error.contains("a.avi") && error.contains(".mp4"), "{error}");
        let error = Recorder::create(Path::new("no/such/a.gif"), 0.02).err().unwrap().to_string();
        assert!(error.contains("does not exist"), "{error}");
        let env = telos_envs::registry::make("pendulum-classic").unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(&scratch.path().join("a.gif"), 0.05).unwrap();
        let error = recorder.record(env.as_ref()).unwrap_err().to_string();
        assert!(error.contains("pendulum-classic"), "{error}");
    }
}
