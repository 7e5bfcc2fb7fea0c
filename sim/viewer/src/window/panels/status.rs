//! Messages: the last one below, or in the middle when there is nothing else to show.

use bevy_egui::egui::{self, Color32, RichText};

use crate::{Viewer, stage::Stage};

const WRONG: Color32 = Color32::from_rgb(255, 140, 120);

/// Why there is nothing to see.
pub(super) fn failure(context: &egui::Context, viewer: &Viewer) {
    let text = viewer.notice.as_ref().map_or("nothing to show", |notice| &notice.text);
    let window = egui::Window::new("This cannot be shown").collapsible(false).resizable(false);
    window.anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO).default_width(560.0).show(context, |ui| {
        ui.label(RichText::new(text).color(WRONG).size(16.0));
        ui.label("Close the window and start telos-viewer again; --help lists what it takes.");
    });
}

/// What is shown, how far it is, and the last message.
pub(super) fn bar(ui: &mut egui::Ui, viewer: &mut Viewer) {
    egui::Panel::bottom("status").resizable(false).show(ui, |ui| {
        timeline(ui, viewer);
        ui.horizontal(|ui| {
            ui.label(heading(viewer));
            if let Some(notice) = &viewer.notice {
                ui.separator();
                let text = RichText::new(&notice.text);
                ui.label(if notice.is_error { text.color(WRONG) } else { text });
            }
        });
    });
}

/// A slider over the states of a recording.
fn timeline(ui: &mut egui::Ui, viewer: &mut Viewer) {
    let Some((mut at, last)) = viewer.stage.as_ref().and_then(Stage::position).filter(|(_, last)| *last > 0)
    else {
        return;
    };
    ui.spacing_mut().slider_width = (ui.available_width() - 70.0).max(60.0);
    if ui.add(egui::Slider::new(&mut at, 0..=last)).changed() {
        viewer.clock.paused = true;
        if let Some(stage) = &mut viewer.stage {
            stage.seek(at);
        }
        viewer.refresh();
    }
}

fn heading(viewer: &Viewer) -> String {
    let pace = if viewer.clock.paused { "paused".into() } else { format!("{}x", viewer.clock.speed()) };
    match &viewer.stage {
        Some(Stage::Live(live)) => {
            let who: Vec<String> = live.troupes().iter().map(|troupe| troupe.pilot().describe()).collect();
            format!("{} | {pace}", who.join(" and, as a ghost, "))
        }
        Some(Stage::Recording(recording)) => {
            let (count, view) = (recording.dataset().episodes().len(), recording.view());
            format!(
                "{} | episode {} of {count}, return {:.1} | {pace}",
                recording.dataset().info().env,
                recording.episode() + 1,
                view.total_reward()
            )
        }
        Some(Stage::Labelling(labelling)) if labelling.is_asking() => format!("which is better? | {pace}"),
        Some(Stage::Labelling(_)) => "nothing is asked just now".into(),
        None => String::new(),
    }
}
