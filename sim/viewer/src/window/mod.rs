//! The viewer drawn by Bevy: in a window, or without one into pictures.

mod canvas;
mod capture;
mod drawing;
mod frames;
mod graphics;
mod ground;
mod keys;
mod marks;
mod meshes;
mod panels;
mod pointer;
mod simulated;

pub use canvas::Canvas;
pub use capture::Pictures;
pub use frames::Frames;
pub use graphics::{Quality, check_display, check_graphics};
pub use pointer::Pointer;
pub use simulated::{Gesture, Script};

use std::time::Duration;

use bevy::{
    app::ScheduleRunnerPlugin,
    log::LogPlugin,
    prelude::*,
    render::RenderPlugin,
    window::{ExitCondition, WindowPlugin, WindowResolution},
    winit::WinitPlugin,
};
use bevy_egui::{EguiPlugin, EguiPrimaryContextPass};

use crate::{Options, Viewer};

/// The order within a frame.
#[derive(SystemSet, Clone, Debug, PartialEq, Eq, Hash)]
enum Frame {
    /// Keys and pointer change the viewer.
    Input,
    /// Time passes.
    Time,
    /// Pictures follow.
    Drawing,
}

/// How much time a frame takes.
#[derive(Resource, Clone, Copy, Debug)]
pub enum Pace {
    /// As long as the last one took.
    Wall,
    /// This many seconds, whatever the machine needs.
    Fixed(f32),
}

/// The viewer in a window.
pub fn windowed(viewer: Viewer, options: &Options, quality: Quality) -> App {
    let window = Window {
        title: format!("telos: {}", options.input),
        resolution: WindowResolution::from(options.size),
        ..default()
    };
    let mut app = App::new();
    let window = WindowPlugin { primary_window: Some(window), ..default() };
    app.add_plugins(DefaultPlugins.set(window).disable::<LogPlugin>());
    assemble(app.insert_resource(quality), viewer, Canvas::Window, Pace::Wall);
    app
}

/// The viewer without a window: it draws pictures of this size, in pixels, each `seconds` after the last.
pub fn offscreen(viewer: Viewer, size: (u32, u32), seconds: f32, quality: Quality) -> App {
    let mut app = App::new();
    let nowhere = WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() };
    // A picture without a robot, because its pipeline is still being compiled, is no use.
    let patient = RenderPlugin { synchronous_pipeline_compilation: true, ..default() };
    let plugins = DefaultPlugins.set(nowhere).set(patient);
    app.add_plugins(plugins.disable::<WinitPlugin>().disable::<LogPlugin>());
    app.add_plugins(ScheduleRunnerPlugin::run_loop(Duration::ZERO));
    let canvas = canvas::image(app.world_mut(), size);
    assemble(app.insert_resource(quality), viewer, canvas, Pace::Fixed(seconds));
    app
}

fn assemble(app: &mut App, viewer: Viewer, canvas: Canvas, pace: Pace) {
    app.add_plugins(EguiPlugin::default())
        .insert_resource(ClearColor(drawing::HORIZON))
        .insert_resource(canvas)
        .insert_resource(pace)
        .init_resource::<Pointer>()
        .init_resource::<panels::Uncovered>()
        .init_resource::<Script>()
        .init_resource::<Pictures>()
        .insert_non_send(viewer)
        .configure_sets(Update, (Frame::Input, Frame::Time, Frame::Drawing).chain())
        .add_systems(Startup, (drawing::set_up, marks::set_up))
        .add_systems(PreUpdate, simulated::perform.before(bevy::input::InputSystems))
        .add_systems(Update, (pointer::read, keys::press, pointer::apply).chain().in_set(Frame::Input))
        .add_systems(Update, pass.in_set(Frame::Time))
        .add_systems(Update, (drawing::draw, drawing::aim, marks::draw).in_set(Frame::Drawing))
        .add_systems(EguiPrimaryContextPass, panels::show)
        .add_systems(Last, (capture::take, close).chain());
}

/// Lets time pass.
fn pass(mut viewer: NonSendMut<Viewer>, time: Res<Time<Real>>, pace: Res<Pace>) {
    let seconds = match *pace {
        Pace::Wall => time.delta_secs(),
        Pace::Fixed(seconds) => seconds,
    };
    viewer.advance(seconds);
}

/// Writes what is to be kept when the program ends.
fn close(mut viewer: NonSendMut<Viewer>, mut exits: MessageReader<AppExit>) {
    if exits.read().count() > 0 {
        viewer.close();
    }
}
