//! The list of keys.

use bevy_egui::egui;

use super::super::keys::{HELP, LABELLING_HELP, STEERING_HELP};
use crate::{Viewer, stage::Stage};

pub(super) fn show(context: &egui::Context, viewer: &mut Viewer) {
    let more = match &viewer.stage {
        Some(Stage::Labelling(_)) => LABELLING_HELP,
        Some(Stage::Live(live)) if live.is_steered() => STEERING_HELP,
        _ => &[],
    };
    let window = egui::Window::new("Keys").collapsible(false).open(&mut viewer.overlays.help);
    window.anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO).show(context, |ui| {
        egui::Grid::new("keys").num_columns(2).striped(true).show(ui, |ui| {
            for (keys, what) in more.iter().chain(HELP) {
                ui.strong(*keys);
                ui.label(*what);
                ui.end_row();
            }
        });
    });
}
