//! Answers to a run's questions, and demonstrations.

use bevy_egui::egui;
use telos::rewards::feedback::Choice;

use crate::{Viewer, stage::Stage};

pub(super) fn labelling(ui: &mut egui::Ui, viewer: &mut Viewer) {
    let Some(Stage::Labelling(labelling)) = &mut viewer.stage else { return };
    ui.heading("Which is better?");
    ui.label(labelling.task());
    let progress = labelling.progress();
    ui.label(format!("{} of {} questions are answered", progress.answered, progress.asked));
    let answers = [
        ("Left", "Left or 1", Choice::First),
        ("Right", "Right or 2", Choice::Second),
        ("Equally good", "Down or E", Choice::Equal),
        ("Skip", "S", Choice::Skip),
    ];
    let mut result = Ok(());
    ui.add_enabled_ui(labelling.is_asking(), |ui| {
        for (text, keys, choice) in answers {
            if ui.button(text).on_hover_text(keys).clicked() {
                result = labelling.answer(choice);
            }
        }
    });
    if ui.button("Take back").on_hover_text("Backspace or U: the last answer").clicked() {
        result = labelling.undo();
    }
    viewer.say(result);
}

pub(super) fn demonstration(ui: &mut egui::Ui, viewer: &mut Viewer) {
    let Some(Stage::Live(live)) = &mut viewer.stage else { return };
    let Some(demonstrations) = &live.demonstrations else { return };
    ui.separator();
    ui.heading("Demonstrations");
    ui.label(format!("{} episodes kept for {}", demonstrations.kept(), demonstrations.place().display()));
    let recording = demonstrations.is_recording();
    if recording {
        ui.label(format!("recording, {} steps", demonstrations.steps()));
    }
    let text = if recording { "Keep" } else { "Record an episode" };
    let result =
        if ui.button(text).on_hover_text("Enter").clicked() { live.toggle_recording() } else { Ok(()) };
    if recording && ui.button("Drop").on_hover_text("Backspace").clicked() {
        live.discard_recording();
    }
    viewer.say(result);
}
