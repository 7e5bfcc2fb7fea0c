//! Keys and pointer, as hands would use them.

use bevy::input::keyboard::KeyCode;
use telos_viewer::{rig::Mode, window::Gesture};

use crate::screen::{SIZE, Screen};

#[test]
fn keys_pause_step_reset_and_change_the_seed() {
    let mut screen = Screen::open(&["walker-walk", "--bare"]);
    screen.frames(4);
    let moved = screen.viewer().steps();
    assert!(moved > 0);
    screen.tap(KeyCode::Space);
    let stopped = screen.viewer().steps();
    screen.frames(5);
    assert_eq!(screen.viewer().steps(), stopped);
    screen.tap(KeyCode::Period);
    assert_eq!(screen.viewer().steps(), stopped + 1);
    screen.tap(KeyCode::End);
    assert_eq!(screen.live(|live| (live.seed(), live.troupes()[0].players()[0].steps())), (1, 0));
    screen.tap(KeyCode::BracketLeft);
    assert_eq!(screen.viewer().clock.speed(), 0.5);
    screen.tap(KeyCode::F2);
    assert_eq!(screen.viewer().rig.mode(), Mode::Orbit);
}

#[test]
fn a_body_follows_the_pointer_and_the_sky_turns_the_camera() {
    let mut screen = Screen::open(&["walker-walk", "--policy", "idle", "--bare"]);
    // Looked at from the side, so that the torso is in the middle.
    let mut camera = screen.viewer().scene().camera.clone();
    camera.target =
        screen.viewer().scene().geoms.iter().find(|geom| &*geom.body == "torso").unwrap().position;
    screen.viewer().rig.set_mode(Mode::Orbit);
    screen.viewer().rig.look_from(&camera);
    screen.frames(1);
    let (x, y) = (SIZE.0 as f32 / 2.0, SIZE.1 as f32 / 2.0);
    screen.perform([Gesture::Move(x, y), Gesture::Hold(true), Gesture::Move(x, 20.0), Gesture::Wait(10)]);
    let force = screen.live(|live| live.grip.as_ref().unwrap().force);
    assert!(force[2] > 1.0, "{force:?}");
    screen.perform([Gesture::Hold(false)]);
    assert!(screen.live(|live| live.grip.is_none()));
    let before = screen.viewer().rig.camera();
    screen.perform([
        Gesture::Move(5.0, 5.0),
        Gesture::Hold(true),
        Gesture::Move(60.0, 5.0),
        Gesture::Hold(false),
    ]);
    assert_ne!(screen.viewer().rig.camera().eye, before.eye);
    let far = screen.viewer().rig.camera();
    screen.perform([Gesture::Scroll(3.0)]);
    assert_ne!(screen.viewer().rig.camera().eye, far.eye);
}

#[test]
fn sliders_change_physics_and_panels_take_the_pointer() {
    let mut screen = Screen::sized(&["hopper-hop", "--paused"], (480, 560));
    screen.frames(3);
    let camera = screen.viewer().rig.camera();
    // Down the left panel, where a slider of physics is somewhere.
    let mut met = false;
    for y in (290..400).step_by(6) {
        let y = y as f32;
        screen.perform([
            Gesture::Move(60.0, y),
            Gesture::Hold(true),
            Gesture::Move(90.0, y),
            Gesture::Hold(false),
        ]);
        met = screen.live(|live| live.factors() != telos_viewer::physics::Factors::default());
        if met {
            break;
        }
    }
    assert!(met, "no slider was met");
    let turned = screen.viewer().rig.camera().eye;
    let moved = turned.iter().zip(camera.eye).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(moved < 1e-4, "the camera does not turn below a panel: {turned:?} after {:?}", camera.eye);
}

#[test]
fn pictures_and_films_are_written() {
    let mut screen = Screen::open(&["reacher"]);
    let bare = {
        screen.tap(KeyCode::Tab);
        screen.picture()
    };
    screen.tap(KeyCode::Tab);
    screen.tap(KeyCode::F1);
    let help = screen.picture();
    assert!(crate::screen::changed(&bare, &help) > 0.3, "panels and help are seen");
    screen.perform([Gesture::Tap(KeyCode::F9), Gesture::Wait(10), Gesture::Tap(KeyCode::F9)]);
    assert!(screen.out().join("film-000.mp4").exists());
    screen.perform([Gesture::Tap(KeyCode::F12), Gesture::Wait(10)]);
    assert!(screen.out().join("picture-000.png").exists());
}
