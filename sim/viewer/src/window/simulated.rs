//! Keys and pointer without hands: what a test would press, in the order of frames.
//!
//! Keys go through Bevy's own input; the pointer, which belongs to a window that is not there, is set.

use std::collections::VecDeque;

use bevy::{
    input::{
        ButtonState,
        keyboard::{Key, KeyboardInput},
    },
    prelude::*,
};
use bevy_egui::{EguiInput, PrimaryEguiContext, egui};

use super::Pointer;

/// One thing that hands do; each takes one frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Gesture {
    /// Presses a key and lets it go in the next frame.
    Tap(KeyCode),
    /// Presses a key.
    Press(KeyCode),
    /// Lets a key go.
    Release(KeyCode),
    /// Moves the pointer to a pixel.
    Move(f32, f32),
    /// Holds the left button, or lets it go.
    Hold(bool),
    /// Turns the wheel.
    Scroll(f32),
    /// Types into the panel that has the keyboard.
    Type(String),
    /// Does nothing for some frames.
    Wait(u32),
}

/// Gestures that are still to come.
#[derive(Resource, Clone, Debug, Default)]
pub struct Script(pub VecDeque<Gesture>);

impl Script {
    /// Appends gestures.
    pub fn extend(&mut self, gestures: impl IntoIterator<Item = Gesture>) {
        self.0.extend(gestures);
    }
}

/// Performs the next gesture.
pub(super) fn perform(
    mut script: ResMut<Script>,
    mut pointer: ResMut<Pointer>,
    mut keys: MessageWriter<KeyboardInput>,
    mut panels: Query<&mut EguiInput, With<PrimaryEguiContext>>,
) {
    let Some(gesture) = script.0.pop_front() else { return };
    (pointer.moved, pointer.scrolled) = (Vec2::ZERO, 0.0);
    let mut tell = |event: egui::Event| {
        panels.iter_mut().for_each(|mut input| input.events.push(event.clone()));
    };
    let mut press = |key_code, state| {
        let (logical_key, text, repeat) =
            (Key::Unidentified(bevy::input::keyboard::NativeKey::Unidentified), None, false);
        keys.write(KeyboardInput { key_code, logical_key, state, text, repeat, window: Entity::PLACEHOLDER });
    };
    match gesture {
        Gesture::Tap(key) => {
            press(key, ButtonState::Pressed);
            script.0.push_front(Gesture::Release(key));
        }
        Gesture::Press(key) => press(key, ButtonState::Pressed),
        Gesture::Release(key) => press(key, ButtonState::Released),
        Gesture::Move(x, y) => {
            let at = Vec2::new(x, y);
            pointer.moved = pointer.at.map_or(Vec2::ZERO, |was| at - was);
            pointer.at = Some(at);
            tell(egui::Event::PointerMoved(egui::pos2(x, y)));
        }
        Gesture::Hold(pressed) => {
            pointer.held[0] = pressed;
            if let Some(at) = pointer.at {
                let (pos, button) = (egui::pos2(at.x, at.y), egui::PointerButton::Primary);
                tell(egui::Event::PointerButton { pos, button, pressed, modifiers: egui::Modifiers::NONE });
            }
        }
        Gesture::Scroll(notches) => pointer.scrolled = notches,
        Gesture::Type(text) => tell(egui::Event::Text(text)),
        Gesture::Wait(frames) if frames > 1 => script.0.push_front(Gesture::Wait(frames - 1)),
        Gesture::Wait(_) => {}
    }
}
