//! What people teach in the window ends up where training finds it.

use bevy::input::keyboard::KeyCode;
use telos::{
    RunDirectory,
    envs::dataset::Dataset,
    rewards::{
        feedback::Choice,
        teacher::people::{directory, read_events, standing},
    },
};
use telos_viewer::{stage::Stage, window::Gesture};

use crate::{material, screen::Screen};

#[test]
fn answers_land_in_the_log_of_the_page_and_can_be_taken_back() {
    let scratch = tempfile::tempdir().unwrap();
    let run = material::asking_run(scratch.path(), 3);
    let mut screen = Screen::open(&[&run.display().to_string(), "--label", "--annotator", "ann"]);
    screen.frames(10);
    let (at, last) = screen.viewer().stage.as_ref().unwrap().position().unwrap();
    assert!(at > 0 && last == 30, "both clips play: {at} of {last}");
    let robots = screen.viewer().scene().geoms.iter().filter(|geom| &*geom.body != "world").count();
    assert!(robots > 1 && robots.is_multiple_of(2), "two robots: {robots} geoms");
    screen.tap(KeyCode::ArrowLeft);
    screen.tap(KeyCode::ArrowDown);
    screen.tap(KeyCode::KeyU);
    screen.tap(KeyCode::Digit2);
    let people = directory(&RunDirectory::open(&run).unwrap().feedback());
    let stored = standing(read_events(&people, 0).unwrap());
    let choices: Vec<(Choice, &str)> =
        stored.iter().map(|(_, answer)| (answer.choice, answer.annotator.as_str())).collect();
    assert_eq!(choices, [(Choice::First, "ann"), (Choice::Second, "ann")]);
    match &screen.viewer().stage {
        Some(Stage::Labelling(labelling)) => assert_eq!(labelling.progress().answered, 2),
        _ => panic!("it is a labelling"),
    };
    screen.tap(KeyCode::KeyS);
    screen.frames(3);
    assert!(screen.viewer().notice.as_ref().is_none_or(|notice| !notice.is_error));
}

#[test]
fn a_demonstration_by_keys_is_a_dataset() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("demonstrations");
    let mut screen = Screen::open(&["reacher", "--teleoperate", &place.display().to_string()]);
    let start = [Gesture::Tap(KeyCode::Enter), Gesture::Press(KeyCode::KeyQ), Gesture::Press(KeyCode::KeyS)];
    screen.perform(start.into_iter().chain([Gesture::Wait(10), Gesture::Tap(KeyCode::Enter)]));
    // One that is dropped.
    screen.perform([Gesture::Tap(KeyCode::Enter), Gesture::Wait(3), Gesture::Tap(KeyCode::Backspace)]);
    assert_eq!(screen.live(|live| live.demonstrations.as_ref().unwrap().kept()), 1);
    screen.viewer().close();
    let dataset = Dataset::open(&place).unwrap();
    assert_eq!(dataset.episodes().len(), 1);
    let episode = dataset.episode(0);
    assert!(episode.steps > 5);
    assert_eq!(episode.actions[episode.actions.len() - 2..], [1.0, -1.0]);
    drop(screen);
    // And it can be shown.
    let mut screen = Screen::open(&[&place.display().to_string(), "--bare"]);
    screen.frames(3);
    assert!(screen.viewer().notice.is_none());
}
