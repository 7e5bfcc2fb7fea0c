//! What was learned: rewards, disagreement and values over time, and the fit of a sentence.

use bevy_egui::egui::{self, Color32, Pos2, Stroke};

use crate::{
    Viewer,
    stage::Stage,
    traces::{Quantity, Traces},
};

/// Height of one plot, in points.
const HEIGHT: f32 = 64.0;

pub(super) fn show(ui: &mut egui::Ui, viewer: &mut Viewer) {
    match &viewer.stage {
        Some(Stage::Live(live)) => {
            for (troupe, traces) in live.troupes().iter().zip(live.traces()) {
                ui.heading(troupe.pilot().describe());
                plots(ui, traces);
            }
        }
        Some(Stage::Recording(recording)) => {
            let mut traces = Traces::default();
            recording.readings().iter().for_each(|reading| traces.push(*reading));
            ui.heading("Rewards");
            plots(ui, &traces);
        }
        _ => {}
    }
    sentence(ui, viewer);
}

fn plots(ui: &mut egui::Ui, traces: &Traces) {
    for quantity in Quantity::ALL {
        let Some(range) = traces.range(quantity) else { continue };
        let last = traces.values(quantity).last().unwrap_or(f32::NAN);
        ui.label(format!("{} {last:.3}", quantity.name()));
        plot(ui, traces, quantity, range);
    }
}

/// A line over the last steps, from the lowest value to the highest.
fn plot(ui: &mut egui::Ui, traces: &Traces, quantity: Quantity, [low, high]: [f32; 2]) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), HEIGHT), egui::Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, Color32::from_gray(24));
    let height = (high - low).max(1e-6);
    let at = |(step, value): (usize, f32)| {
        let across = step as f32 / (Traces::LENGTH - 1) as f32;
        let up = 0.06 + 0.88 * ((value - low) / height).clamp(0.0, 1.0);
        Pos2::new(rect.left() + across * rect.width(), rect.bottom() - up * rect.height())
    };
    let finite = traces.values(quantity).enumerate().filter(|(_, value)| value.is_finite());
    painter.line(finite.map(at).collect(), Stroke::new(1.5, colour(quantity)));
    let text = |place: Pos2, anchor: egui::Align2, value: f32| {
        painter.text(
            place,
            anchor,
            format!("{value:.2}"),
            egui::FontId::proportional(9.0),
            Color32::from_gray(150),
        );
    };
    text(rect.left_top(), egui::Align2::LEFT_TOP, high);
    text(rect.left_bottom(), egui::Align2::LEFT_BOTTOM, low);
}

fn colour(quantity: Quantity) -> Color32 {
    match quantity {
        Quantity::Gold => Color32::from_rgb(230, 190, 60),
        Quantity::Learned => Color32::from_rgb(90, 170, 255),
        Quantity::Disagreement => Color32::from_rgb(235, 110, 110),
        Quantity::Value => Color32::from_rgb(120, 210, 140),
    }
}

fn sentence(ui: &mut egui::Ui, viewer: &mut Viewer) {
    let Some(similarity) = &mut viewer.similarity else { return };
    ui.separator();
    ui.heading("The view and a sentence");
    let typed = ui.text_edit_singleline(&mut similarity.draft);
    let asked = if typed.lost_focus() { similarity.ask() } else { Ok(()) };
    match similarity.score() {
        Some(score) => ui.label(format!("similarity {score:.3}")),
        None => ui.label("type a sentence and press Enter"),
    };
    viewer.say(asked);
}
