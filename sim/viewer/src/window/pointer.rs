//! The pointer: it pulls bodies, and turns and shifts the camera.

use bevy::{
    input::mouse::{AccumulatedMouseScroll, MouseScrollUnit},
    prelude::*,
    window::PrimaryWindow,
};
use bevy_egui::input::EguiWantsInput;

use super::{Canvas, panels::Uncovered};
use crate::Viewer;

/// Lines of a wheel that are one notch of ours, in pixels of a touch pad.
const PIXELS_PER_NOTCH: f32 = 40.0;

/// Where the pointer is and what it does.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Pointer {
    /// In pixels from the top left of the picture, where it is over it.
    pub at: Option<Vec2>,
    /// Since the last frame, pixels.
    pub moved: Vec2,
    /// Size of the picture, pixels.
    pub size: Vec2,
    /// Notches of the wheel since the last frame.
    pub scrolled: f32,
    /// Whether the left, right and middle buttons are held.
    pub held: [bool; 3],
    /// As it was in the frame before.
    before: [bool; 3],
    /// What the left button does until it is let go.
    pulling: bool,
    turning: bool,
}

/// Reads the pointer of the window. Without one, whoever simulates it sets it.
pub(super) fn read(
    mut pointer: ResMut<Pointer>,
    canvas: Res<Canvas>,
    window: Option<Single<&Window, With<PrimaryWindow>>>,
    buttons: Res<ButtonInput<MouseButton>>,
    scroll: Res<AccumulatedMouseScroll>,
) {
    match (&*canvas, window) {
        (Canvas::Image(_, (width, height)), _) => pointer.size = Vec2::new(*width as f32, *height as f32),
        (Canvas::Window, Some(window)) => {
            let at = window.cursor_position();
            pointer.moved = at.zip(pointer.at).map_or(Vec2::ZERO, |(at, was)| at - was);
            (pointer.at, pointer.size) = (at, window.size());
            pointer.held = [MouseButton::Left, MouseButton::Right, MouseButton::Middle]
                .map(|button| buttons.pressed(button));
            pointer.scrolled = match scroll.unit {
                MouseScrollUnit::Line => scroll.delta.y,
                MouseScrollUnit::Pixel => scroll.delta.y / PIXELS_PER_NOTCH,
            };
        }
        (Canvas::Window, None) => *pointer = Pointer::default(),
    }
}

/// Brings the pointer to the viewer, unless it is over a panel.
pub(super) fn apply(
    mut viewer: NonSendMut<Viewer>,
    mut pointer: ResMut<Pointer>,
    egui: Res<EguiWantsInput>,
    uncovered: Res<Uncovered>,
) {
    let Some(at) = pointer.at.filter(|_| pointer.size.min_element() > 0.0) else { return };
    let over_panel = egui.wants_pointer_input() || egui.is_pointer_over_area() || !uncovered.contains(at);
    let (share, aspect) = (at / pointer.size, pointer.size.x / pointer.size.y);
    let [left, right, middle] = pointer.held;
    let [left_pressed, right_pressed, _] = std::array::from_fn(|i| pointer.held[i] && !pointer.before[i]);
    if left_pressed && !over_panel {
        pointer.pulling = viewer.grab(share.x, share.y, aspect);
        pointer.turning = !pointer.pulling;
    }
    if right_pressed && !over_panel {
        pointer.turning = true;
    }
    if !left && pointer.pulling {
        viewer.release();
        pointer.pulling = false;
    }
    pointer.turning &= left || right;
    if pointer.pulling {
        viewer.drag(share.x, share.y, aspect);
    } else if pointer.turning && pointer.moved != Vec2::ZERO {
        viewer.rig.turn(pointer.moved.x, pointer.moved.y);
    }
    if middle && !over_panel && pointer.moved != Vec2::ZERO {
        let moved = pointer.moved / pointer.size.y;
        viewer.rig.pan(moved.x, moved.y);
    }
    if pointer.scrolled != 0.0 && !over_panel {
        viewer.rig.zoom(pointer.scrolled);
    }
    pointer.before = pointer.held;
}
