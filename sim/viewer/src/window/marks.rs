//! What cannot be seen of a robot: where it has been, what presses on it, what pulls it, what it intends.

use bevy::prelude::*;
use telos::sim::Contact;

use crate::{
    Viewer,
    stage::{Live, Stage},
};

const CONTACT: Color = Color::srgb(0.85, 0.1, 0.45);
const PULL: Color = Color::srgb(0.95, 0.7, 0.1);
const PROPOSAL: Color = Color::srgb(0.15, 0.55, 0.2);
/// Length, metres, of an arrow for a force as large as the robot's weight.
const WEIGHT: f32 = 0.6;
const GRAVITY: f32 = 9.81;

/// Lines are drawn over everything else.
pub(super) fn set_up(mut store: ResMut<GizmoConfigStore>) {
    let (config, _) = store.config_mut::<DefaultGizmoConfigGroup>();
    config.depth_bias = -1.0;
    config.line.width = 2.5;
}

/// Draws all marks that are switched on.
pub(super) fn draw(mut viewer: NonSendMut<Viewer>, mut gizmos: Gizmos) {
    let overlays = viewer.overlays;
    let Some(Stage::Live(live)) = &mut viewer.stage else { return };
    if overlays.trails {
        trails(live, &mut gizmos);
    }
    if overlays.contacts {
        contacts(live, &mut gizmos);
    }
    if overlays.forces {
        pull(live, &mut gizmos);
    }
    if overlays.fan {
        fan(live, &mut gizmos);
    }
}

fn trails(live: &Live, gizmos: &mut Gizmos) {
    for troupe in live.troupes() {
        for (trail, place) in troupe.trails().iter().zip(troupe.places()) {
            let place = Vec3::from(*place);
            let points = trail.coloured();
            gizmos.linestrip_gradient(points.map(|(point, [red, green, blue])| {
                (Vec3::from(point) + place, Color::srgb(red, green, blue))
            }));
        }
    }
}

fn contacts(live: &mut Live, gizmos: &mut Gizmos) {
    for troupe in live.troupes_mut() {
        for row in 0..troupe.players().len() {
            let place = Vec3::from(troupe.places()[row]);
            let player = &mut troupe.players_mut()[row];
            let mass = player.world().map_or(1.0, |world| world.model().total_mass());
            for Contact { position, force, .. } in player.contacts() {
                let (at, force) = (Vec3::from(position) + place, Vec3::from(force));
                gizmos.sphere(at, 0.015, CONTACT);
                arrow(gizmos, at, force * (WEIGHT / (GRAVITY * mass.max(1e-6))), CONTACT);
            }
        }
    }
}

fn pull(live: &mut Live, gizmos: &mut Gizmos) {
    let Some(grip) = live.grip.clone() else { return };
    let player = &mut live.troupes_mut()[grip.troupe].players_mut()[grip.player];
    let mass = player.world().map_or(1.0, |world| world.model().total_mass());
    let (at, goal, force) = (Vec3::from(grip.at), Vec3::from(grip.goal), Vec3::from(grip.force));
    gizmos.line(at, goal, PULL.with_alpha(0.6));
    gizmos.sphere(goal, 0.02, PULL);
    arrow(gizmos, at, force * (WEIGHT / (GRAVITY * mass.max(1e-6))), PULL);
}

fn fan(live: &Live, gizmos: &mut Gizmos) {
    for troupe in live.troupes() {
        let place = troupe.places().first().map_or(Vec3::ZERO, |place| Vec3::from(*place));
        for path in troupe.fan() {
            gizmos.linestrip(path.iter().map(|point| Vec3::from(*point) + place), PROPOSAL);
        }
    }
}

fn arrow(gizmos: &mut Gizmos, from: Vec3, along: Vec3, color: Color) {
    if along.is_finite() && along.length() > 1e-3 {
        gizmos.arrow(from, from + along, color);
    }
}
