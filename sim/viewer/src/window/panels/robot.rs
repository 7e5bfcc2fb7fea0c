//! Physics that can be changed, and the forces in the joints.

use bevy_egui::egui;

use crate::{
    Viewer,
    physics::Factors,
    stage::{Live, Stage},
};

/// Largest factor that a slider gives.
const MOST: f32 = 3.0;

pub(super) fn show(ui: &mut egui::Ui, viewer: &mut Viewer) {
    let forces = viewer.overlays.forces;
    let Some(Stage::Live(live)) = &mut viewer.stage else { return };
    physics(ui, live);
    if let Some(grip) = &live.grip {
        let newtons = grip.force.iter().map(|x| x * x).sum::<f32>().sqrt();
        ui.label(format!("pulling with {newtons:.1} N"));
    }
    if forces {
        joints(ui, live);
    }
}

fn physics(ui: &mut egui::Ui, live: &mut Live) {
    ui.heading("Physics");
    let mut factors = live.factors();
    let sliders = [
        (&mut factors.gravity, 0.0, "gravity"),
        (&mut factors.mass, 0.1, "mass"),
        (&mut factors.friction, 0.0, "friction"),
        (&mut factors.damping, 0.0, "damping"),
        (&mut factors.motor, 0.0, "motors"),
    ];
    for (factor, least, name) in sliders {
        ui.add(egui::Slider::new(factor, least..=MOST).text(name).suffix("x"));
    }
    if ui.button("As in the model").clicked() {
        factors = Factors::default();
    }
    live.set_factors(factors);
    ui.separator();
}

fn joints(ui: &mut egui::Ui, live: &mut Live) {
    let player = live.troupes_mut().first_mut().and_then(|troupe| troupe.players_mut().first_mut());
    let forces = player.map(crate::stage::Player::joint_forces).unwrap_or_default();
    if forces.is_empty() {
        return;
    }
    ui.heading("Joint forces, N m or N");
    let most = forces.iter().map(|(_, force)| force.abs()).fold(1e-6, f32::max);
    egui::Grid::new("forces").num_columns(2).show(ui, |ui| {
        for (name, force) in &forces {
            ui.label(name);
            ui.add(
                egui::ProgressBar::new(force.abs() / most).text(format!("{force:.2}")).desired_width(90.0),
            );
            ui.end_row();
        }
    });
}
