//! Time, the camera and what is drawn beside the robots.

use bevy_egui::egui;

use crate::{Viewer, clock::SPEEDS, rig::Mode, stage::Stage};

pub(super) fn show(ui: &mut egui::Ui, viewer: &mut Viewer) {
    time(ui, viewer);
    camera(ui, viewer);
    marks(ui, viewer);
}

fn time(ui: &mut egui::Ui, viewer: &mut Viewer) {
    ui.heading("Time");
    ui.horizontal(|ui| {
        let label = if viewer.clock.paused { "Go on" } else { "Pause" };
        if ui.button(label).on_hover_text("Space").clicked() {
            viewer.clock.paused = !viewer.clock.paused;
        }
        if ui.button("Step").on_hover_text(".").clicked() {
            viewer.clock.step_once();
        }
        if ui.button("Reset").on_hover_text("Home").clicked() {
            viewer.reset(false);
        }
        if ui.button("Next").on_hover_text("End: the next seed, or the next episode").clicked() {
            viewer.reset(true);
        }
    });
    let mut speed = viewer.clock.speed();
    let slider =
        egui::Slider::new(&mut speed, SPEEDS[0]..=SPEEDS[1]).logarithmic(true).suffix("x").text("speed");
    if ui.add(slider).changed() {
        viewer.clock.set_speed(speed);
    }
    match &mut viewer.stage {
        Some(Stage::Live(live)) => {
            let mut seed = live.seed();
            if ui.add(egui::DragValue::new(&mut seed).prefix("seed ")).changed() {
                live.reseed(seed);
            }
        }
        Some(Stage::Recording(recording)) => {
            let (mut episode, count) = (recording.episode() + 1, recording.dataset().episodes().len());
            if ui.add(egui::Slider::new(&mut episode, 1..=count).text("episode")).changed() {
                let selected = recording.select(episode - 1);
                viewer.say(selected);
            }
        }
        _ => {}
    }
    ui.horizontal(|ui| {
        let label = if viewer.is_filming() { "End film" } else { "Film" };
        if ui.button(label).on_hover_text("F9: an MP4 file").clicked() {
            viewer.toggle_film();
        }
        ui.label("F12: picture, F1: all keys");
    });
    ui.separator();
}

fn camera(ui: &mut egui::Ui, viewer: &mut Viewer) {
    ui.heading("Camera");
    ui.horizontal(|ui| {
        for mode in Mode::ALL {
            if ui.selectable_label(viewer.rig.mode() == mode, mode.name()).clicked() {
                viewer.rig.set_mode(mode);
            }
        }
    });
    ui.separator();
}

fn marks(ui: &mut egui::Ui, viewer: &mut Viewer) {
    if !matches!(viewer.stage, Some(Stage::Live(_))) {
        return;
    }
    ui.heading("Marks");
    let overlays = &mut viewer.overlays;
    let switches = [
        (&mut overlays.trails, "trails, coloured by reward", "F3"),
        (&mut overlays.contacts, "contacts", "F4"),
        (&mut overlays.forces, "forces", "F5"),
        (&mut overlays.fan, "proposed actions", "F6"),
    ];
    for (switch, text, key) in switches {
        ui.checkbox(switch, text).on_hover_text(key);
    }
    ui.separator();
}
