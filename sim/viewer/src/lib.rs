//! A window on telos: robots, runs and datasets, with what was learned of them, and a place to teach.
//!
//! Everything that can be thought without a window is a module of its own, tested on its own: the [`stage`]
//! (robots that move, recordings, questions), [`clock`], [`rig`] (the camera), [`drag`], [`demonstration`],
//! [`labelling`], [`traces`], [`trail`] and [`similarity`], all held together by [`Viewer`]. The module
//! [`window`] draws it with Bevy and brings keys and pointer to it.

pub mod clock;
pub mod demonstration;
pub mod drag;
mod error;
pub mod labelling;
mod options;
pub mod physics;
pub mod rig;
pub mod similarity;
pub mod stage;
pub mod traces;
pub mod trail;
mod viewer;
pub mod window;

pub use error::ViewerError;
pub use options::{Options, PolicyChoice};
pub use viewer::{Notice, Overlays, Viewer};

use bevy::app::AppExit;

/// Shows what the options name, until it is closed; the exit code of the program.
pub fn run(options: &Options) -> i32 {
    let opened = Viewer::open(options);
    if let Err(error) = &opened {
        tracing::error!("{error}");
    }
    let display = if options.headless { Ok(()) } else { window::check_display() };
    let quality = match display.and_then(|()| window::check_graphics()) {
        Ok(quality) => quality,
        Err(error) => {
            tracing::error!("{error}");
            return error.exit_code();
        }
    };
    let viewer = match opened {
        Ok(viewer) => viewer,
        Err(error) if options.headless => return error.exit_code(),
        // Whoever started it from a desktop sees no terminal.
        Err(error) => Viewer::with_error(&error, options),
    };
    if let Err(error) = make_directory(options) {
        tracing::error!("{error}");
        return error.exit_code();
    }
    let refused = viewer.exit_code;
    let mut app = if options.headless {
        let (out, timing) = (options.out.clone(), options.timing);
        // Pictures that are kept may take their time.
        let quality = if timing { quality } else { window::Quality::Fine };
        let mut app = window::offscreen(viewer, options.size, FRAME, quality);
        app.add_plugins(window::Frames { count: options.frames, out, timing });
        app
    } else {
        window::windowed(viewer, options, quality)
    };
    match app.run() {
        AppExit::Success => refused,
        AppExit::Error(code) => i32::from(code.get()),
    }
}

/// Seconds from one frame to the next without a window.
const FRAME: f32 = 0.04;

fn make_directory(options: &Options) -> Result<(), ViewerError> {
    std::fs::create_dir_all(&options.out)
        .map_err(|source| ViewerError::Io { path: options.out.clone(), source })
}
