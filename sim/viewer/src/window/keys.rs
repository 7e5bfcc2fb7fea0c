//! What the keys do.

use bevy::prelude::*;
use bevy_egui::input::EguiWantsInput;
use telos::rewards::feedback::Choice;

use super::Pictures;
use crate::{
    Viewer,
    demonstration::action_of,
    rig::Mode,
    stage::{Live, Stage},
};

/// Metres per second of a flying camera, per metre of its distance.
const FLIGHT: f32 = 0.7;

/// Keys and what they do, for the help window.
pub(super) const HELP: &[(&str, &str)] = &[
    ("Space", "pause"),
    (".", "one step"),
    ("[ ]", "slower, faster"),
    ("Home", "same episode again"),
    ("End", "next seed, next episode of a dataset"),
    ("F1", "this list"),
    ("F2", "camera: task, orbit, follow, fly"),
    ("F3 F4 F5 F6", "trails, contacts, forces, proposed actions"),
    ("F9", "begin a film, end it"),
    ("F12", "picture"),
    ("Tab", "panels"),
    ("arrows, Page Up/Down", "fly"),
    ("left button", "pull a body, or turn the camera"),
    ("right button", "turn the camera"),
    ("middle button", "shift the camera"),
    ("wheel", "closer, farther"),
];
/// Keys of the labelling.
pub(super) const LABELLING_HELP: &[(&str, &str)] = &[
    ("Left, 1", "the left clip is better"),
    ("Right, 2", "the right clip is better"),
    ("Down, E", "equally good"),
    ("S", "skip"),
    ("Backspace, U", "take back the last answer"),
];
/// Keys of a demonstration.
pub(super) const STEERING_HELP: &[(&str, &str)] = &[
    ("Q/A W/S E/D R/F ...", "first, second, third ... motor forwards, backwards"),
    ("Enter", "begin to record an episode; keep it"),
    ("Backspace", "drop it"),
    ("closing the window", "writes the dataset"),
];

/// Brings the keys to the viewer, unless somebody types into a panel.
pub(super) fn press(
    mut viewer: NonSendMut<Viewer>,
    keys: Res<ButtonInput<KeyCode>>,
    egui: Res<EguiWantsInput>,
    mut pictures: ResMut<Pictures>,
    time: Res<Time<Real>>,
) {
    if egui.wants_keyboard_input() {
        return;
    }
    let pressed = |key| keys.just_pressed(key);
    if pressed(KeyCode::F12) {
        let path = viewer.picture_path();
        viewer.tell(format!("picture {}", path.display()));
        pictures.ask(path);
    }
    playback(&mut viewer, pressed);
    switches(&mut viewer, pressed);
    match &mut viewer.stage {
        Some(Stage::Labelling(_)) => label(&mut viewer, pressed),
        Some(Stage::Live(live)) if live.is_steered() => {
            steer(live, &keys);
            demonstrate(&mut viewer, pressed);
        }
        _ => {}
    }
    fly(&mut viewer, &keys, time.delta_secs());
}

fn playback(viewer: &mut Viewer, pressed: impl Fn(KeyCode) -> bool) {
    if pressed(KeyCode::Space) {
        viewer.clock.paused = !viewer.clock.paused;
    }
    if pressed(KeyCode::Period) {
        viewer.clock.step_once();
    }
    for (key, factor) in [(KeyCode::BracketLeft, 0.5), (KeyCode::BracketRight, 2.0)] {
        if pressed(key) {
            let speed = viewer.clock.speed() * factor;
            viewer.clock.set_speed(speed);
        }
    }
    if pressed(KeyCode::Home) {
        viewer.reset(false);
    }
    if pressed(KeyCode::End) {
        viewer.reset(true);
    }
}

fn switches(viewer: &mut Viewer, pressed: impl Fn(KeyCode) -> bool) {
    let overlays = &mut viewer.overlays;
    let switches = [
        (KeyCode::F1, &mut overlays.help),
        (KeyCode::F3, &mut overlays.trails),
        (KeyCode::F4, &mut overlays.contacts),
        (KeyCode::F5, &mut overlays.forces),
        (KeyCode::F6, &mut overlays.fan),
        (KeyCode::Tab, &mut overlays.panels),
    ];
    for (key, switch) in switches {
        *switch ^= pressed(key);
    }
    if pressed(KeyCode::F2) {
        let mode = viewer.rig.mode().next();
        viewer.rig.set_mode(mode);
    }
    if pressed(KeyCode::F9) {
        viewer.toggle_film();
    }
}

fn label(viewer: &mut Viewer, pressed: impl Fn(KeyCode) -> bool) {
    let Some(Stage::Labelling(labelling)) = &mut viewer.stage else { return };
    let answers = [
        ([KeyCode::ArrowLeft, KeyCode::Digit1], Choice::First),
        ([KeyCode::ArrowRight, KeyCode::Digit2], Choice::Second),
        ([KeyCode::ArrowDown, KeyCode::KeyE], Choice::Equal),
        ([KeyCode::KeyS, KeyCode::KeyS], Choice::Skip),
    ];
    let given = answers.iter().find(|(keys, _)| keys.iter().any(|key| pressed(*key)));
    let result = match given {
        Some((_, choice)) => labelling.answer(*choice),
        None if pressed(KeyCode::Backspace) || pressed(KeyCode::KeyU) => labelling.undo(),
        None => return,
    };
    viewer.say(result);
}

/// The action that the held keys ask for.
fn steer(live: &mut Live, keys: &ButtonInput<KeyCode>) {
    let Some(space) = live.troupes().first().and_then(|troupe| troupe.players().first()) else { return };
    let action = action_of(&space.env().spec().action, |letter| keys.pressed(key_of(letter)));
    live.steer(&action);
}

fn demonstrate(viewer: &mut Viewer, pressed: impl Fn(KeyCode) -> bool) {
    let Some(Stage::Live(live)) = &mut viewer.stage else { return };
    if pressed(KeyCode::Backspace) {
        live.discard_recording();
    }
    if pressed(KeyCode::Enter) {
        let result = live.toggle_recording();
        viewer.say(result);
    }
}

/// The key of a letter that steers.
fn key_of(letter: char) -> KeyCode {
    match letter {
        'Q' => KeyCode::KeyQ,
        'A' => KeyCode::KeyA,
        'W' => KeyCode::KeyW,
        'S' => KeyCode::KeyS,
        'E' => KeyCode::KeyE,
        'D' => KeyCode::KeyD,
        'R' => KeyCode::KeyR,
        'F' => KeyCode::KeyF,
        'T' => KeyCode::KeyT,
        'G' => KeyCode::KeyG,
        'Y' => KeyCode::KeyY,
        'H' => KeyCode::KeyH,
        'U' => KeyCode::KeyU,
        'J' => KeyCode::KeyJ,
        'I' => KeyCode::KeyI,
        _ => KeyCode::KeyK,
    }
}

fn fly(viewer: &mut Viewer, keys: &ButtonInput<KeyCode>, seconds: f32) {
    if viewer.rig.mode() != Mode::Fly {
        return;
    }
    let axis =
        |plus, minus| f32::from(u8::from(keys.pressed(plus))) - f32::from(u8::from(keys.pressed(minus)));
    let step = [
        axis(KeyCode::ArrowRight, KeyCode::ArrowLeft),
        axis(KeyCode::PageUp, KeyCode::PageDown),
        axis(KeyCode::ArrowUp, KeyCode::ArrowDown),
    ];
    if step != [0.0; 3] {
        let camera = viewer.rig.camera();
        let distance = Vec3::from(camera.eye).distance(Vec3::from(camera.target));
        viewer.rig.shift(step.map(|x| x * FLIGHT * distance * seconds));
    }
}
