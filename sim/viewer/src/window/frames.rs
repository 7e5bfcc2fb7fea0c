//! Without a window: draws a number of frames, keeps each as a picture, and ends.

use std::{path::PathBuf, time::Instant};

use bevy::prelude::*;

use super::Pictures;
use crate::Viewer;

/// Draws `count` frames into `out` and ends the program when all of them are written.
#[derive(Clone, Debug)]
pub struct Frames {
    /// How many.
    pub count: u32,
    /// Where they go, as `frame-0000.png` and so on.
    pub out: PathBuf,
    /// Whether to say how long it took, and to keep no pictures.
    pub timing: bool,
}

#[derive(Resource)]
struct Progress {
    frames: Frames,
    drawn: u32,
    started: Option<Instant>,
}

impl Plugin for Frames {
    fn build(&self, app: &mut App) {
        app.insert_resource(Progress { frames: self.clone(), drawn: 0, started: None });
        app.add_systems(PostUpdate, draw);
    }
}

fn draw(
    mut progress: ResMut<Progress>,
    mut pictures: ResMut<Pictures>,
    viewer: NonSend<Viewer>,
    mut exit: MessageWriter<AppExit>,
) {
    if progress.drawn < progress.frames.count {
        if !progress.frames.timing {
            pictures.ask(progress.frames.out.join(format!("frame-{:04}.png", progress.drawn)));
        }
        // The first frame builds pipelines and uploads meshes.
        if progress.drawn == 1 {
            progress.started = Some(Instant::now());
        }
        progress.drawn += 1;
    } else if pictures.pending() == 0 {
        if let Some(started) = progress.started.take().filter(|_| progress.frames.timing) {
            let frames = f64::from(progress.frames.count - 1);
            let rate = frames / started.elapsed().as_secs_f64();
            tracing::info!("{frames} frames and {} steps, {rate:.1} frames per second", viewer.steps());
        }
        exit.write(match viewer.exit_code {
            0 => AppExit::Success,
            code => AppExit::from_code(code as u8),
        });
    }
}
