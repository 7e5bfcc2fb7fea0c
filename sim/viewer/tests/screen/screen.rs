//! A viewer without a window whose frames a test draws one by one.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard},
};

use bevy::{app::PluginsState, prelude::*, tasks::tick_global_task_pools_on_main_thread};
use clap::Parser;
use telos::sim::render;
use telos_viewer::{
    Options, Viewer,
    stage::{Live, Stage},
    window::{Gesture, Pictures, Quality, Script, offscreen},
};

/// Pixels of the pictures.
pub(crate) const SIZE: (u32, u32) = (480, 320);
/// Seconds from frame to frame.
pub(crate) const FRAME: f32 = 0.04;

/// One viewer at a time: on two cores, two that draw at once are slower than one after the other.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Screen {
    app: App,
    scratch: tempfile::TempDir,
    pictures: u32,
    _turn: MutexGuard<'static, ()>,
}

impl Screen {
    pub(crate) fn open(arguments: &[&str]) -> Self {
        Self::sized(arguments, SIZE)
    }

    /// With pictures of another size.
    pub(crate) fn sized(arguments: &[&str], size: (u32, u32)) -> Self {
        let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().display().to_string();
        let options = Options::parse_from([&["telos-viewer", "--out", &out], arguments].concat());
        let mut app = offscreen(Viewer::open(&options).unwrap(), size, FRAME, Quality::Fine);
        while app.plugins_state() == PluginsState::Adding {
            tick_global_task_pools_on_main_thread();
        }
        app.finish();
        app.cleanup();
        Self { app, scratch, pictures: 0, _turn: turn }
    }

    pub(crate) fn frames(&mut self, count: usize) {
        (0..count).for_each(|_| self.app.update());
    }

    /// Performs gestures, one per frame.
    pub(crate) fn perform(&mut self, gestures: impl IntoIterator<Item = Gesture>) {
        self.app.world_mut().resource_mut::<Script>().extend(gestures);
        while !self.app.world().resource::<Script>().0.is_empty() {
            self.frames(1);
        }
        self.frames(1);
    }

    pub(crate) fn tap(&mut self, key: KeyCode) {
        self.perform([Gesture::Tap(key)]);
    }

    pub(crate) fn viewer(&mut self) -> Mut<'_, Viewer> {
        self.app.world_mut().non_send_mut::<Viewer>()
    }

    /// Looks at the robots.
    pub(crate) fn live<R>(&mut self, look: impl FnOnce(&mut Live) -> R) -> R {
        match &mut self.viewer().stage {
            Some(Stage::Live(live)) => look(live),
            _ => panic!("the stage is not live"),
        }
    }

    /// Where pictures and films go.
    pub(crate) fn out(&self) -> &Path {
        self.scratch.path()
    }

    /// What the next frame looks like.
    pub(crate) fn picture(&mut self) -> render::Image {
        let path = self.scratch.path().join(format!("shot-{}.png", self.pictures));
        self.pictures += 1;
        self.app.world_mut().resource_mut::<Pictures>().ask(path.clone());
        for _ in 0..200 {
            self.frames(1);
            if self.app.world().resource::<Pictures>().pending() == 0 {
                return read(&path);
            }
        }
        panic!("no picture was taken");
    }
}

/// A PNG file as a picture.
pub(crate) fn read(path: &Path) -> render::Image {
    let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgb).unwrap();
    render::Image::from_rgb(info.width as usize, info.height as usize, rgb).unwrap()
}

/// A picture, and which of its pixels show something other than the sky.
pub(crate) struct Reference {
    image: render::Image,
    solid: Vec<bool>,
}

/// What the renderer on the processor makes of the viewer's scene.
pub(crate) fn reference(viewer: &Viewer) -> Reference {
    let options = render::RenderOptions { shadows: true, supersampling: 2 };
    let mut renderer = render::Renderer::new(SIZE.0 as usize, SIZE.1 as usize, options).unwrap();
    let mut image = render::Image::new();
    renderer.render(viewer.scene(), &mut image);
    let solid = renderer.segmentation().map(|geom| geom.is_some()).collect();
    Reference { image, solid }
}

impl Reference {
    /// Compares a picture with it below the sky, which the viewer draws in one colour.
    pub(crate) fn likeness(&self, shown: &render::Image) -> (f64, f64) {
        likeness(shown, &self.image, &self.solid)
    }
}

/// How alike two pictures are where `counts`: the correlation of their channels, since their lights differ in
/// strength, and the share of these pixels that differ by more than 60 of 255 levels once both are as bright on
/// average.
pub(crate) fn likeness(a: &render::Image, b: &render::Image, counts: &[bool]) -> (f64, f64) {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let counted = |image: &render::Image| -> Vec<f64> {
        let pixels = image.rgb().chunks_exact(3).zip(counts).filter(|(_, counts)| **counts);
        pixels.flat_map(|(pixel, _)| pixel.iter().map(|&level| f64::from(level))).collect()
    };
    let centred = |mut levels: Vec<f64>| {
        let mean = levels.iter().sum::<f64>() / levels.len() as f64;
        levels.iter_mut().for_each(|level| *level -= mean);
        levels
    };
    let (a, b) = (centred(counted(a)), centred(counted(b)));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let correlation = product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt();
    let pixels = a.as_chunks::<3>().0.iter().zip(b.as_chunks::<3>().0);
    let far = pixels.filter(|(a, b)| (0..3).any(|channel| (a[channel] - b[channel]).abs() > 60.0)).count();
    (correlation, far as f64 / (a.len() / 3) as f64)
}

/// The share of channels in which two pictures differ by more than 60 of 255 levels.
pub(crate) fn changed(a: &render::Image, b: &render::Image) -> f64 {
    let gaps = a.rgb().iter().zip(b.rgb()).map(|(a, b)| a.abs_diff(*b));
    gaps.filter(|gap| *gap > 60).count() as f64 / a.rgb().len() as f64
}
