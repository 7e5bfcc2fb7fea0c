//! Every kind of input is shown, and looks as the renderer on the processor draws it.

use bevy::input::keyboard::KeyCode;
use telos_viewer::{stage::Stage, traces::Quantity};

use crate::{
    material,
    screen::{Screen, reference},
};

/// Bevy's light, haze and shadows are other ones than the processor's, but light and dark are at the same places.
const ALIKE: f64 = 0.8;
/// Edges and shadows.
const FAR: f64 = 0.04;

#[test]
fn environments_look_as_the_processor_draws_them() {
    for env in ["cheetah-run", "arm-lift", "push-t", "quadruped-walk", "reacher"] {
        let mut screen = Screen::open(&[env, "--bare", "--paused"]);
        screen.viewer().overlays.trails = false;
        screen.frames(3);
        let (shown, drawn) = (screen.picture(), reference(&screen.viewer()));
        let (alike, far) = drawn.likeness(&shown);
        assert!(alike > ALIKE && far < FAR, "{env}: correlation {alike}, share of far pixels {far}");
    }
}

#[test]
fn a_grid_shows_every_robot() {
    let mut screen = Screen::open(&["hopper-hop", "--count", "4", "--bare", "--paused"]);
    screen.frames(3);
    let (shown, drawn) = (screen.picture(), reference(&screen.viewer()));
    let (alike, far) = drawn.likeness(&shown);
    assert!(alike > ALIKE && far < FAR, "correlation {alike}, share of far pixels {far}");
    assert_eq!(screen.live(|live| live.exhibits().len()), 4);
}

#[test]
fn a_run_plays_its_policy_follows_its_training_and_shows_what_it_learned() {
    let scratch = tempfile::tempdir().unwrap();
    let run = material::run(scratch.path());
    // As it was before its last checkpoint.
    let last = run.join("checkpoints/step-0000001200.ckpt");
    let aside = scratch.path().join("aside");
    std::fs::rename(&last, &aside).unwrap();
    let path = run.display().to_string();
    let mut screen = Screen::open(&[&path, "--against", &path, "--count", "2"]);
    screen.frames(10);
    screen.live(|live| {
        assert!(live.troupes()[0].pilot().describe().contains("step 900 of 1200"));
        for quantity in Quantity::ALL {
            assert!(live.traces()[0].values(quantity).count() > 5, "{}", quantity.name());
        }
        assert!(live.traces()[0].range(Quantity::Disagreement).unwrap()[1] > 0.0);
    });
    let ghosts = screen.viewer().scene().geoms.iter().filter(|geom| geom.rgba[3] < 1.0).count();
    assert!(ghosts > 0, "the second policy is a ghost");
    std::fs::rename(&aside, &last).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    screen.frames(2);
    screen.live(|live| assert!(live.troupes()[0].pilot().describe().contains("step 1200")));
    assert!(screen.viewer().notice.as_ref().unwrap().text.contains("step 1200"));
}

#[test]
fn a_dataset_is_played_and_can_be_scrubbed() {
    let scratch = tempfile::tempdir().unwrap();
    let path = material::dataset(scratch.path(), "reacher").display().to_string();
    let mut screen = Screen::open(&[&path, "--bare"]);
    screen.frames(5);
    let played = screen.viewer().stage.as_ref().unwrap().position().unwrap();
    assert!(played.0 > 0 && played.1 == 30, "{played:?}");
    screen.tap(KeyCode::Space);
    screen.viewer().stage.as_mut().unwrap().seek(12);
    screen.frames(2);
    let at_12 = screen.viewer().scene().clone();
    screen.viewer().stage.as_mut().unwrap().seek(29);
    screen.frames(2);
    assert_ne!(screen.viewer().scene().geoms, at_12.geoms);
    screen.viewer().stage.as_mut().unwrap().seek(12);
    screen.frames(2);
    assert_eq!(screen.viewer().scene().geoms, at_12.geoms);
    let shown = screen.picture();
    let (alike, far) = reference(&screen.viewer()).likeness(&shown);
    assert!(alike > ALIKE && far < FAR, "correlation {alike}, share of far pixels {far}");
    screen.tap(KeyCode::End);
    match &screen.viewer().stage {
        Some(Stage::Recording(recording)) => assert_eq!(recording.episode(), 1),
        _ => panic!("a dataset is a recording"),
    };
}
