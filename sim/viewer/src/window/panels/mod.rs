//! The panels: left what the viewer does, right what was learned, below what is to be said.

mod help;
mod learning;
mod playback;
mod robot;
mod status;
mod teaching;

use bevy::prelude::*;
use bevy_egui::{EguiContexts, egui};

use crate::{Viewer, stage::Stage};

/// Widths of the panels, in points.
const LEFT: f32 = 220.0;
const RIGHT: f32 = 250.0;

/// What the panels of the last frame left of the picture; `None` before the first.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(super) struct Uncovered(Option<egui::Rect>);

impl Uncovered {
    /// Whether no panel is at this place, in points from the top left. Panels share egui's background with the
    /// robot, so that egui itself cannot tell.
    pub(super) fn contains(&self, at: Vec2) -> bool {
        self.0.is_none_or(|rect| rect.contains(egui::pos2(at.x, at.y)))
    }
}

/// Shows the panels, where they are switched on, and in any case what went wrong.
pub(super) fn show(
    mut contexts: EguiContexts,
    mut viewer: NonSendMut<Viewer>,
    mut uncovered: ResMut<Uncovered>,
) -> Result {
    let context = contexts.ctx_mut()?.clone();
    let viewer = &mut *viewer;
    let whole =
        egui::UiBuilder::new().layer_id(egui::LayerId::background()).max_rect(context.viewport_rect());
    let mut root = egui::Ui::new(context.clone(), "panels".into(), whole);
    if viewer.stage.is_none() {
        status::failure(&context, viewer);
        return Ok(());
    }
    let failed = viewer.notice.as_ref().is_some_and(|notice| notice.is_error);
    if viewer.overlays.panels || failed {
        status::bar(&mut root, viewer);
    }
    if viewer.overlays.panels {
        egui::Panel::left("left").resizable(false).exact_size(LEFT).show(&mut root, |ui| {
            egui::ScrollArea::vertical().show(ui, |ui| {
                playback::show(ui, viewer);
                robot::show(ui, viewer);
            });
        });
        egui::Panel::right("right").resizable(false).exact_size(RIGHT).show(&mut root, |ui| {
            egui::ScrollArea::vertical().show(ui, |ui| match &viewer.stage {
                Some(Stage::Labelling(_)) => teaching::labelling(ui, viewer),
                _ => {
                    learning::show(ui, viewer);
                    teaching::demonstration(ui, viewer);
                }
            });
        });
    }
    uncovered.0 = Some(root.available_rect_before_wrap());
    if viewer.overlays.help {
        help::show(&context, viewer);
    }
    Ok(())
}
